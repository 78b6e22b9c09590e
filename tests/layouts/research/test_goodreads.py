"""Goodreads as JSON and as CSV becomes our columns."""

from __future__ import annotations

from pathlib import Path

from converted import converted, json_lines

GOODREADS_BOOKS = json_lines(
    {
        "book_id": "25",
        "title": "The Lamp",
        "authors": [{"author_id": "9", "role": ""}],
        "description": "Light.",
        "publisher": "Elm House",
        "language_code": "eng",
        "publication_year": "2006",
        "num_pages": "",
        "popular_shelves": [{"count": "3", "name": "to-read"}],
    }
)
GOODREADS_GENRES = json_lines({"book_id": "25", "genres": {"poetry": 1, "fantasy, paranormal": 7}})


def test_goodreads_json(tmp_path: Path) -> None:
    shelved = {
        "user_id": "88",
        "book_id": "25",
        "review_id": "r",
        "is_read": True,
        "rating": 2,
        "date_added": "Thu Oct 06 20:18:58 -0700 2016",
        "read_at": "",
    }
    unread = {**shelved, "user_id": "89", "is_read": False, "rating": 0}
    files = {
        "goodreads_books_poetry.json.gz": GOODREADS_BOOKS,
        "goodreads_book_genres_initial.json.gz": GOODREADS_GENRES,
        "goodreads_book_authors.json.gz": json_lines({"author_id": "9", "name": "A. Made Up"}),
        "goodreads_interactions_poetry.json.gz": json_lines(shelved, unread),
    }
    found = converted("goodreads", tmp_path, files)
    assert found.items["25"] == {
        "title": "The Lamp",
        "categories": "fantasy, paranormal, poetry",
        "description": "Light.",
        "brand": "A. Made Up",
        "language": "eng",
        "year": 2006,
    }
    assert found.events[0] == ("88", "25", "finished", 2.0, "2016-10-07 03:18:58")
    assert found.events[1][2] == "saved"
    assert str(found.events[1][3]) == "nan"


def test_goodreads_reviews_stand_in_for_interactions(tmp_path: Path) -> None:
    review = {"user_id": "88", "book_id": "25", "rating": 5, "review_text": "Bright."}
    files = {
        "goodreads_books_poetry.json": GOODREADS_BOOKS,
        "goodreads_reviews_poetry.json": json_lines(
            {**review, "date_added": "Thu Oct 06 20:18:58 -0700 2016"}
        ),
    }
    event = ("88", "25", "finished", 5.0, "2016-10-07 03:18:58")
    assert converted("goodreads", tmp_path, files).events == [event]


def test_goodreads_csv_with_its_maps(tmp_path: Path) -> None:
    files = {
        "goodreads_books.json.gz": GOODREADS_BOOKS,
        "goodreads_interactions.csv": "user_id,book_id,is_read,rating,is_reviewed\n0,948,1,5,0\n",
        "book_id_map.csv": "book_id_csv,book_id\n948,25\n",
        "user_id_map.csv": "user_id_csv,user_id\n0,8842281e\n",
    }
    found = converted("goodreads", tmp_path, files)
    assert found.events == [("8842281e", "25", "finished", 5.0)]
    assert found.items["25"]["brand"] == "Elm House"


def test_goodreads_older_spelling_of_what_was_read_and_a_csv_beside(tmp_path: Path) -> None:
    shelved = {"user_id": "88", "book_id": "25", "isRead": False, "rating": 0}
    shelved["date_added"] = "Thu Oct 06 20:18:58 -0700 2016"
    files = {
        "goodreads_books.json": GOODREADS_BOOKS,
        "goodreads_interactions_dedup.json": json_lines(shelved, {**shelved, "isRead": True}),
        "goodreads_interactions.csv": "user_id,book_id,is_read,rating,is_reviewed\n0,948,1,5,0\n",
    }
    found = converted("goodreads", tmp_path, files)
    assert [event[2] for event in found.events] == ["saved", "finished"]
    assert found.result.notes == [
        f"{tmp_path}/files/goodreads_interactions.csv: not read: the JSON files have the times"
    ]

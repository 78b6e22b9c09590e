"""Amazon reviews of three editions become our columns."""

from __future__ import annotations

from pathlib import Path

from converted import converted, json_lines


def test_amazon_2014_is_python_literals(tmp_path: Path) -> None:
    meta = {
        "asin": "000A",
        "title": 'Harp\'s "First" Book',
        "price": 3.17,
        "related": {"also_bought": ["000B"]},
        "salesRank": {"Toys": 21},
        "brand": "Elm",
        "categories": [["Toys", "Games"], ["Toys", "Puzzles"]],
    }
    review = {
        "reviewerID": "A1",
        "asin": "000A",
        "helpful": [2, 3],
        "overall": 1.0,
        "reviewText": "no",
        "unixReviewTime": 1252800000,
    }
    files = {
        "meta_Toys.json.gz": json_lines(meta, python=True),
        "reviews_Toys_5.json.gz": json_lines(review),
    }
    found = converted("amazon2014", tmp_path, files)
    assert found.items["000A"] == {
        "title": 'Harp\'s "First" Book',
        "categories": "Toys, Games, Puzzles",
        "brand": "Elm",
        "price": 3.17,
    }
    assert found.events == [("A1", "000A", 1.0, "2009-09-13 00:00:00")]


def test_amazons_bare_ratings_name_the_user_first_in_2014_and_the_item_in_2018(
    tmp_path: Path,
) -> None:
    meta = json_lines({"asin": "B00X", "title": "Lamp", "category": ["Home", "Lamps"]})
    old = {"meta_Home.json": meta, "ratings_Home.csv": "A1,B00X,4.0,1252800000\n"}
    new = {"meta_Home.json": meta, "Home.csv": "B00X,A1,4.0,1252800000\n"}
    event = ("A1", "B00X", 4.0, "2009-09-13 00:00:00")
    assert converted("amazon2014", tmp_path / "old", old).events == [event]
    assert converted("amazon2018", tmp_path / "new", new).events == [event]


def test_amazon_2018(tmp_path: Path) -> None:
    metas = (
        {
            "asin": "B1",
            "title": "Tin Cup",
            "feature": ["Holds tea"],
            "description": ["A cup.", "Of tin."],
            "price": "$1,012.99",
            "brand": "Elm",
            "category": ["Home", "Cups"],
        },
        {"asin": "B2", "title": "var aPageStart = (new Date()).getTime();", "category": ["Home"]},
        {"asin": "B1", "title": "Tin Cup again"},
    )
    review = {"overall": 5.0, "reviewerID": "A1", "asin": "B1", "unixReviewTime": 1514764800}
    files = {"meta_Home.json.gz": json_lines(*metas), "Home_5.json.gz": json_lines(review)}
    found = converted("amazon2018", tmp_path, files)
    assert found.items["B1"] == {
        "title": "Tin Cup",
        "categories": "Home, Cups",
        "description": "A cup., Of tin.",
        "brand": "Elm",
        "features": "Holds tea",
        "price": 1012.99,
    }
    assert "title" not in found.items["B2"]
    assert found.result.notes == ["1 items left out: there before (the first is kept) (first: B1)"]
    assert found.events == [("A1", "B1", 5.0, "2018-01-01 00:00:00")]


def test_amazon_2023(tmp_path: Path) -> None:
    meta = {
        "main_category": "Home",
        "title": "Tin Cup",
        "average_rating": 4.1,
        "features": ["Holds tea"],
        "description": [],
        "price": "from 9.99",
        "store": "Elm",
        "categories": ["Home", "Cups"],
        "details": {"Color": "Grey"},
        "parent_asin": "B1",
    }
    review = {
        "rating": 2.0,
        "title": "Meh",
        "asin": "B1V2",
        "parent_asin": "B1",
        "user_id": "AG",
        "timestamp": 1588687728923,
    }
    files = {"meta_Home.jsonl": json_lines(meta), "Home.jsonl": json_lines(review)}
    found = converted("amazon2023", tmp_path / "reviews", files)
    assert found.items["B1"] == {
        "title": "Tin Cup",
        "categories": "Home, Cups",
        "features": "Holds tea",
        "brand": "Elm",
        "main_category": "Home",
        "price": 9.99,
    }
    assert found.events == [("AG", "B1", 2.0, "2020-05-05 14:08:48")]
    bare = "user_id,parent_asin,rating,timestamp,history\nAG,B1,2.0,1588687728923,\n"
    again = converted(
        "amazon2023", tmp_path / "bare", {"meta_Home.jsonl": json_lines(meta), "Home.csv": bare}
    )
    assert again.events == found.events

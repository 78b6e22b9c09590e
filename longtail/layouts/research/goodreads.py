"""Goodreads, UCSD Book Graph: books, and interactions as JSON or as CSV with maps of ids."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from longtail.layouts.conversion import Conversion
from longtail.layouts.layout import Layout, Part
from longtail.layouts.sample import any_of, sample_of, with_header, with_keys
from longtail.layouts.table_file import NUMBER, TIME, WHOLE
from longtail.layouts.values import joined, microseconds, number, text

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_CSV_COLUMNS = ("user_id", "book_id", "is_read", "rating")
_READ, _SHELVED = "finished", "saved"
_TRUE = (True, "1", "True", "true")


def _convert(job: Conversion) -> None:
    _convert_books(job)
    files = job.files("interactions")
    with_times = [path for path in files if sample_of(path).keys]
    if with_times:
        job.notes += [
            f"{path}: not read: the JSON files have the times"
            for path in files
            if path not in with_times
        ]
        _convert_json(job, with_times)
    else:
        _convert_csv(job, files)


def _convert_books(job: Conversion) -> None:
    authors = {
        text(author.get("author_id")): text(author.get("name"))
        for path in job.files("authors")
        for author in job.records.objects(path)
    }
    genres = {
        text(book.get("book_id")): joined(sorted(found, key=lambda g: -(number(found[g]) or 0)))
        for path in job.files("genres")
        for book in job.records.objects(path)
        if (found := book.get("genres"))
    }
    items = job.items(
        "title", "categories", "description", "brand", "language", year=WHOLE, pages=WHOLE
    )
    for path in job.files("books"):
        for book in job.records.objects(path):
            book_id = text(book.get("book_id"))
            by = [authors.get(text(a.get("author_id")), "") for a in book.get("authors") or ()]
            items.add(
                book_id,
                text(book.get("title")),
                genres.get(book_id, ""),
                text(book.get("description")),
                joined(by) or text(book.get("publisher")),
                text(book.get("language_code")),
                _whole(book.get("publication_year")),
                _whole(book.get("num_pages")),
            )


def _convert_json(job: Conversion, files: Sequence[Path]) -> None:
    log = job.log("event", rating=NUMBER, timestamp=TIME)
    for path in files:
        for shelved in job.records.objects(path):
            # A review, which has no such field, is of a book that was read.
            is_read = shelved.get("is_read", shelved.get("isRead", True))
            log.add(
                text(shelved.get("user_id")),
                text(shelved.get("book_id")),
                _READ if is_read in _TRUE else _SHELVED,
                # 0 stands for no rating.
                number(shelved.get("rating")) or None,
                shelving_time(text(shelved.get("date_added"))),
            )


def _convert_csv(job: Conversion, files: Sequence[Path]) -> None:
    job.notes.append(
        "goodreads_interactions.csv has no times: the order of the file stands for them"
    )
    books, users = _map_of(job, "map of books", "book_id"), _map_of(job, "map of users", "user_id")
    if not books:
        job.notes.append("no book_id_map.csv: book ids are taken to be those of the books")
    log = job.log("event", rating=NUMBER)
    for path in files:
        for user, book, is_read, rating in job.records.rows(path, _CSV_COLUMNS):
            event = _READ if is_read in _TRUE else _SHELVED
            log.add(users.get(user, user), books.get(book, book), event, number(rating) or None)


def _map_of(job: Conversion, part: str, column: str) -> dict[str, str]:
    return {
        number_in_csv: own
        for path in job.files(part)
        for number_in_csv, own in job.records.rows(path, (f"{column}_csv", column))
    }


def _whole(value: object) -> int | None:
    found = number(value)
    return None if found is None else int(found)


def shelving_time(written: str) -> int | None:
    """Return a time as Goodreads spells it as microseconds since 1970.

    >>> shelving_time("Thu Jan 01 01:00:00 +0100 1970"), shelving_time("")
    (0, None)
    """
    # strptime takes longer than all the rest of a line.
    try:
        _, month, day, clock, zone, year = written.split()
        hour, minute, second = map(int, clock.split(":"))
        moment = datetime(
            int(year), _MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=UTC
        )
        ahead = timezone(timedelta(minutes=int(zone[:3]) * 60 + int(zone[0] + zone[3:])))
    except (ValueError, OverflowError):
        return None
    return microseconds(moment.replace(tzinfo=ahead))


GOODREADS = Layout(
    "Goodreads, UCSD Book Graph",
    (
        Part(
            "books",
            ("goodreads_books*.json",),
            with_keys("book_id", "title", without="user_id"),
            several=True,
        ),
        Part(
            "interactions",
            ("goodreads_interactions*.json", "goodreads_interactions.csv"),
            any_of(
                with_keys("user_id", "book_id", "is_read"),
                with_keys("user_id", "book_id", "date_added"),
                with_header(*_CSV_COLUMNS),
            ),
            several=True,
        ),
        Part(
            "genres",
            ("goodreads_book_genres*.json",),
            with_keys("book_id", "genres"),
            required=False,
        ),
        Part(
            "authors",
            ("goodreads_book_authors.json",),
            with_keys("author_id", "name"),
            required=False,
        ),
        Part(
            "map of books",
            ("book_id_map.csv",),
            with_header("book_id_csv", "book_id"),
            required=False,
        ),
        Part(
            "map of users",
            ("user_id_map.csv",),
            with_header("user_id_csv", "user_id"),
            required=False,
        ),
    ),
    _convert,
)

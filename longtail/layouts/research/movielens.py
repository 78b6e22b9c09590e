"""MovieLens: 100K (``u.data``), 1M and 10M (``.dat`` with ``::``), 20M to 32M and latest (CSV)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from longtail.layouts.conversion import Conversion
from longtail.layouts.layout import Layout, Part
from longtail.layouts.sample import any_of, sample_of, with_cells, with_header
from longtail.layouts.table_file import NUMBER, TIME, WHOLE
from longtail.layouts.values import joined, number, seconds

_GENRES_OF_100K = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
]
_AGES_OF_1M = {
    "1": "under 18",
    "18": "18-24",
    "25": "25-34",
    "35": "35-44",
    "45": "45-49",
    "50": "50-55",
    "56": "56 or more",
}
_OCCUPATIONS_OF_1M = (
    "other",
    "academic or educator",
    "artist",
    "clerical or admin",
    "college or grad student",
    "customer service",
    "doctor or health care",
    "executive or managerial",
    "farmer",
    "homemaker",
    "K-12 student",
    "lawyer",
    "programmer",
    "retired",
    "sales or marketing",
    "scientist",
    "self-employed",
    "technician or engineer",
    "tradesman or craftsman",
    "unemployed",
    "writer",
)
_YEAR = re.compile(r"\((\d{4})\)\s*$")
_ID, _ANY = r"[^\s:|]+", r".*"
_RATING = (_ID, _ID, r"\d(\.\d)?", r"-?\d+")
_MOVIE_OF_100K = with_cells("|", _ID, *[_ANY] * 4, *["[01]"] * len(_GENRES_OF_100K))
_IS_CSV = with_header("movieId")


def _convert(job: Conversion) -> None:
    items = job.items("title", "categories", year=WHOLE)
    for movie, title, genres in _movies(job, job.files("movies")[0]):
        found = _YEAR.search(title)
        items.add(movie, title, joined(genres), int(found.group(1)) if found else None)
    log = job.log(rating=NUMBER, timestamp=TIME)
    for user, movie, rating, time in _ratings(job, job.files("ratings")[0]):
        log.add(user, movie, number(rating), seconds(time))
    for path in job.files("users"):
        users = job.users("age", "gender", "occupation")
        for row in _users(job, path):
            users.add(*row)


def _movies(job: Conversion, path: Path) -> Iterator[tuple[str, str, list[str]]]:
    sample = sample_of(path)
    if _IS_CSV(sample):
        for movie, title, genres in job.records.rows(path, ("movieId", "title", "genres")):
            known = genres != "(no genres listed)"
            yield movie, title, genres.split("|") if known else []
    elif _MOVIE_OF_100K(sample):
        for cells in job.records.cells(path, "|", 5 + len(_GENRES_OF_100K)):
            flags = zip(_GENRES_OF_100K, cells[5:], strict=True)
            yield cells[0], cells[1], [genre for genre, flag in flags if flag == "1"]
    else:
        for movie, title, genres in job.records.cells(path, "::", 3):
            yield movie, title, genres.split("|") if genres != "(no genres listed)" else []


def _ratings(job: Conversion, path: Path) -> Iterator[tuple[str, ...] | list[str]]:
    sample = sample_of(path)
    if _IS_CSV(sample):
        columns = ("userId", "movieId", "rating", "timestamp")
        yield from (tuple(row) for row in job.records.rows(path, columns))
    else:
        yield from job.records.cells(path, "::" if "::" in sample.first else "\t", 4)


def _users(job: Conversion, path: Path) -> Iterator[tuple[str, str, str, str]]:
    if "::" not in sample_of(path).first:
        for user, age, gender, occupation, _ in job.records.cells(path, "|", 5):
            yield user, age, gender, occupation
        return
    for user, gender, age, code, _ in job.records.cells(path, "::", 5):
        known = code.isdecimal() and int(code) < len(_OCCUPATIONS_OF_1M)
        occupation = _OCCUPATIONS_OF_1M[int(code)] if known else code
        yield user, _AGES_OF_1M.get(age, age), gender, occupation


MOVIELENS = Layout(
    "MovieLens 100K, 1M, 10M, 20M, 25M, 32M and latest",
    (
        Part(
            "movies",
            ("movies.csv", "movies.dat", "u.item"),
            any_of(
                with_header("movieId", "title", "genres"),
                with_cells("::", _ID, _ANY, _ANY),
                _MOVIE_OF_100K,
            ),
        ),
        Part(
            "ratings",
            ("ratings.csv", "ratings.dat", "u.data"),
            any_of(
                with_header("userId", "movieId", "rating", "timestamp"),
                with_cells("::", *_RATING),
                with_cells("\t", *_RATING),
            ),
        ),
        Part(
            "users",
            ("users.dat", "u.user"),
            any_of(
                with_cells("::", _ID, "[MF]", r"\d+", r"\d+", _ANY),
                with_cells("|", _ID, r"\d+", "[MF]", _ANY, _ANY),
            ),
            required=False,
        ),
    ),
    _convert,
)

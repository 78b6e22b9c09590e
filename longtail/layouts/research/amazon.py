"""Amazon reviews of 2014 (Python literals), 2018 (JSON) and 2023 (JSON or Parquet)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from longtail.layouts.conversion import Conversion
from longtail.layouts.layout import Layout, Part
from longtail.layouts.sample import any_of, sample_of, with_cells, with_header, with_keys
from longtail.layouts.table_file import NUMBER, TIME
from longtail.layouts.values import milliseconds, number, seconds, text

_ID, _STARS, _TIME = r"[^,]+", r"[1-5](\.0)?", r"\d{9,10}"
# Pages that were saved in place of a title: the data set's own page says how to tell them.
_NO_TITLE = "getTime"

_META = any_of(
    *(
        with_keys("asin", key, without="reviewerID")
        for key in ("title", "categories", "category", "imUrl")
    )
)
_REVIEWS = with_keys("asin", "reviewerID", "overall")
_META_2023 = with_keys("parent_asin", "title", without="user_id")
_META_NAMES = ("meta_*.json", "metadata.json", "meta_*.jsonl")
_BARE_RATINGS = with_cells(",", _ID, _ID, _STARS, _TIME)


def _convert_2014(job: Conversion) -> None:
    _write_items(job)
    _write_log(job, _ratings(job, user=0, item=1))


def _convert_2018(job: Conversion) -> None:
    _write_items(job)
    # The files without reviews turned round between the two editions.
    _write_log(job, _ratings(job, user=1, item=0))


def _convert_2023(job: Conversion) -> None:
    items = job.items(
        "title", "categories", "description", "features", "brand", "main_category", price=NUMBER
    )
    for path in job.files("metadata"):
        for meta in job.records.objects(path):
            items.add(
                text(meta.get("parent_asin")),
                text(meta.get("title")),
                text(meta.get("categories")),
                text(meta.get("description")),
                text(meta.get("features")),
                text(meta.get("store")),
                text(meta.get("main_category")),
                number(meta.get("price")),
            )
    _write_log(job, _ratings_of_2023(job))


def _write_items(job: Conversion) -> None:
    items = job.items("title", "categories", "description", "brand", "features", price=NUMBER)
    for path in job.files("metadata"):
        for meta in job.records.objects(path):
            title = text(meta.get("title"))
            items.add(
                text(meta.get("asin")),
                "" if _NO_TITLE in title else title,
                text(meta.get("categories") or meta.get("category")),
                text(meta.get("description")),
                text(meta.get("brand")),
                text(meta.get("feature")),
                number(meta.get("price")),
            )


def _write_log(job: Conversion, events: Iterator[tuple[str, str, Any, int | None]]) -> None:
    log = job.log(rating=NUMBER, timestamp=TIME)
    for user, item, rating, time in events:
        log.add(user, item, number(rating), time)


def _ratings(
    job: Conversion, *, user: int, item: int
) -> Iterator[tuple[str, str, Any, int | None]]:
    for path in job.files("reviews"):
        if _BARE_RATINGS(sample_of(path)):
            for cells in job.records.cells(path, ",", 4):
                yield cells[user], cells[item], cells[2], seconds(cells[3])
            continue
        for review in job.records.objects(path):
            yield (
                text(review.get("reviewerID")),
                text(review.get("asin")),
                review.get("overall"),
                seconds(review.get("unixReviewTime")),
            )


def _ratings_of_2023(job: Conversion) -> Iterator[tuple[str, str, Any, int | None]]:
    columns = ("user_id", "parent_asin", "rating", "timestamp")
    for path in job.files("reviews"):
        if _is_csv(path):
            for user, item, rating, time in job.records.rows(path, columns):
                yield user, item, rating, milliseconds(time)
            continue
        for review in job.records.objects(path):
            own, asin, stars, moment = (review.get(column) for column in columns)
            yield text(own), text(asin), stars, milliseconds(moment)


def _is_csv(path: Path) -> bool:
    return not sample_of(path).keys


def _layout(edition: str, convert: Any, pages: str) -> Layout:
    return Layout(
        f"Amazon reviews, edition of {edition}",
        (
            Part("metadata", _META_NAMES, _META, several=True),
            Part(
                "reviews", (pages, "*.json", "*.csv"), any_of(_REVIEWS, _BARE_RATINGS), several=True
            ),
        ),
        convert,
    )


AMAZON_2014 = _layout("2014", _convert_2014, "reviews_*.json")
AMAZON_2018 = _layout("2018", _convert_2018, "*_5.json")
AMAZON_2023 = Layout(
    "Amazon reviews, edition of 2023",
    (
        Part(
            "metadata",
            _META_NAMES,
            _META_2023,
            several=True,
        ),
        Part(
            "reviews",
            ("*.jsonl", "*.csv"),
            any_of(
                with_keys("user_id", "parent_asin", "rating", "timestamp"),
                with_header("user_id", "parent_asin", "rating", "timestamp"),
            ),
            several=True,
        ),
    ),
    _convert_2023,
)

"""Yelp's open data set: businesses and reviews, an object a line."""

from __future__ import annotations

from longtail.layouts.conversion import Conversion
from longtail.layouts.layout import Layout, Part
from longtail.layouts.sample import with_keys
from longtail.layouts.table_file import NUMBER, TIME, WHOLE
from longtail.layouts.values import iso_time, number, text


def _convert(job: Conversion) -> None:
    items = job.items("title", "categories", "city", "state", average_stars=NUMBER, is_open=WHOLE)
    for path in job.files("businesses"):
        for business in job.records.objects(path):
            is_open = number(business.get("is_open"))
            items.add(
                text(business.get("business_id")),
                text(business.get("name")),
                text(business.get("categories")),
                text(business.get("city")),
                text(business.get("state")),
                number(business.get("stars")),
                None if is_open is None else int(is_open),
            )
    log = job.log(rating=NUMBER, timestamp=TIME)
    for path in job.files("reviews"):
        for review in job.records.objects(path):
            log.add(
                text(review.get("user_id")),
                text(review.get("business_id")),
                number(review.get("stars")),
                iso_time(text(review.get("date"))),
            )


YELP = Layout(
    "Yelp's open data set",
    (
        Part(
            "businesses",
            ("yelp_academic_dataset_business.json", "business.json"),
            with_keys("business_id", "name", without="user_id"),
        ),
        Part(
            "reviews",
            ("yelp_academic_dataset_review.json", "review.json"),
            with_keys("user_id", "business_id", "stars"),
            several=True,
        ),
    ),
    _convert,
)

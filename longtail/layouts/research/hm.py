"""H&M: articles, purchases and customers of a fashion chain, CSV."""

from __future__ import annotations

from longtail.layouts.conversion import Conversion
from longtail.layouts.layout import Layout, Part
from longtail.layouts.sample import with_header
from longtail.layouts.table_file import TIME
from longtail.layouts.values import iso_time, joined

_KINDS = ("product_type_name", "garment_group_name", "index_group_name")
_OTHERS = ("colour_group_name", "graphical_appearance_name", "department_name", "section_name")
_CUSTOMER = ("club_member_status", "fashion_news_frequency", "age")


def _convert(job: Conversion) -> None:
    items = job.items("title", "categories", "description", *_KINDS, *_OTHERS)
    needed = ("article_id", "prod_name")
    for path in job.files("articles"):
        for row in job.records.rows(path, needed, ("detail_desc", *_KINDS, *_OTHERS)):
            article, name, description, *rest = row
            items.add(article, name, joined(rest[: len(_KINDS)]), description, *rest)
    log = job.log(timestamp=TIME)
    for path in job.files("transactions"):
        columns = ("customer_id", "article_id", "t_dat")
        for customer, article, day in job.records.rows(path, columns):
            log.add(customer, article, iso_time(day))
    for path in job.files("customers"):
        users = job.users(*_CUSTOMER)
        for row in job.records.rows(path, ("customer_id",), _CUSTOMER):
            users.add(*row)


HM = Layout(
    "H&M personalized fashion recommendations",
    (
        Part("articles", ("articles.csv",), with_header("article_id", "prod_name")),
        Part(
            "transactions",
            ("transactions_train.csv", "transactions*.csv"),
            with_header("t_dat", "customer_id", "article_id"),
            several=True,
        ),
        Part(
            "customers",
            ("customers.csv",),
            with_header("customer_id", "club_member_status"),
            required=False,
        ),
    ),
    _convert,
)

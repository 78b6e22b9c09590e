"""Google Analytics 4: the export of events to BigQuery, as JSON lines or Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from longtail.layouts.conversion import Conversion
from longtail.layouts.layout import Layout, Part
from longtail.layouts.sample import with_keys
from longtail.layouts.table_file import NUMBER, TIME
from longtail.layouts.values import joined, number, text

# What an event of an item means; others, a checkout say, repeat what these said.
_EVENTS = {
    "purchase": "purchase",
    "add_to_cart": "cart",
    "view_item": "view",
    "select_item": "click",
    "add_to_wishlist": "wishlist",
    "remove_from_cart": "remove_from_cart",
    "refund": "return",
    "view_item_list": "impression",
}
_CATEGORIES = ("item_category", *(f"item_category{n}" for n in range(2, 6)))
_UNKNOWN = ("(not set)", "(not provided)", "(other)")


def _convert(job: Conversion) -> None:
    log = job.log("event", weight=NUMBER, timestamp=TIME)
    products: dict[str, tuple[Any, ...]] = {}
    for path in job.files("events"):
        for event in job.records.objects(path):
            lines = list(_items(event))
            if not lines:
                continue
            name = text(event.get("event_name"))
            if name not in _EVENTS:
                job.left_out.add("events", f"{name} says nothing of its own of an item")
                continue
            user = text(event.get("user_id")) or text(event.get("user_pseudo_id"))
            time = number(event.get("event_timestamp"))
            for line in lines:
                title = _known(line.get("item_name"))
                item = _known(line.get("item_id")) or title
                if item and (item not in products or (title and not products[item][0])):
                    products[item] = _product(line, title)
                quantity = number(line.get("quantity"))
                log.add(user, item, _EVENTS[name], quantity, None if time is None else int(time))
    items = job.items("title", "categories", "brand", "variant", price=NUMBER)
    for item, (title, *rest) in products.items():
        # An item that no event gave a name has to have a text.
        items.add(item, title or item, *rest)


def _product(line: dict[str, Any], title: str) -> tuple[Any, ...]:
    return (
        title,
        joined(_known(line.get(column)) for column in _CATEGORIES),
        _known(line.get("item_brand")),
        _known(line.get("item_variant")),
        number(line.get("price")),
    )


def _items(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the items of an event; in Parquet a list may be wrapped twice."""
    items = event.get("items") or ()
    if isinstance(items, dict):
        items = items.get("list") or ()
    for item in items:
        if isinstance(item, dict):
            inner = item.get("element", item.get("item", item))
            if isinstance(inner, dict):
                yield inner


def _known(value: Any) -> str:
    known = text(value)
    return "" if known in _UNKNOWN else known


GA4 = Layout(
    "Google Analytics 4's export to BigQuery, as JSON lines or Parquet",
    (
        Part(
            "events",
            ("events_*", "*.json", "*.jsonl", "*.parquet"),
            with_keys("event_name", "event_timestamp"),
            several=True,
        ),
    ),
    _convert,
)

"""Retailrocket: events, item properties with hashed words, and the tree of categories."""

from __future__ import annotations

from longtail.layouts.conversion import Conversion
from longtail.layouts.layout import Layout, Part
from longtail.layouts.sample import with_header
from longtail.layouts.table_file import TIME, WHOLE
from longtail.layouts.values import milliseconds

_EVENTS = {"view": "view", "addtocart": "cart", "transaction": "purchase"}
# The two properties that aren't hashed.
_CATEGORY, _AVAILABLE = "categoryid", "available"
# Nobody says which of the others is a description: the longest value stands for it.
_WORDS = "words"
_DEEPEST = 20


def _convert(job: Conversion) -> None:
    log = job.log("event", timestamp=TIME)
    seen: dict[str, None] = {}
    for path in job.files("events"):
        columns = ("timestamp", "visitorid", "event", "itemid")
        for time, visitor, event, item in job.records.rows(path, columns):
            if event not in _EVENTS:
                job.left_out.add("events", "of an unknown kind", event)
                continue
            seen[item] = None
            log.add(visitor, item, _EVENTS[event], milliseconds(time))
    latest = _latest_properties(job)
    parents = {
        category: parent
        for path in job.files("category tree")
        for category, parent in job.records.rows(path, ("categoryid", "parentid"))
    }
    items = job.items("title", "categories", "description", available=WHOLE)
    for item in [*latest, *(item for item in seen if item not in latest)]:
        known = {name: value for name, (_, value) in latest.get(item, {}).items()}
        categories = _path_of(known.get(_CATEGORY, ""), parents)
        available = known.get(_AVAILABLE)
        items.add(
            item,
            f"item {item}",
            " > ".join(f"category {category}" for category in categories),
            known.get(_WORDS, ""),
            int(available) if available in ("0", "1") else None,
        )


def _latest_properties(job: Conversion) -> dict[str, dict[str, tuple[int, str]]]:
    """Return the properties that are kept, by item, each with its time, or its length for words."""
    latest: dict[str, dict[str, tuple[int, str]]] = {}
    for path in job.files("item properties"):
        columns = ("timestamp", "itemid", "property", "value")
        for written, item, name, value in job.records.rows(path, columns):
            of_item = latest.setdefault(item, {})
            if name in (_CATEGORY, _AVAILABLE):
                time = milliseconds(written) or 0
                if name not in of_item or time >= of_item[name][0]:
                    of_item[name] = (time, value)
            elif " " in value and (_WORDS not in of_item or len(value) > of_item[_WORDS][0]):
                of_item[_WORDS] = (len(value), value)
    return latest


def _path_of(category: str, parents: dict[str, str]) -> list[str]:
    """Return a category and those above it, the outermost first."""
    path: list[str] = []
    while category and category not in path and len(path) < _DEEPEST:
        path.insert(0, category)
        category = parents.get(category, "")
    return path


RETAILROCKET = Layout(
    "Retailrocket: a shop's events, its words hashed",
    (
        Part("events", ("events.csv",), with_header("timestamp", "visitorid", "event", "itemid")),
        Part(
            "item properties",
            ("item_properties_part*.csv",),
            with_header("timestamp", "itemid", "property", "value"),
            several=True,
        ),
        Part(
            "category tree",
            ("category_tree.csv",),
            with_header("categoryid", "parentid"),
            required=False,
        ),
    ),
    _convert,
)

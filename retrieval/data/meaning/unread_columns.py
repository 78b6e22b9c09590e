"""Columns of a log that nobody reads, and that look as though they said what rows mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from longtail.index.errors import Field
from longtail.retrieval.data.files.cells import as_text
from longtail.retrieval.data.files.columns import NO_COLUMN, plain_name
from longtail.retrieval.data.meaning.usual_names import (
    QUANTITY_NAMES,
    STATUS_NAMES,
    usual_meaning,
)
from longtail.retrieval.errors import DataError

# Of a column of events most rows have a usual name, and two of them are beyond doubt.
_USUAL_SHARE = 0.6
_BEYOND_DOUBT = frozenset(
    {"view", "viewed", "pageview", "detail", "click", "clicked", "purchase", "purchased", "buy"}
    | {"bought", "transaction", "cart", "addtocart", "addtobasket", "refund", "refunded"}
    | {"return", "returned", "dislike", "impression", "购买", "浏览", "点击", "加购"}
    | {"購入", "閲覧", "クリック", "구매", "조회", "클릭"}
)
_MOST_VALUES = 50
_TRUTH = ({"0", "1"}, {"true", "false"}, {"yes", "no"}, {"y", "n"}, {"t", "f"})


def look_at_unread(
    path: Path,
    columns: Mapping[str, Any],
    roles: Mapping[str, str],
    said: Mapping[str, str],
) -> list[str]:
    """Return what a person should know of unread columns; ``columns`` hold the first rows.

    ``said`` is what somebody mapped.

    Raises:
        DataError: one of them holds events, and none is read.
    """
    unread = {
        name: _values(cells)
        for name, cells in columns.items()
        if name not in roles.values() and plain_name(name) not in STATUS_NAMES | QUANTITY_NAMES
    }
    none = {role.split(".")[-1] for role, column in said.items() if column == NO_COLUMN}
    if "event" not in roles and "event" not in none:
        for name, values in unread.items():
            if _are_events(values):
                shown = ", ".join(f"{value} ({count:,})" for value, count in values.most_common(6))
                raise DataError(
                    f"{path}: column {name} holds events ({shown} in the first rows) and would "
                    "not be read; name it with ",
                    Field("column"),
                    f" 'event={name}', or say that they mean nothing with ",
                    Field("column"),
                    " event=none",
                )
    if "label" in roles or "label" in none:
        return []
    truths = [name for name, values in unread.items() if _is_truth(list(values))]
    if not truths:
        return []
    what = "is true or false, and isn't" if len(truths) == 1 else "are true or false, and aren't"
    return [
        f"{path}: {', '.join(truths)} {what} read; where one says whether the item was taken, map "
        "it as label"
    ]


def _values(cells: Any) -> Counter[str]:
    return Counter(
        text for cell in as_text(cells).text.to_pylist() if (text := str(cell).strip().lower())
    )


def _are_events(values: Counter[str]) -> bool:
    """Return whether values look like events.

    >>> _are_events(Counter({"view": 5, "purchase": 1})), _are_events(Counter({"book": 5}))
    (True, False)
    """
    if not 2 <= len(values) <= _MOST_VALUES:
        return False
    usual = sum(count for value, count in values.items() if usual_meaning(value))
    sure = {plain_name(value) for value in values} & _BEYOND_DOUBT
    return len(sure) >= 2 and usual >= _USUAL_SHARE * values.total()


def _is_truth(values: Sequence[str]) -> bool:
    return len(values) == 2 and set(values) in _TRUTH

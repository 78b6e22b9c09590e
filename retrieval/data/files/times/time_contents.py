"""Columns of a log that hold times whatever their names are: their first cells tell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from longtail.retrieval.data.files.cells import as_text
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.losses.first_rows import first_rows
from longtail.retrieval.data.files.times.numbers import calendar_seconds
from longtail.retrieval.data.files.times.other_epochs import EARLIEST_S
from longtail.retrieval.data.files.times.text_times import NUMBER
from longtail.retrieval.data.files.times.time_column import TimeColumn
from longtail.retrieval.data.files.times.time_columns import (
    is_of_others,
    is_order,
    says_time,
    stop_at,
)
from longtail.retrieval.data.files.times.timestamps import parse_times
from longtail.retrieval.errors import DataError

# Numbers under such names are no times, whatever they look like.
_NO_TIMES = re.compile(
    r"id|ids|nr|no|num|number|nummer|phone|tel|mobile|zip|plz|postcode|price|isbn|ean|gtin|upc|sku|"
    r"code|amount|key|hash|uuid|asin|version|year|编号|号码|电话|手机"
)
_TOLERANCE_S = 86_400
_SHARE, _FILLED = 0.95, 0.5
# Fewer moments tell nothing, and so few rows of one owner don't tell that all are alike.
_FEW_MOMENTS, _FEW_REPEATS = 2, 20


def refuse_times_of_any_name(
    path: Path,
    reading: Reading,
    present: Sequence[str],
    roles: Mapping[str, str],
    mapped: str | None,
    now: float,
) -> None:
    """Stop where no column is known to hold times and the first rows of one do.

    Days of a user (``signup``) or an item, the same in all of its rows, aren't those of events.
    ``mapped`` is what a person named for the role; then nothing is looked at.

    Raises:
        DataError: a column holds times; it is named.
    """
    clock = roles.get("timestamp")
    if mapped is not None or (clock is not None and not is_order(clock)):
        return
    used = set(roles.values())
    names = [n for n in dict.fromkeys(present) if n not in used and not _is_none_by_name(n)]
    if not names:
        return
    try:
        columns = first_rows(path, reading).columns
    except DataError:
        return
    owners = [_codes(columns[roles[r]]) for r in ("user_id", "item_id") if roles[r] in columns]
    found = {}
    for name in names:
        text = _plain(columns[name]) if name in columns else None
        if text is None or not _holds_times(text, name, now):
            continue
        if not any(_belongs_to(owner, _codes(columns[name])) for owner in owners):
            found[name] = next(cell for cell in text.to_pylist() if cell)
    stop_at(path, found, clock)


def _is_none_by_name(name: str) -> bool:
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()
    words = re.split(r"[\W_]+", spaced)
    # A name that says time was looked at before.
    return says_time(name) or is_of_others(name) or any(_NO_TIMES.fullmatch(w) for w in words)


def _plain(cells: Any) -> Any:
    """Return cells as trimmed text, None where they hold several values each."""
    if pa.types.is_nested(cells.type):
        return None
    return pc.utf8_trim_whitespace(as_text(cells).text)


def _codes(cells: Any) -> NDArray[np.int64]:
    return np.asarray(as_text(cells).text.dictionary_encode().indices).astype(np.int64)


def _holds_times(text: Any, name: str, now: float) -> bool:
    """Return whether nearly all cells that aren't empty are believable times, and differ."""
    filled = text.filter(pc.not_equal(text, ""))
    if len(filled) < _FILLED * len(text) or len(filled.unique()) < _FEW_MOMENTS:
        return False
    numeric = np.asarray(pc.match_substring_regex(filled, NUMBER), bool)
    if numeric.mean() >= _SHARE:
        return _are_moments(filled.filter(pa.array(numeric)), now)
    if numeric.mean() > 1 - _SHARE:
        return False
    try:
        times = parse_times(filled, TimeColumn(name, now, says_time=False))
    except DataError:
        return True  # dates whose day and month can't be told apart
    good = (times.seconds >= EARLIEST_S) & (times.seconds <= now + _TOLERANCE_S)
    for mask in times.bad.values():
        good &= ~mask
    return times.has_clock and float(good.mean()) >= _SHARE


def _are_moments(numbers: Any, now: float) -> bool:
    """Return whether numbers are unix seconds or milliseconds, or the digits of dates.

    Finer units aren't believed: ids of posts and devices look like them. Nor are numbers without
    a gap, as running ids are.
    """
    values = np.asarray(pc.cast(pc.utf8_ltrim(numbers, "+"), pa.float64()))
    values = np.where(np.abs(values) < 1e17, np.floor(values), 0).astype(np.int64)
    digits, _ = calendar_seconds(values)
    latest = now + _TOLERANCE_S
    for seconds, is_unix in ((values, True), (values // 1000, True), (digits, False)):
        inside = (seconds >= EARLIEST_S) & (seconds <= latest)
        if float(inside.mean()) < _SHARE:
            continue
        distinct = np.unique(values)
        return not is_unix or len(distinct) <= int(distinct[-1] - distinct[0]) * _SHARE
    return False


def _belongs_to(owner: NDArray[np.int64], value: NDArray[np.int64]) -> bool:
    """Return whether all rows of one owner hold the same value, where that can be told."""
    by_owner = np.lexsort((value, owner))
    same = owner[by_owner][1:] == owner[by_owner][:-1]
    alike = value[by_owner][1:] == value[by_owner][:-1]
    return int(same.sum()) >= _FEW_REPEATS and bool(alike[same].all())

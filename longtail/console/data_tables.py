"""What `longtail data` prints, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.table import Table

from longtail.retrieval.data.describe import QUANTILES, Description
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import PARTS, TRAIN, Interactions
from longtail.retrieval.data.meaning.value_meaning import ValueMeaning
from longtail.retrieval.data.splits import Split
from longtail.retrieval.data.users.user_schema import UserSchema
from longtail.retrieval.data.users.user_table import UserTable


def validation_table(files: Sequence[tuple[Path, int]], rejected: RejectedRows) -> Table:
    """Return how many rows of each file were kept and set aside, and why."""
    table = Table("file", "kept", "set aside", "reason", title="Validation", title_justify="left")
    for path, kept in files:
        reasons = [(why, n) for (file, why), n in rejected.counts().items() if file == str(path)]
        table.add_row(path.name, f"{kept:,}", f"{rejected.count(path):,}", "" if reasons else "-")
        for why, n in reasons:
            table.add_row("", "", f"{n:,}", why)
    return table


def meanings_table(meanings: Sequence[ValueMeaning]) -> Table:
    """Return what the rows of a log mean, by what said it."""
    table = Table("column", "value", "rows", "meaning", title="Meanings", title_justify="left")
    for one in meanings:
        table.add_row(one.column, one.value, f"{one.count:,}", one.meaning)
    return table


def users_lines(table: UserTable, log: Interactions) -> list[str]:
    """Return which columns of a users file can be made use of, and which can't, with reasons."""
    known = Histories.from_interactions(log)
    places = table.positions(known.user_ids[np.diff(known.offsets) > 0])
    holders = places[places >= 0]
    schema, left_out = UserSchema.fit(table, holders)
    named = ", ".join(column.described for column in schema.columns) or "none"
    line = (
        f"users file: {len(table):,} users, {len(holders):,} of them in the log; columns: {named}"
    )
    return [line, *left_out_lines(left_out)]


def left_out_lines(left_out: Mapping[str, str]) -> list[str]:
    """Return which columns of a users file are left out, and why."""
    return [f"user column left out: {name}: {why}" for name, why in left_out.items()]


def description_tables(description: Description) -> list[Table]:
    """Return the figures of a description, one table a subject."""
    return [_sizes(description), _popularity(description), _quantiles(description)]


def _sizes(description: Description) -> Table:
    table = Table("size", "", title="Catalog and log", title_justify="left")
    rows = [
        ("users", f"{description.n_users:,}"),
        ("items", f"{description.n_items:,}"),
        ("interactions", f"{description.n_interactions:,}"),
        ("shown and not taken", f"{description.n_rejected:,}"),
        ("density", f"{description.density:.4%}"),
        ("users with one event", f"{description.users_with_one_event:,}"),
        ("items without events", f"{description.items_without_events:,}"),
    ]
    if description.time_range is not None:
        rows.append(("time", " to ".join(day(t) for t in description.time_range)))
    for name, value in rows:
        table.add_row(name, value)
    return table


def _popularity(description: Description) -> Table:
    table = Table("popularity", "", title="Popularity in the train part", title_justify="left")
    for at, share in enumerate(description.popularity_deciles):
        bar = "█" * round(share * 40)
        table.add_row(f"items {at * 10:2d} to {at * 10 + 10:3d} %", f"{share:6.1%} {bar}")
    table.add_row("Gini coefficient", f"{description.gini:.3f}")
    sizes = ", ".join(f"{name} {size:,}" for name, size in description.bucket_sizes.items())
    table.add_row(f"buckets ({description.bucket_rule})", sizes)
    tied, outside = description.ties_at_threshold
    ties = f"; of {tied:,} items with it {outside:,} are outside, by item_id" if outside else ""
    table.add_row("smallest count in the head", f"{description.head_threshold:,}{ties}")
    return table


def _quantiles(description: Description) -> Table:
    names = [{0.0: "min", 0.5: "median", 1.0: "max"}.get(q, f"{q:.0%}") for q in QUANTILES]
    table = Table("quantiles", *names, title="Histories and texts", title_justify="left")
    table.add_row("events a user", *(f"{v:,.0f}" for v in description.history_quantiles))
    if description.token_quantiles is not None:
        table.add_row("tokens a text", *(f"{v:,.0f}" for v in description.token_quantiles))
    notes = []
    if description.texts_cut is not None:
        share = description.texts_cut / max(description.n_items, 1)
        notes.append(
            f"the tower cuts {description.texts_cut:,} texts ({share:.1%}) at "
            f"{description.max_tokens} tokens"
        )
    if description.unknown_tokens is not None:
        notes.append(f"unknown tokens: {description.unknown_tokens}")
    table.caption = "; ".join(notes) or None
    return table


def split_table(split: Split, n_items: int) -> Table:
    """Return events, users and items of each part, and how much of it train never saw."""
    table = Table(
        "part",
        "events",
        "share",
        "users",
        "items",
        "events on cold items",
        "from",
        "to",
        title=f"Split: {split.kind}",
        title_justify="left",
    )
    log = split.interactions
    seen = np.zeros(n_items, bool)
    seen[log.item[split.part == TRAIN]] = True
    for code, name in enumerate(PARTS):
        part = log.select(split.part == code)
        cold = f"{(~seen[part.item]).mean():.1%}" if len(part) else "-"
        times = ("-", "-")
        if log.has_clock and len(part):
            times = (day(int(part.time.min())), day(int(part.time.max())))
        table.add_row(
            name,
            f"{len(part):,}",
            f"{len(part) / max(len(log), 1):.1%}",
            f"{len(np.unique(part.user)):,}",
            f"{len(np.unique(part.item)):,}",
            cold,
            *times,
        )
    return table


def day(seconds: int) -> str:
    """Return the UTC day of a unix time.

    >>> day(1_700_000_000)
    '2023-11-14'
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")

"""Users with a history and users without one, side by side: a second table where both are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.table import Table

from longtail.evaluation.metrics.history_parts import (
    WITH_HISTORY,
    WITHOUT_HISTORY,
    split_metric,
)
from longtail.evaluation.protocol import family_and_debias
from longtail.evaluation.report.table import (
    COLUMNS,
    Cell,
    Column,
    add_lines,
    bare_table,
    headings,
    marked_places,
    table_cells,
    two_lines,
)
from longtail.evaluation.report.tables import differences
from longtail.evaluation.results import Evaluation
from longtail.evaluation.significance.claims import Claims
from longtail.evaluation.significance.compared_rows import table_rows
from longtail.evaluation.significance.tested_pairs import CLAIMED_BY_HISTORY

PART_HEADINGS = {WITH_HISTORY: "with", WITHOUT_HISTORY: "without"}

HISTORY_COLUMNS = tuple(
    replace(
        column,
        metric=f"{part}_{column.metric}",
        heading=f"{heading} {column.heading}",
        meaning=f"{column.meaning}; users {heading} a history",
        best=False,
    )
    for part, heading in PART_HEADINGS.items()
    for column in COLUMNS
    if column.metric in CLAIMED_BY_HISTORY
)


def history_table(evaluation: Evaluation, claims: Claims) -> Table | None:
    """Return the second table for the screen, the lines of the first one; None where all are alike.

    Eight columns: recall, NDCG, tail recall and tail-pool recall, of users with a history and of
    users without one. A value in brackets is that of another's lists (`WithFallback`).
    """
    if not evaluation.by_history:
        return None
    table = bare_table("users with a history and without one", history_caption(evaluation, claims))
    for column in HISTORY_COLUMNS:
        part, heading = column.heading.format(k=evaluation.primary_k).split(" ", 1)
        # Three lines in every heading, so that the parts stand in one line.
        below = two_lines(heading) if len(two_lines(heading).split("\n")) > 1 else f"\n{heading}"
        table.add_column(f"{part}\n{below}", justify="right", no_wrap=True)
    add_lines(table, history_lines(evaluation, claims, table_rows(evaluation, claims.subject)))
    return table


def history_lines(
    evaluation: Evaluation, claims: Claims, names: Sequence[str]
) -> dict[str, list[Cell]]:
    """Return each recommender's line, a cell a column of `HISTORY_COLUMNS`."""
    return {
        name: [
            replace(cell, text=f"({cell.text})") if _of_another(evaluation, name, column) else cell
            for cell, column in zip(
                table_cells(evaluation, claims, name, HISTORY_COLUMNS), HISTORY_COLUMNS, strict=True
            )
        ]
        for name in names
    }


def history_section(
    evaluation: Evaluation, claims: Claims, names: Sequence[str]
) -> dict[str, object]:
    """Return what the template of the report says of both parts; no lines where all are alike."""
    if not evaluation.by_history:
        return {"history_lines": ()}
    k = evaluation.primary_k
    lines = history_lines(evaluation, claims, names)
    return {
        "history_lines": list(lines.items()),
        "history_groups": [f"{part} a history" for part in PART_HEADINGS.values()],
        # The group's heading stands above.
        "history_headings": [
            (heading.split(" ", 1)[1], meaning) for heading, meaning in headings(HISTORY_COLUMNS, k)
        ],
        "history_marked": marked_places(list(lines.values())),
        "history_caption": history_caption(evaluation, claims),
        "history_differences": differences(claims.by_history, HISTORY_COLUMNS, k),
        "n_history_claims": len(claims.by_history),
    }


def history_caption(evaluation: Evaluation, claims: Claims) -> str:
    """Return who has no history, who answered them, and how to read brackets and arrows."""
    answered = f"{evaluation.settings.get('without_history', '')}. "
    brackets = (
        "In brackets: what stands in, no merit of the method. "
        if evaluation.settings.get("fallbacks")
        else ""
    )
    if not claims.by_history:
        return f"{answered}{brackets}Nothing is marked: differences were not tested."
    return (
        f"{answered}{brackets}↓ ↑ significantly below or above {claims.subject} "
        f"({100 * claims.confidence:g} %, paired bootstrap over users, Holm-corrected within this "
        "table)."
    )


def _of_another(evaluation: Evaluation, name: str, column: Column) -> bool:
    without = split_metric(column.metric)[0] == WITHOUT_HISTORY
    return without and evaluation.fallback(family_and_debias(name)[0]) is not None

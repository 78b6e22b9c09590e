"""The table of `longtail models`, and the same as plain data."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.table import Table

from longtail.console.console import one_line
from longtail.evaluation.report.numbers import share, signed
from longtail.training.encoders.comparison import Comparison, Judged
from longtail.training.encoders.content_figures import ContentFigures

_NAME_CELLS = 48


def encoders_tables(comparison: Comparison, n_items: int) -> list[Table]:
    """Return what each encoder costs for a catalog of so many items, and what it gives.

    Without a log there is nothing to say of the latter. The recommended one is bold.
    """
    usable = [judged for judged in comparison.judged if judged.trial.reason is None]
    costs = _table("unknown tokens", "texts/s", "catalog", "an item", "the model")
    gains = _table("R@10", "tail R@10", "balance (95 %)", "to the best (95 %)")
    for judged in usable:
        name = one_line(judged.trial.candidate.name, _NAME_CELLS)
        style = "bold" if judged is comparison.recommended else ""
        costs.add_row(name, *_costs(judged, n_items), style=style)
        if judged.trial.figures is not None:
            gains.add_row(name, *_gains(judged), style=style)
    return [table for table in (costs, gains) if table.row_count]


def _table(*columns: str) -> Table:
    table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("encoder", no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right", overflow="fold")
    return table


def encoder_lines(comparison: Comparison) -> list[str]:
    """Return what stands below the table: who can't be used, who wasn't measured, who is to be."""
    lines = []
    for judged in comparison.judged:
        trial = judged.trial
        if said := trial.reason or trial.unmeasured:
            how = "can't be used" if trial.reason else "not measured on validation"
            lines.append(f"{trial.candidate.name}: {how}: {said}")
        elif trial.coverage is not None and not trial.knows_the_texts:
            lines.append(
                f"{trial.candidate.name}: {trial.coverage.warning(trial.candidate.encoder)}"
            )
    if comparison.recommended is not None:
        chosen = comparison.recommended.trial.candidate
        settings = " ".join(
            f"--set item_tower.{key}={value}"
            for key, value in {"encoder": chosen.encoder, **chosen.changes}.items()
        )
        lines.append(f"recommended: {chosen.name}: {comparison.why}")
        lines.append(f"  longtail train ... {settings}")
    return lines


def encoder_records(comparison: Comparison, n_items: int) -> dict[str, Any]:
    """Return all of it as plain data; what isn't known is null."""
    return {
        "items": n_items,
        "encoders": [_record(judged, n_items) for judged in comparison.judged],
        "recommended": comparison.recommended and comparison.recommended.trial.candidate.name,
        "why": comparison.why,
    }


def _costs(judged: Judged, n_items: int) -> list[str]:
    trial = judged.trial
    return [
        "-" if trial.coverage is None else f"{trial.coverage.unknown_share:.1%}",
        f"{trial.texts_per_second:,.1f}",
        _time(trial.hours(n_items)),
        f"{trial.vector_bytes:,} B",
        f"{trial.model_bytes / 1e6:,.0f} MB",
    ]


def _gains(judged: Judged) -> list[str]:
    figures = judged.trial.figures
    assert figures is not None
    assert judged.interval is not None
    low, high = judged.interval
    cells = [share(value) for value in _recalls(figures)]
    cells.append(f"{share(figures.balance)} ({share(low)} to {share(high)})")
    if judged.behind is None:
        return [*cells, "best"]
    difference, (low, high) = judged.behind
    return [*cells, f"{signed(difference)} ({signed(low)} to {signed(high)})"]


def _record(judged: Judged, n_items: int) -> dict[str, Any]:
    trial = judged.trial
    record: dict[str, Any] = {"encoder": trial.candidate.encoder, **trial.candidate.changes}
    record |= {"name": trial.candidate.name, "reason": trial.reason}
    if trial.reason is not None:
        return record
    coverage, figures = trial.coverage, trial.figures
    record |= {
        "unknown_tokens": None if coverage is None else round(coverage.unknown_share, 5),
        "knows_the_texts": trial.knows_the_texts,
        "texts_per_second": round(trial.texts_per_second, 1),
        "hours": round(trial.hours(n_items), 4),
        "dims": trial.dims,
        "bytes_an_item": trial.vector_bytes,
        "model_bytes": trial.model_bytes,
        "unmeasured": trial.unmeasured,
    }
    if figures is not None and judged.interval is not None:
        recall, tail_recall = _recalls(figures)
        record |= {
            "users": len(figures.recall),
            "recall": _rounded(recall),
            "tail_recall": _rounded(tail_recall),
            "balance": _rounded(figures.balance),
            "balance_interval": [_rounded(end) for end in judged.interval],
        }
        if judged.behind is not None:
            difference, ends = judged.behind
            record["to_the_best"] = _rounded(difference)
            record["to_the_best_interval"] = [_rounded(end) for end in ends]
    return record


def _recalls(figures: ContentFigures) -> tuple[float, float]:
    """Return R@10 and tail R@10, NaN where nobody has a target in the tail."""
    tail = figures.tail_recall[~np.isnan(figures.tail_recall)]
    return float(figures.recall.mean()), float(tail.mean()) if len(tail) else float("nan")


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 5)


def _time(hours: float) -> str:
    """Return a time in the unit that suits it.

    >>> _time(0.002), _time(0.25), _time(31)
    ('7 s', '15 min', '31.0 h')
    """
    if hours < 1 / 60:
        return f"{max(hours * 3600, 1):.0f} s"
    return f"{hours * 60:.0f} min" if hours < 1 else f"{hours:,.1f} h"

"""The report's tables as rows of printed text, the first cell of each naming the row."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from longtail.evaluation.metrics.calibration import Calibration
from longtail.evaluation.metrics.tally import BAND_NAMES
from longtail.evaluation.protocol import family_and_debias
from longtail.evaluation.report.numbers import probability, share, signed
from longtail.evaluation.report.table import Column
from longtail.evaluation.results import Evaluation
from longtail.evaluation.significance.claims import Claims, Difference
from longtail.evaluation.significance.trade_off import MatchedPoint, curves, matched
from longtail.retrieval.data.popularity import POOL_NAMES

Row = tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """A table with columns of its own."""

    columns: Sequence[str]
    lines: Sequence[Row]


def differences(
    tested: Sequence[Difference], columns: Sequence[Column], k: int
) -> list[tuple[str, list[Row]]]:
    """Return the subject's differences from the other lines of a table, a column at a time."""
    lines = []
    for column in columns:
        rows = [
            (d.rival, *_difference(d)[:4], f"{d.users:,}", _verdict(d))
            for d in tested
            if d.metric == column.metric
        ]
        if rows:
            lines.append((column.heading.format(k=k), rows))
    return lines


def matched_recall(evaluation: Evaluation, claims: Claims) -> list[Row]:
    """Return what the subject's curve offers at the overall recall of each line of the table."""
    family = family_and_debias(claims.subject)[0]
    subject_curve = curves(evaluation).get(family, [])
    rivals = dict.fromkeys(
        d.rival for d in claims.against if family_and_debias(d.rival)[0] != family
    )
    rows: list[Row] = []
    for rival in rivals:
        point = matched(subject_curve, evaluation.value(rival, "recall"))
        claim = claims.at_matched_recall(rival)
        rows.append(
            (
                rival,
                share(evaluation.value(rival, "recall")),
                share(evaluation.value(rival, "tail_recall")),
                share(point.tail if point else math.nan),
                _strengths(point),
                *(_difference(claim) if claim else ("–",) * 4),
                _verdict(claim),
            )
        )
    return rows


def cut_offs(evaluation: Evaluation, rows: Sequence[str]) -> list[tuple[int, list[Row]]]:
    """Return the main metrics of some recommenders at each k."""
    ks = evaluation.settings.get("k")
    metrics = ("recall", "ndcg", "mrr", "tail_recall", "tail_pool_recall")
    return [
        (k, [(name, *(share(evaluation.value(name, m, k)) for m in metrics)) for name in rows])
        for k in (ks if isinstance(ks, list) else [])
    ]


def bands(evaluation: Evaluation, rows: Sequence[str]) -> Grid | None:
    """Return the share of targets found by pool and by training count; None unmeasured."""
    measured = [name for name in rows if evaluation.bands.get(name)]
    if not measured:
        return None
    k, targets = evaluation.primary_k, evaluation.settings.get("targets")
    sizes = targets if isinstance(targets, dict) else {}
    first = evaluation.bands[measured[0]]
    columns = [f"{name} ({sizes.get(name, 0):,})" for name in POOL_NAMES]
    columns += [f"{band} ({first.get(band, {}).get('targets', 0):,.0f})" for band in BAND_NAMES]
    lines = []
    for name in measured:
        of_bands = evaluation.bands[name]
        values = [evaluation.value(name, f"{pool}_recall_micro") for pool in POOL_NAMES]
        values += [of_bands.get(band, {}).get(f"recall_micro@{k}", math.nan) for band in BAND_NAMES]
        lines.append((name, *map(share, values)))
    return Grid(["recommender", *columns], lines)


def calibration(measured: Calibration) -> Grid:
    """Return the head's measures over all candidates and over those of each pool."""
    parts = {"all": measured, **measured.parts}
    measures: dict[str, Callable[[Calibration], str]] = {
        "expected calibration error": lambda part: share(part.error),
        "mean prediction": lambda part: share(part.mean_probability),
        "share taken": lambda part: share(part.share),
        "area under the ROC curve": lambda part: share(part.auc),
        "accuracy": lambda part: share(part.accuracy),
        "candidates": lambda part: f"{part.examples:,}",
        "of them taken": lambda part: f"{part.positives:,}",
    }
    lines = [(name, *map(measure, parts.values())) for name, measure in measures.items()]
    return Grid(["items", *parts], lines)


def baselines(evaluation: Evaluation) -> Grid | None:
    """Return each baseline's chosen setting and what its tuning cost; None without baselines.

    Read from ``settings["baselines"]``: a list of mappings with ``name``, ``setting``, ``tried``,
    ``seconds``, ``left_out`` and ``note``, and ``without_history`` where some users have none.
    """
    tuned = evaluation.settings.get("baselines")
    entries = tuned if isinstance(tuned, list) else []
    answered = any("without_history" in entry for entry in entries)
    rows: list[Row] = []
    for entry in entries:
        seconds = entry.get("seconds")
        tried = entry.get("tried")
        rows.append(
            (
                str(entry.get("name", "")),
                _setting(entry.get("setting")),
                str(tried) if tried else "–",
                f"{seconds:.1f}" if seconds else "–",
                *((str(entry.get("without_history", "–")),) if answered else ()),
                str(entry.get("left_out") or entry.get("note") or ""),
            )
        )
    columns = ["method", "chosen setting", "settings tried", "seconds"]
    columns += ["without a history answers"] if answered else []
    return Grid([*columns, "left out because"], rows) if rows else None


def _setting(value: object) -> str:
    """Return a setting as text.

    >>> _setting({"ridge": 250.0, "decay": 0.8}), _setting(None)
    ('ridge 250, decay 0.8', '–')
    """
    if isinstance(value, Mapping):
        parts = (
            f"{key} {part:g}" if isinstance(part, float) else f"{key} {part}"
            for key, part in value.items()
        )
        return ", ".join(parts) or "–"
    return str(value) if value not in (None, "") else "–"


def _difference(claim: Difference) -> Row:
    return (
        signed(claim.difference),
        signed(claim.low),
        signed(claim.high),
        probability(claim.holm_p),
    )


def _verdict(claim: Difference | None) -> str:
    return "" if claim is None or claim.verdict == "open" else claim.verdict


def _strengths(point: MatchedPoint | None) -> str:
    if point is None:
        return "–"
    ends = sorted({point.lower.debias, point.upper.debias})
    return " to ".join(f"{strength:g}" for strength in ends)

"""The last evaluation of a run, cut down to what the quality tab draws."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

from longtail.index.disk.regular_file import open_regular
from longtail.index.errors import DamagedFileError
from longtail.serving.http.http_errors import RefusedError

# What `longtail evaluate` writes; see docs/evaluation.md.
FILE, FORMAT = "metrics.json", 1
COLUMNS = (
    ("recall", "recall", "share of a user's targets among the first {k}"),
    ("ndcg", "NDCG", "recall that counts earlier places more"),
    ("head_recall", "head recall", "recall of targets that are head items"),
    ("tail_recall", "tail recall", "recall of targets that are tail items"),
    ("cold_recall", "cold recall", "recall of targets that nobody took in training"),
    ("tail_pool_recall", "tail-pool recall", "recall when only tail and cold items are ranked"),
    ("coverage", "coverage", "share of the catalog that some list shows"),
    ("tail_share", "tail share", "share of tail and cold items in the lists"),
)
BUCKET_RECALL = {"head": "head_recall", "tail": "tail_recall", "cold": "cold_recall"}
_DEBIASED = re.compile(r"(?P<family>.*) \(debias (?P<debias>[0-9.e-]+)\)")


class NoEvaluationError(RefusedError):
    """The run has no evaluation that can be shown."""

    def __init__(self, message: str) -> None:
        super().__init__(404, "no_evaluation", message)


def evaluation_digest(run: Path) -> dict[str, Any]:
    """Return the table, the trade-off curves and the recall by bucket of a run's evaluation.

    Raises:
        NoEvaluationError: there is none, or it can't be read.
    """
    path = run / FILE
    try:
        evaluated = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        with open_regular(path, remedy="remove it") as file:
            stored = json.loads(file.read())
        if stored["format"] != FORMAT:
            raise NoEvaluationError(
                "the evaluation of this run was written by another longtail; make it again with "
                "`longtail evaluate RUN`"
            )
        return {"evaluated": evaluated.isoformat(timespec="seconds"), **_digest(stored)}
    except FileNotFoundError as error:
        raise NoEvaluationError(
            "this run has not been evaluated; `longtail evaluate RUN` does it"
        ) from error
    except (OSError, DamagedFileError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoEvaluationError(
            "the evaluation of this run can't be read; make it again with `longtail evaluate RUN`"
        ) from error


def _digest(stored: Mapping[str, Any]) -> dict[str, Any]:
    k, metrics = int(stored["primary_k"]), stored["metrics"]
    claims = stored.get("claims") or {}
    subject = str(claims.get("subject") or next(iter(metrics)))
    verdicts = {
        (claim["rival"], claim["metric"]): claim["verdict"] for claim in claims.get("against", ())
    }
    settings = stored["settings"]
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "family": family_and_debias(name)[0],
            "debias": family_and_debias(name)[1],
            "own": family_and_debias(name)[0] == family_and_debias(subject)[0],
            "values": {key: _value(metrics[name], key, k) for key, _, _ in COLUMNS},
            "subject_is": {
                key: verdict for (rival, key), verdict in verdicts.items() if rival == name
            },
        }
        for name in shown_recommenders(metrics, subject, k)
    ]
    return {
        "k": k,
        "subject": subject,
        "confidence": claims.get("confidence"),
        "users": settings["users"],
        "targets": settings["targets"],
        "bucket_rule": settings["bucket_rule"],
        "columns": [
            {"key": key, "heading": heading, "meaning": meaning.format(k=k)}
            for key, heading, meaning in COLUMNS
        ],
        "rows": rows,
        "trade_off": _trade_off(metrics, k),
        "recall_by_bucket": [
            {
                "name": row["name"],
                "own": row["own"],
                **{bucket: row["values"][key] for bucket, key in BUCKET_RECALL.items()},
            }
            for row in rows
        ],
    }


def shown_recommenders(metrics: Mapping[str, Any], subject: str, k: int) -> list[str]:
    """Return one line a method, the subject's first, the others by falling recall.

    A method's line is its weakest debias strength; beside it stands the subject's own setting.

    >>> metrics = {"a": {"recall@5": 0.1}, "b": {"recall@5": 0.3}, "a (debias 0.5)": {}}
    >>> shown_recommenders(metrics, "a (debias 0.5)", 5)
    ['a (debias 0.5)', 'a', 'b']
    """
    weakest: dict[str, str] = {}
    for name in sorted(metrics, key=lambda name: family_and_debias(name)[1]):
        weakest.setdefault(family_and_debias(name)[0], name)
    plain = weakest.pop(family_and_debias(subject)[0])
    others = sorted(weakest.values(), key=lambda name: -(_value(metrics[name], "recall", k) or 0))
    return list(dict.fromkeys([subject, plain, *others]))


def family_and_debias(name: str) -> tuple[str, float]:
    """Return the method and the strength that a recommender's name tells.

    >>> family_and_debias("EASE (debias 0.3)"), family_and_debias("EASE")
    (('EASE', 0.3), ('EASE', 0.0))
    """
    match = _DEBIASED.fullmatch(name)
    return (match["family"], float(match["debias"])) if match else (name, 0.0)


def _trade_off(metrics: Mapping[str, Any], k: int) -> list[dict[str, Any]]:
    """Return each method's points of overall and tail recall, by rising debias."""
    curves: dict[str, list[dict[str, Any]]] = {}
    for name, values in metrics.items():
        family, debias = family_and_debias(name)
        overall, tail = _value(values, "recall", k), _value(values, "tail_recall", k)
        if overall is not None and tail is not None:
            curves.setdefault(family, []).append(
                {"name": name, "debias": debias, "overall": overall, "tail": tail}
            )
    return [
        {"family": family, "points": sorted(points, key=itemgetter("debias"))}
        for family, points in curves.items()
    ]


def _value(values: Mapping[str, Any], metric: str, k: int) -> float | None:
    value = values.get(f"{metric}@{k}")
    return None if value is None or not math.isfinite(value) else float(value)

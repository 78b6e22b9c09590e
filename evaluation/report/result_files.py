"""The files that an evaluation leaves for programs: metrics.json and per_user.parquet."""

from __future__ import annotations

from pathlib import Path

from longtail.evaluation.results import Evaluation
from longtail.evaluation.significance.claims import Claims
from longtail.index.files import write_file_atomically, write_json_atomically


def write_metrics(
    evaluation: Evaluation, run_folder: Path, claims: Claims | None = None
) -> tuple[Path, Path]:
    """Write ``metrics.json`` and ``per_user.parquet``, each whole or not at all; return both.

    ``claims`` stand beside the metrics under a key of that name.
    """
    metrics, per_user = run_folder / "metrics.json", run_folder / "per_user.parquet"
    tested = {"claims": claims.to_json()} if claims is not None else {}
    write_json_atomically(metrics, evaluation.to_json() | tested)
    with write_file_atomically(per_user) as temporary:
        evaluation.per_user.to_parquet(temporary, index=False)
    return metrics, per_user

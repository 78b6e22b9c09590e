"""The smallest evaluation that the explorer can show."""

from __future__ import annotations

import json
from pathlib import Path


def evaluated(run: Path, **changes: object) -> Path:
    """Write the smallest evaluation there is."""

    def metrics(recall: float, tail: float) -> dict[str, float | None]:
        return {"recall@10": recall, "tail_recall@10": tail, "cold_recall@10": None}

    stored = {
        "format": 1,
        "primary_k": 10,
        "settings": {"users": 4, "targets": {"all": 5, "head": 2}, "bucket_rule": "items:0.2"},
        "metrics": {
            "longtail": metrics(0.3, 0.1),
            "longtail (debias 0.3)": metrics(0.2, 0.2),
            "EASE": metrics(0.25, 0.0),
            "BPR": metrics(0.26, 0.05),
        },
        "claims": {
            "subject": "longtail (debias 0.3)",
            "confidence": 0.95,
            "against": [{"rival": "EASE", "metric": "tail_recall", "verdict": "better"}],
        },
    } | changes
    (run / "metrics.json").write_text(json.dumps(stored), encoding="utf-8")
    return run

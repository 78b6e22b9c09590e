"""The files in benchmarks/results: JSON in which every plain record takes one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent.parent / "results"
STEP = " "


def results_path(subject: str) -> Path:
    """Return the results file of a subject."""
    return RESULTS / f"{subject}.json"


def read_results(path: Path) -> dict[str, Any]:
    """Return what a results file holds, an empty dictionary where there is none yet."""
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def write_results(path: Path, content: dict[str, Any]) -> None:
    """Write a results file and make its folder.

    Raises:
        ValueError: a number is not finite; JSON has no word for it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(in_lines(content) + "\n", encoding="utf-8")


def in_lines(value: Any, indent: str = "") -> str:
    r"""Return JSON with a line for each dictionary or list that holds no other.

    >>> print(in_lines({"rows": [{"k": 10, "recall": 0.5}, {"k": 20, "recall": None}]}))
    {
     "rows": [
      {"k": 10, "recall": 0.5},
      {"k": 20, "recall": null}
     ]
    }
    """
    children = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(value, dict | list | tuple) or not any(
        isinstance(child, dict | list | tuple) for child in children
    ):
        return json.dumps(value, allow_nan=False)
    deeper = indent + STEP
    parts = [in_lines(child, deeper) for child in children]
    if isinstance(value, dict):
        # As json.dumps writes keys that are numbers.
        keys = [json.dumps({key: 0})[1:-4] for key in value]
        parts = [f"{key}: {part}" for key, part in zip(keys, parts, strict=True)]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    body = f",\n{deeper}".join(parts)
    return f"{opening}\n{deeper}{body}\n{indent}{closing}"

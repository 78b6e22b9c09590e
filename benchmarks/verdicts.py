"""What a benchmark says last: each target, what was measured, and whether that reaches it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def print_verdicts(targets: Iterable[Mapping[str, Any]]) -> None:
    """Print one line a target; each has ``name``, ``value``, ``target`` and ``reached``."""
    for line in targets:
        reached = "reached" if line["reached"] else "short"
        print(  # noqa: T201
            f"target {line['name']}: {line['value']:.4g} (asked {line['target']:g}) {reached}"
        )

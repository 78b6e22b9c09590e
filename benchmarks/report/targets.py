"""Targets: what was measured, and whether that reaches them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def target(name: str, value: float, limit: float, *, most: bool) -> dict[str, Any]:
    """Return one target; ``most`` says that the value must not exceed the limit."""
    reached = bool(value <= limit if most else value >= limit)
    return {"name": name, "value": float(value), "target": limit, "reached": reached}


def not_measured(name: str, limit: float, why: str) -> dict[str, Any]:
    """Return a target that this machine can't judge."""
    return {"name": name, "value": None, "target": limit, "reached": None, "why": why}


def print_targets(targets: Iterable[Mapping[str, Any]]) -> None:
    """Print one line a target; each has ``name``, ``value``, ``target`` and ``reached``."""
    for line in targets:
        if line["value"] is None:
            print(f"target {line['name']}: not measured, {why_not(line)}")  # noqa: T201
            continue
        reached = "reached" if line["reached"] else "short"
        print(  # noqa: T201
            f"target {line['name']}: {line['value']:.4g} (target {line['target']:g}) {reached}"
        )


def targets_table(targets: Iterable[Mapping[str, Any]]) -> str:
    """Return the targets as a Markdown table, those that weren't measured left out."""
    lines = ["| figure | measured | target | |", "|---|---|---|---|"]
    for line in targets:
        if line["value"] is None:
            continue
        verdict = "reached" if line["reached"] else "**short**"
        lines.append(f"| {line['name']} | {line['value']:.4g} | {line['target']:g} | {verdict} |")
    return "\n".join(lines)


def why_not(line: Mapping[str, Any]) -> str:
    """Return why a target has no value."""
    return str(line.get("why", "this machine lacks the instructions"))

"""The tables of `longtail train --profile`, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from longtail.console.console import WIDTH_OF_A_PIPE
from longtail.training.trainer.step_clock import WARM_UP

GIB = 1 << 30


def print_profile(profile: Mapping[str, Any]) -> None:
    """Print where the steps of each stage, and the whole training, spent their time."""
    width = None if sys.stderr.isatty() else WIDTH_OF_A_PIPE
    console = Console(stderr=True, width=width, markup=False, emoji=False, highlight=False)
    if profile["steps"]:
        console.print(_steps(profile["steps"]))
    else:
        console.print(f"no stage took more than the {WARM_UP} steps of the warm-up")
    console.print(_sections(profile["sections"]))


def _steps(steps: Mapping[str, Any]) -> Table:
    table = Table(title="a training step, median milliseconds (share)", title_justify="left")
    table.add_column("part")
    for stage in steps:
        table.add_column(stage, justify="right")
    for part in next(iter(steps.values()))["parts"]:
        cells = (stage["parts"][part] for stage in steps.values())
        table.add_row(part, *(f"{c['milliseconds']:.2f} ({c['share']:.0%})" for c in cells))
    table.add_section()
    table.add_row("whole step", *(f"{stage['milliseconds']:.2f}" for stage in steps.values()))
    table.add_row("steps measured", *(f"{stage['steps']:,}" for stage in steps.values()))
    for name in ("items", "tokens"):
        rates = (stage[f"{name}_per_second"] for stage in steps.values())
        # A stage whose steps start from vectors reads no text.
        shown = (f"{rate:,.0f}" if rate else "-" for rate in rates)
        table.add_row(f"{name} read a second", *shown)
    return table


def _sections(sections: list[dict[str, Any]]) -> Table:
    table = Table(title="the whole training", title_justify="left")
    table.add_column("section")
    headings = {"peak_bytes": "peak memory, GiB", "peak_gpu_bytes": "peak GPU memory, GiB"}
    shown = [key for key in headings if any(key in section for section in sections)]
    for heading in ("seconds", *(headings[key] for key in shown)):
        table.add_column(heading, justify="right")
    for section in sections:
        memory = (f"{section[key] / GIB:.2f}" for key in shown)
        table.add_row(section["name"], f"{section['seconds']:.1f}", *memory)
    table.add_section()
    largest = (f"{max(section[key] for section in sections) / GIB:.2f}" for key in shown)
    table.add_row("together", f"{sum(section['seconds'] for section in sections):.1f}", *largest)
    return table

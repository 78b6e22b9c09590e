"""The screen that ends a learning: what moved, and what is served now."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from longtail.console.console import stdout_console
from longtail.evaluation.report.numbers import probability, share, signed
from longtail.retrieval.run.catalog_updates import moves
from longtail.training.learning import LearnedRun


def print_learned(run: Path, learned: LearnedRun, console: Console | None = None) -> None:
    """Print what moved on the newest events, and what was published; on stdout by default."""
    console = console or stdout_console()
    if learned.moved:
        users = max(m.users for m in learned.moved)
        table = Table(
            title=f"newest events, before they were learned ({users:,} users)",
            title_justify="left",
        )
        for heading in ("", "as served", "refitted", "difference", "p"):
            table.add_column(heading, justify="right" if heading else "left")
        for m in learned.moved:
            table.add_row(
                m.metric,
                share(m.before),
                share(m.after),
                signed(m.after - m.before),
                probability(m.p),
            )
        console.print(table)
    else:
        console.print(
            "nothing to measure on: too few events are new to the run, of users with others before"
        )
    after = learned.served.bundle.popularity
    sizes = ", ".join(f"{count:,} {name}" for name, count in after.sizes().items())
    moved = ", ".join(
        f"{count:,} from {old} to {new}"
        for (old, new), count in moves(learned.before, after).items()
    )
    calibrated = "on the newest events" if learned.calibrated else "as it was: too little is new"
    for line in (
        f"{run / 'index' / learned.version}: {learned.events:,} events learned, "
        f"{learned.unseen:,} of them new; {sizes}; {learned.seconds:.0f} s",
        f"moved: {moved or 'no item'}",
        f"calibration of the relevance head: {calibrated}",
        f"the way back: longtail index rollback {run}",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)

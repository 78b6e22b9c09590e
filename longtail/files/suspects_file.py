"""suspects.csv: which items look made to game the engine, for somebody to look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from longtail.console.remarks import Say, on_stderr
from longtail.retrieval.data.suspects.finding import BURST, Finding, counts, write_findings

_SHOWN = 5

suspects_option = click.option(
    "--suspects",
    "suspects_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where items that look made to game the engine are written, with what was seen. Default: "
    "suspects.csv beside the file of --rejected.",
)


@dataclass(frozen=True)
class SuspectsFile:
    """What becomes of suspects.

    Attributes:
        path: the file that lists them.
        quarantine: whether they are kept out of answers.
    """

    path: Path
    quarantine: bool = False

    @classmethod
    def beside(cls, rejected_path: Path, path: Path | None, quarantine: bool) -> SuspectsFile:
        """Return the file of ``--suspects``, or the one beside that of ``--rejected``."""
        return cls(path or rejected_path.with_name("suspects.csv"), quarantine)

    def write(self, findings: Sequence[Finding]) -> None:
        """Write the findings; where there are none, a file of before is emptied.

        Raises:
            DataError: the file can't be written.
        """
        # A file left by an earlier run would speak of items that are fine by now.
        if findings or self.path.exists():
            write_findings(self.path, findings)

    def tell(self, findings: Sequence[Finding], run: Path, say: Say = on_stderr) -> None:
        """Say what was found of items that are now in a run.

        Items are quarantined for what they say, not for who took them.
        """
        held = {f.item_id for f in findings if f.reason != BURST} if self.quarantine else set()
        if findings:
            kept_out = (
                f"; {len(held):,} in no answer until `longtail index release {run} --items ID,...`"
                if held
                else ""
            )
            say(f"warning: {summary(findings, self.path)}{kept_out}")


def summary(findings: Sequence[Finding], path: Path) -> str:
    """Return how many items are suspected of what, in one line."""
    items = len({finding.item_id for finding in findings})
    what = "1 item looks" if items == 1 else f"{items:,} items look"
    reasons = ", ".join(f"{n:,} {reason}" for reason, n in counts(findings).items())
    return f"{what} made to game the engine ({reasons}); see {path}"


def first_lines(findings: Sequence[Finding]) -> list[str]:
    """Return the first findings, one a line."""
    lines = [f"  {f.item_id}: {f.reason}: {f.detail}" for f in findings[:_SHOWN]]
    more = len(findings) - _SHOWN
    return [*lines, f"  and {more:,} more"] if more > 0 else lines


def quarantine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--suspects`` and ``--quarantine``; the command gets a `SuspectsFile`.

    It stands above ``rejected_option``, whose file decides where the other lies.
    """

    @wraps(command)
    def with_suspects(
        *given: Any, suspects_path: Path | None, quarantine: bool, rejected_path: Path, **more: Any
    ) -> Any:
        suspects = SuspectsFile.beside(rejected_path, suspects_path, quarantine)
        return command(*given, suspects=suspects, rejected_path=rejected_path, **more)

    flag = click.option(
        "--quarantine",
        is_flag=True,
        help="Keep suspects out of all answers until `longtail index release`.",
    )
    return suspects_option(flag(with_suspects))

"""What a conversion left out, by file and reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from longtail.retrieval.errors import DataError

_Key = TypeVar("_Key")
# A file of which more can't be read is not of the layout that was named.
_MOST_UNREADABLE = 0.2


@dataclass
class _Loss:
    count: int = 0
    first: str = ""


@dataclass
class LeftOut:
    """Counts what a conversion left out, and keeps the first place of each reason.

    Attributes:
        read: records read of each file, the bad ones included.
    """

    read: dict[Path, int] = field(default_factory=dict)
    _last_bad: dict[Path, int] = field(default_factory=dict)
    _bad: dict[tuple[Path, str], _Loss] = field(default_factory=dict)
    _other: dict[tuple[str, str], _Loss] = field(default_factory=dict)

    def bad_line(self, path: Path, line: int, reason: str, lines: int = 1) -> None:
        """Count lines that can't be read from number ``line`` on; once, if a file is read twice."""
        if line <= self._last_bad.get(path, 0):
            return
        self._last_bad[path] = line
        _count(self._bad, (path, reason), f"line {line:,}", lines)

    def add(self, what: str, reason: str, example: str = "") -> None:
        """Count one thing that can be read and has no place in our files."""
        _count(self._other, (what, reason), example, 1)

    def check(self) -> None:
        """Raise where a file is mostly not what it should be.

        Raises:
            DataError: more than a fifth of the lines of a file can't be read.
        """
        for path, read in self.read.items():
            losses = {why: loss for (of, why), loss in self._bad.items() if of == path}
            bad = sum(loss.count for loss in losses.values())
            if bad > _MOST_UNREADABLE * max(read, bad):
                reason, loss = max(losses.items(), key=lambda pair: pair[1].count)
                raise DataError(
                    f"{path}: {bad:,} of {max(read, bad):,} lines can't be read, most of them: "
                    f"{reason} (first: {loss.first}); is it a file of this layout?"
                )

    def lines(self) -> list[str]:
        """Return one line for each reason, the most frequent first."""
        bad = [
            (loss.count, f"{path}: {loss.count:,} lines left out: {reason} (first: {loss.first})")
            for (path, reason), loss in self._bad.items()
        ]
        other = [
            (loss.count, f"{loss.count:,} {what} left out: {reason}{_example(loss.first)}")
            for (what, reason), loss in self._other.items()
        ]
        return [line for _, line in sorted(bad + other, reverse=True)]


def _count(losses: dict[_Key, _Loss], key: _Key, first: str, count: int) -> None:
    loss = losses.setdefault(key, _Loss(first=first))
    loss.count += count


def _example(first: str) -> str:
    return f" (first: {first})" if first else ""

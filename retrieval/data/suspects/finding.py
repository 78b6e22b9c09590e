"""What is suspected of one item, in words that somebody can act on."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from longtail.index.files import write_file_atomically
from longtail.retrieval.errors import DataError

COPY = "copy of a popular item"
MANY_KINDS = "words of many kinds"
REPEATED = "repeated words"
INVISIBLE = "invisible characters"
MARKUP = "markup"
BURST = "burst of users"
REASONS = (COPY, MANY_KINDS, REPEATED, INVISIBLE, MARKUP, BURST)


@dataclass(frozen=True)
class Finding:
    """A suspicion.

    Attributes:
        item_id: the item that would gain by it.
        reason: one of `REASONS`.
        detail: what was seen, in words.
        like: the item that it is like, empty without one.
    """

    item_id: str
    reason: str
    detail: str
    like: str = ""


def counts(findings: Sequence[Finding]) -> dict[str, int]:
    """Return how many findings there are for each reason, in the order of `REASONS`.

    >>> counts([Finding("a", MARKUP, "<b>"), Finding("b", COPY, "all words", "c")])
    {'copy of a popular item': 1, 'markup': 1}
    """
    numbers = Counter(finding.reason for finding in findings)
    return {reason: numbers[reason] for reason in REASONS if numbers[reason]}


def write_findings(path: Path, findings: Sequence[Finding]) -> None:
    """Write ``item_id,reason,detail,like``, one finding a line.

    Raises:
        DataError: the file can't be written.
    """
    try:
        with (
            write_file_atomically(path) as temporary,
            open(temporary, "w", encoding="utf-8", newline="") as stream,
        ):
            lines = csv.writer(stream)
            lines.writerow(field.name for field in fields(Finding))
            lines.writerows(astuple(finding) for finding in findings)
    except OSError as error:
        raise DataError(f"can't write {path}: {error.strerror or error}") from error

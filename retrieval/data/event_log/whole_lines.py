"""A file of events taken apart block by block, as far as its lines are as they were written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.events import UserEvent, event_of
from longtail.retrieval.data.meaning.behaviours import MEANINGS
from longtail.retrieval.kernels.event_lines import BAD, ODD, scan_lines

# Bytes that are taken apart at once; of fewer than a few JSON does it as fast.
BLOCK, FEW = 4 << 20, 1 << 16
# Columns of `WholeLines.places`: where these begin, and behind those how long they are.
LINE, USER, ITEM = range(3)
SIZES = 2
_NAMES = np.array(MEANINGS, np.bytes_)
_MEANINGS = _NAMES.view(np.uint8).reshape(len(MEANINGS), -1)
_NEWLINE = ord("\n")


@dataclass(frozen=True, eq=False)
class WholeLines:
    """Some lines of events, all of them as they were written.

    Attributes:
        text: the lines.
        places: see `scan_lines`, int64 [n, 5].
        told: seconds since 1970, and the code of the meaning, -1 for a usual one, int64 [n, 2].
        odd: the events of those lines that have no places.
        rest: what was read behind them, which begins with a line that isn't whole, or nothing.
    """

    text: bytes
    places: NDArray[np.int64]
    told: NDArray[np.int64]
    odd: dict[int, UserEvent]
    rest: bytes

    @property
    def data(self) -> NDArray[np.uint8]:
        """The text's bytes."""
        return np.frombuffer(self.text, np.uint8)


def scanned(file: BinaryIO) -> Iterator[WholeLines]:
    """Yield the lines of a file from where it stands; the last may have a `rest`, if any has."""
    left = b""
    while block := file.read(BLOCK):
        text = left + block
        cut = text.rfind(b"\n") + 1
        lines = _scan(text, cut)
        yield lines
        if lines.rest:
            return
        left = text[cut:]
    if left:
        yield WholeLines(b"", np.zeros((0, 5), np.int64), np.zeros((0, 2), np.int64), {}, left)


def whole_part(file: BinaryIO) -> tuple[int, int]:
    """Return the bytes and the lines of a file up to the first line that isn't whole."""
    file.seek(0)
    size = lines = 0
    for block in scanned(file):
        size += len(block.text)
        lines += len(block.told)
    return size, lines


def _scan(text: bytes, cut: int) -> WholeLines:
    data = np.frombuffer(text, np.uint8, cut)
    ends = np.flatnonzero(data == _NEWLINE)
    n = len(ends)
    places, told = np.zeros((n, 5), np.int64), np.zeros((n, 2), np.int64)
    states = np.full(n, ODD, np.uint8)
    if cut > FEW:
        scan_lines(data, _MEANINGS, places, told, states)
    else:
        places[1:, LINE] = ends[:-1] + 1
    bad = np.flatnonzero(states == BAD)
    whole = int(bad[0]) if len(bad) else n
    odd: dict[int, UserEvent] = {}
    for line in np.flatnonzero(states[:whole] == ODD).tolist():
        event = event_of(text[places[line, LINE] : ends[line] + 1])
        if event is None:
            whole = line
            break
        odd[line] = event
    if whole == n:
        return WholeLines(text[:cut], places, told, odd, b"")
    start = int(places[whole, LINE])
    return WholeLines(text[:start], places[:whole], told[:whole], odd, text[start:])

"""The bytes of a delimited or JSON file as a reader pulls them, looked at on their way."""

from __future__ import annotations

import io

from longtail.retrieval.data.files.data_file import DataFile
from longtail.retrieval.data.files.dialect.quotes import are_well_quoted
from longtail.retrieval.progress import Progress

# In place of delimiters of several characters; it separates units in ASCII, and stands in no text.
STAND_IN = b"\x1f"


class WatchedStream(io.BufferedIOBase):
    """The bytes of a data file; counts its lines and reports progress while a reader pulls.

    A delimiter of several characters comes as `STAND_IN`.

    Attributes:
        lines: line ends seen so far, and one more for an unfinished last line once at the end.
        blank_lines: at most as many as there are; runs of three are counted as one.
        starts_blank: whether the very first line is blank.
        doubtful: whether text follows a closing quote somewhere, or the stand-in was there before.
    """

    def __init__(self, file: DataFile, step: str, progress: Progress) -> None:
        self._raw, self._stream = file.open_both()
        self._size = file.path.stat().st_size
        self._step, self._progress = step, progress
        self._wide = file.delimiter if len(file.delimiter) > 1 else b""
        self._quoted_by = file.delimiter if file.quoted and file.is_delimited else b""
        self._last = self._held = self._unfinished = b""
        self.lines = 0
        self.blank_lines = 0
        self.starts_blank = False
        self.doubtful = False

    def readable(self) -> bool:
        """Say yes: this stream is for reading, once, from front to back."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Return up to ``size`` bytes."""
        if self._wide and size is not None and size > len(self._wide):
            size -= len(self._wide)  # what waits comes on top
        block: bytes = self._stream.read(size)
        if self._wide:
            block = self._narrowed(block, size)
        if self._quoted_by:
            self._look_at_quotes(block)
        if block:
            self.starts_blank |= self._last == b"" and block[:1] in b"\r\n"
            self.lines += block.count(b"\n")
            self.blank_lines += block.count(b"\n\n") + block.count(b"\n\r\n")
            self._last = block[-1:]
            self._progress(self._step, self._raw.tell(), self._size)
        elif self._last not in (b"", b"\n"):
            self.lines += 1
            self._last = b"\n"
        return block

    def _narrowed(self, block: bytes, size: int | None) -> bytes:
        """Return the block with stand-ins; what may be the start of a delimiter waits."""
        while True:
            self.doubtful |= STAND_IN in block
            narrow = (self._held + block).replace(self._wide, STAND_IN)
            kept = 0
            if block:
                starts = (self._wide[:n] for n in range(len(self._wide) - 1, 0, -1))
                kept = next((len(start) for start in starts if narrow.endswith(start)), 0)
            self._held = narrow[len(narrow) - kept :]
            narrow = narrow[: len(narrow) - kept]
            if narrow or not block:
                return narrow
            block = self._stream.read(size)

    def _look_at_quotes(self, block: bytes) -> None:
        if b'"' not in block and b'"' not in self._unfinished:
            line = block.rfind(b"\n") + 1
            self._unfinished = block[line:] if line else self._unfinished + block
            return
        whole = self._unfinished + block
        end = whole.rfind(b"\n") + 1 if block else len(whole)
        self.doubtful |= not are_well_quoted(whole[:end], self._quoted_by)
        self._unfinished = whole[end:]

    def close(self) -> None:
        """Close the file underneath."""
        self._stream.close()
        self._raw.close()
        super().close()

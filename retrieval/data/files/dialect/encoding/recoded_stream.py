"""A text file of another encoding as a stream of UTF-8."""

from __future__ import annotations

import codecs
import io
from typing import Any

_BLOCK_BYTES = 1 << 20


class RecodedStream(io.RawIOBase):
    """The text of a stream in UTF-8.

    Bytes that the codec can't decode come through as they are, so that they are found where all
    that isn't UTF-8 is.
    """

    def __init__(self, stream: Any, codec: str) -> None:
        wide = codec.startswith(("utf-16", "utf-32"))
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(codec)(
            errors="replace" if wide else "surrogateescape"
        )
        self._ready = memoryview(b"")
        self._ended = False

    def readable(self) -> bool:
        """Say yes: this stream is for reading, once, from front to back."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what comes next, and return how many bytes that is."""
        while not self._ready and not self._ended:
            block = self._stream.read(_BLOCK_BYTES)
            self._ended = not block
            text = self._decoder.decode(block, final=self._ended)
            self._ready = memoryview(text.encode("utf-8", "surrogateescape"))
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def close(self) -> None:
        """Close the stream underneath."""
        self._stream.close()
        super().close()

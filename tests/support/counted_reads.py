"""How many texts the item tower reads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from longtail.retrieval.towers import catalog_encoding
from longtail.retrieval.towers.backends.backend import TextBackend
from longtail.retrieval.towers.text.tokens import TokenTable


def count_reads(
    monkeypatch: pytest.MonkeyPatch, *, texts_per_chunk: int | None = None
) -> list[int]:
    """Return a list that grows with each chunk that is read, by the number of its texts."""
    read: list[int] = []
    whole = catalog_encoding.encode_pooled

    def counted(backend: TextBackend, tokens: TokenTable, **named: Any) -> NDArray[np.float32]:
        read.append(len(tokens))
        return whole(backend, tokens, **named)

    monkeypatch.setattr(catalog_encoding, "encode_pooled", counted)
    if texts_per_chunk is not None:
        monkeypatch.setattr(catalog_encoding, "ITEMS_PER_CHUNK", texts_per_chunk)
    return read

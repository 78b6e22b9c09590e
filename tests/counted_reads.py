"""How many texts the item tower reads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import retrieval.embedding
from retrieval.towers.backends.backend import TextBackend
from retrieval.towers.tokens import TokenTable


def count_reads(
    monkeypatch: pytest.MonkeyPatch, *, texts_per_chunk: int | None = None
) -> list[int]:
    """Return a list that grows with each chunk that is read, by the number of its texts."""
    read: list[int] = []
    whole = retrieval.embedding.encode_pooled

    def counted(backend: TextBackend, tokens: TokenTable, **named: Any) -> NDArray[np.float32]:
        read.append(len(tokens))
        return whole(backend, tokens, **named)

    monkeypatch.setattr(retrieval.embedding, "encode_pooled", counted)
    if texts_per_chunk is not None:
        monkeypatch.setattr(retrieval.embedding, "ITEMS_PER_CHUNK", texts_per_chunk)
    return read

"""The terms of a text as a short dense vector, in any language: the encoder's own tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from longtail.retrieval.towers.text.tokens import TokenTable

# Terms are told apart by that many bits, and folded into columns: of a small catalog some an item.
# With some thousand items 2,048 are worth as much as a column a term (docs/behaviour.md).
BITS = 20
MOST_COLUMNS, COLUMNS_PER_ITEM = 2_048, 4
# A term that only one text has says nothing of another.
FEWEST_TEXTS = 2
_MULTIPLIER = np.uint64(0x9E37_79B9_7F4A_7C15)


@dataclass(frozen=True, eq=False)
class TermFeatures:
    """Tokens and pairs of neighbouring tokens, weighted by how rare they are and hashed.

    Mean pooling blurs what a brand or a model number says; here it has a column of its own, or
    shares one with few others (Weinberger et al., "Feature Hashing", ICML 2009).

    Attributes:
        rarity: inverse document frequency of each hashed term, 0 for those that don't count,
            float32 [2 ** BITS].
        mean: of the catalog's unit vectors, float32 [columns].
    """

    rarity: NDArray[np.float32]
    mean: NDArray[np.float32]

    @classmethod
    def of(cls, tokens: TokenTable) -> TermFeatures:
        """Return the features of a catalog with these texts."""
        text, term = _terms(tokens)
        distinct = np.unique(np.stack([term, text]), axis=1)[0]
        texts = np.bincount(distinct, minlength=2**BITS)
        rarity = np.log((1 + len(tokens)) / (1 + texts)) + 1.0
        # What all texts have, such as an encoder's prompt, tells none from another either.
        rarity = np.where((texts >= FEWEST_TEXTS) & (texts < len(tokens)), rarity, 0.0)
        columns = min(COLUMNS_PER_ITEM * len(tokens), MOST_COLUMNS)
        total = np.zeros(columns, np.float64)
        whole = cls(np.asarray(rarity, np.float32), np.zeros(columns, np.float32))
        for start in range(0, len(tokens), 4_096):
            rows = np.arange(start, min(start + 4_096, len(tokens)))
            total += whole._unit(tokens.take(rows)).sum(axis=0, dtype=np.float64)
        mean = total / max(len(tokens), 1)
        return replace(whole, mean=np.asarray(mean, np.float32))

    @classmethod
    def of_terms(
        cls, term: NDArray[np.int32], rarity: NDArray[np.float32], mean: NDArray[np.float32]
    ) -> TermFeatures:
        """Return the features where the terms that count are given by their hashes."""
        whole = np.zeros(2**BITS, np.float32)
        whole[term] = rarity
        return cls(whole, mean)

    def __call__(self, tokens: TokenTable) -> NDArray[np.float32]:
        """Return centred unit vectors, float32 [n, columns]; zeros for a text like the mean."""
        centred = self._unit(tokens) - self.mean
        norm = np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6)
        return np.asarray(centred / norm, np.float32)

    def _unit(self, tokens: TokenTable) -> NDArray[np.float32]:
        text, term = _terms(tokens)
        count = sp.csr_matrix(
            (np.ones(len(text), np.float32), (text, term)), shape=(len(tokens), 2**BITS)
        )
        count.sum_duplicates()
        row = np.repeat(np.arange(len(tokens)), np.diff(count.indptr))
        weight = (1.0 + np.log(count.data)) * self.rarity[count.indices]
        folded = _mixed(count.indices.astype(np.uint64))
        sign = np.where((folded >> np.uint64(63)) == 1, np.float32(-1), np.float32(1))
        column = (folded >> np.uint64(20)) % np.uint64(len(self.mean))
        places = (row, column.astype(np.int64))
        dense = sp.csr_matrix(
            (weight * sign, places), shape=(len(tokens), len(self.mean))
        ).toarray()
        norm = np.maximum(np.linalg.norm(dense, axis=1, keepdims=True), 1e-6)
        return np.asarray(dense / norm, np.float32)


def _terms(tokens: TokenTable) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return of every token and every pair of neighbours whose text it is in, and its hash.

    The special tokens at both ends of a text are in all of them and say nothing.
    """
    lengths = tokens.lengths
    owner = np.repeat(np.arange(len(tokens)), lengths)
    inner = np.ones(len(tokens.ids), bool)
    some = lengths > 0
    inner[tokens.offsets[:-1][some]] = False
    inner[tokens.offsets[1:][some] - 1] = False
    owner, ids = owner[inner], tokens.ids[inner].astype(np.uint64)
    together = np.flatnonzero(owner[1:] == owner[:-1])
    pairs = (ids[together] << np.uint64(32)) | (ids[together + 1] + np.uint64(1))
    hashed = _mixed(np.concatenate([ids << np.uint64(32), pairs])) >> np.uint64(64 - BITS)
    return np.concatenate([owner, owner[together]]), hashed.astype(np.int64)


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return numbers whose bits depend on all bits of the given ones (Fibonacci hashing)."""
    mixed = (numbers ^ (numbers >> np.uint64(32))) * _MULTIPLIER
    return np.asarray((mixed ^ (mixed >> np.uint64(29))) * _MULTIPLIER, np.uint64)

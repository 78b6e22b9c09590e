"""Which of some texts may say much the same as others, found by the words that few say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from longtail.retrieval.data.suspects.item_words import Words, WordWeights

# The rarest words of a text, as many as hold this share of its weight, find its pairs.
RARE = 0.6


class RareWords:
    """Texts that are looked for; none that overlaps enough is missed."""

    def __init__(self, texts: Sequence[Words], weights: WordWeights, least: float) -> None:
        """Take the texts; ``least`` is the overlap (`WordWeights.overlap`) that is looked for."""
        self._weights, self._least = weights, least
        self._totals = np.array([weights.total(words) for words in texts])
        self._code = {word: i for i, word in enumerate(dict.fromkeys(w for t in texts for w in t))}
        ones = self._matrix(texts)
        ones.data[:] = 1.0
        self._said_by = ones.T.tocsr()

    def near(self, texts: Sequence[Words]) -> NDArray[np.int64]:
        """Return which of these texts may overlap enough with which of those looked for.

        Each pair is ``position * number of texts looked for + that one's position``, int64.
        """
        totals = np.array([self._weights.total(words) for words in texts])
        rare = [self._rarest(words, total) for words, total in zip(texts, totals, strict=True)]
        rest = totals - np.array([self._weights.total(words) for words in rare])
        shared = (self._matrix(rare) @ self._said_by).tocoo()
        line, at = shared.row, shared.col
        # Of its other words a pair can share no more than there are.
        most = shared.data + rest[line]
        needed = self._least / (1 + self._least) * (totals[line] + self._totals[at])
        kept = most >= needed - 1e-9
        pairs = line[kept].astype(np.int64) * len(self._totals) + at[kept]
        return np.asarray(pairs, np.int64)

    def _rarest(self, words: Words, total: float) -> Words:
        chosen, held = [], 0.0
        for word in sorted(words, key=lambda word: (-self._weights[word], word)):
            chosen.append(word)
            held += self._weights[word]
            if held > RARE * total:
                break
        return frozenset(chosen)

    def _matrix(self, texts: Iterable[Words]) -> sp.csr_matrix:
        """Return weights by text and word, words that nothing looked for says left out."""
        known = [[word for word in words if word in self._code] for words in texts]
        starts = np.concatenate([[0], np.cumsum([len(words) for words in known])])
        said = [word for words in known for word in words]
        codes: NDArray[np.int64] = np.array([self._code[word] for word in said], np.int64)
        values = np.array([self._weights[word] for word in said], np.float64)
        return sp.csr_matrix((values, codes, starts), shape=(len(known), len(self._code)))

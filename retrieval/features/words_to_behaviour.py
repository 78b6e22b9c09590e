"""What an item's words say of the company it is taken in, also of an item that nobody took."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from longtail.index.errors import DamagedFileError
from longtail.index.files import write_file_atomically
from longtail.retrieval.features.item_weights import REMEDY, ItemWeights
from longtail.retrieval.features.term_features import TermFeatures
from longtail.retrieval.kernels.row_blocks import row_blocks
from longtail.retrieval.towers.text.tokens import TokenTable

Floats = NDArray[np.float32]

# Of a block of scores, 4 bytes each.
ENTRIES_AT_ONCE = 2**24
TENSORS = ("term", "rarity", "mean", "into_key", "into_query", "keys", "queries", "kept")


@dataclass(frozen=True, eq=False)
class WordsToBehaviour:
    """Two short vectors an item, whose product says how often the second is taken with the first.

    Attributes:
        terms: how the words of a text are read.
        into_key: the map of a text's features to its key, float32 [f, r].
        into_query: the map to the query of an item that nobody had taken, float32 [f, r].
        keys: of each item what its words say, float32 [n, r].
        queries: of each item what the log says of it, of one without events what its words do,
            float32 [n, r].
        kept: entries of a full row of the item-to-item weights.
    """

    terms: TermFeatures
    into_key: Floats
    into_query: Floats
    keys: Floats
    queries: Floats
    kept: int

    def laid_out(self, rows: NDArray[np.int64]) -> WordsToBehaviour:
        """Return the vectors of these rows, int64 [m]; zeros where they are -1."""
        there = (rows >= 0)[:, None]
        return replace(
            self,
            keys=np.where(there, self.keys[rows], np.float32(0)),
            queries=np.where(there, self.queries[rows], np.float32(0)),
        )

    def reading(
        self, rows: NDArray[np.int64], vectors: Floats, tokens: TokenTable
    ) -> WordsToBehaviour:
        """Return the same with the vectors of items that came later, by their texts.

        ``vectors`` [m, d] the item tower's, ``tokens`` the m texts.
        """
        features = text_features(self.terms, vectors, tokens)
        keys, queries = self.keys.copy(), self.queries.copy()
        keys[rows], queries[rows] = features @ self.into_key, features @ self.into_query
        return replace(self, keys=keys, queries=queries)

    def with_rows(self, weights: ItemWeights, rows: NDArray[np.int64]) -> ItemWeights:
        """Return item-to-item weights with these items among them; what was there stays.

        An item has a place in another's row where it is above the least that a full row keeps.
        """
        n = weights.n_items
        comes = np.zeros(n, bool)
        comes[rows] = True
        least = _least_kept(weights, self.kept)
        added = [weights.matrix]
        for block in row_blocks(n, max(1, ENTRIES_AT_ONCE // max(len(rows), 1))):
            scores = self.queries[block] @ self.keys[rows].T
            scores[(np.abs(scores) < least[block, None]) | comes[block, None]] = 0.0
            row, column = np.nonzero(scores)
            places = (row + block.start, rows[column])
            added.append(sp.csr_matrix((scores[row, column], places), shape=(n, n)))
        for block in row_blocks(len(rows), max(1, ENTRIES_AT_ONCE // n)):
            added.append(self._rows(rows[block]))
        total = sum(added[1:], start=added[0])
        return ItemWeights.from_matrix(total.astype(np.float32, copy=False))

    def _rows(self, rows: NDArray[np.int64]) -> sp.csr_matrix:
        """Return these items' rows, all others empty, float32 [n, n]."""
        scores = self.queries[rows] @ self.keys.T
        scores[np.arange(len(rows)), rows] = 0.0
        n, width = scores.shape[1], min(self.kept, scores.shape[1])
        places = np.argpartition(-np.abs(scores), width - 1, axis=1)[:, :width]
        values = np.take_along_axis(scores, places, axis=1).ravel()
        owner = np.repeat(rows, width)
        return sp.csr_matrix((values, (owner, places.ravel())), shape=(n, n))

    def save(self, path: Path) -> None:
        """Write one safetensors file; the file is the old one or the whole new one."""
        from safetensors.numpy import save_file

        term = np.flatnonzero(self.terms.rarity)
        tensors = {
            "term": term.astype(np.int32),
            "rarity": self.terms.rarity[term],
            "mean": self.terms.mean,
            **{name: np.ascontiguousarray(getattr(self, name)) for name in TENSORS[3:-1]},
            "kept": np.array([self.kept]),
        }
        with write_file_atomically(path) as temporary:
            save_file(tensors, temporary, metadata={"format": "1"})

    @classmethod
    def load(cls, path: Path, *, n_items: int) -> WordsToBehaviour | None:
        """Return what `save` wrote, None where there is no file; ``n_items``: of the catalog.

        Raises:
            DamagedFileError: the file is unreadable or of another catalog.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        if not path.is_file():
            return None
        try:
            tensors = load_file(path)
            term, rarity, mean, *vectors, kept = (tensors[name] for name in TENSORS)
        except (SafetensorError, KeyError) as error:
            reason = " ".join(str(error).split())
            raise DamagedFileError(f"{path} can't be read ({reason}); {REMEDY}") from error
        if len(tensors["keys"]) != n_items or len(tensors["queries"]) != n_items:
            raise DamagedFileError(f"{path} is of another catalog; {REMEDY}")
        into_key, into_query, keys, queries = vectors
        terms = TermFeatures.of_terms(term, rarity, mean)
        return cls(terms, into_key, into_query, keys, queries, int(kept[0]))


def text_features(terms: TermFeatures, vectors: Floats, tokens: TokenTable) -> Floats:
    """Return what a text is told by, float32 [n, f]: its vector, its terms, and a constant."""
    half = np.sqrt(np.float32(0.5))
    constant = np.ones((len(tokens), 1), np.float32)
    return np.concatenate([half * vectors, half * terms(tokens), constant], axis=1)


def _least_kept(weights: ItemWeights, kept: int) -> Floats:
    """Return the smallest magnitude of each row of ``kept``, 0 of shorter ones, float32 [n]."""
    sizes = np.diff(weights.indptr)
    least = np.zeros(len(sizes), np.float32)
    some = sizes > 0
    if some.any():
        smallest = np.minimum.reduceat(np.abs(weights.values), weights.indptr[:-1][some])
        least[some] = smallest
    least[sizes < kept] = 0.0
    return least

"""Fits what words say of behaviour: a ridge regression from texts to the items taken together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from numpy.typing import NDArray

from longtail.retrieval.features.item_weights import ItemWeights
from longtail.retrieval.features.term_features import TermFeatures
from longtail.retrieval.features.words_to_behaviour import WordsToBehaviour, text_features
from longtail.retrieval.kernels.row_blocks import row_blocks
from longtail.retrieval.towers.text.tokens import TokenTable
from longtail.training.evidence.item_weights.largest_entries import largest_entries

# Of an item's row of lifts, events that are added to its count: few takings say little.
SHRINKAGE = 5.0
# An item weighs (events + 3) / 10 against a ridge of 1.
PRIOR_EVENTS = 3.0
RIDGE = 10.0
# Numbers kept of each item, by how much of the fitted lifts they explain.
RANK = 512
# Of two dense blocks of rows, 4 bytes an item and row each.
ROWS_JOINED = 512

Floats = NDArray[np.float32]


def fit_words_to_behaviour(
    taken: sp.csr_matrix, vectors: Floats, tokens: TokenTable, kept: int
) -> tuple[WordsToBehaviour, ItemWeights]:
    """Return the map from words to behaviour, and the item-to-item weights that it gives.

    Ridge regression of each item's column of lifts, ``together(j, i) / sqrt((n_j + 5)(n_i + 5))``,
    on the features of its text, items weighted by their events; of each weight its item's own
    column is left out (the closed form of leave-one-out: Golub, Heath and Wahba, "Generalized
    Cross-Validation", Technometrics 1979). So a known item's weights say no more than those of an
    item that nobody took: what its words say. Their `RANK` main directions are kept.

    ``taken`` bool [n_users, n_items], ``vectors`` [n, d] unit rows, ``tokens`` the n texts;
    ``kept`` entries a row, of the largest magnitude.
    """
    terms = TermFeatures.of(tokens)
    features = text_features(terms, vectors, tokens)
    counts = np.bincount(taken.indices, minlength=len(vectors)).astype(np.float32)
    weight = np.where(counts > 0, (counts + PRIOR_EVENTS) / RIDGE, 0.0).astype(np.float32)
    weighted = features * weight[:, None]
    inverse = _inverse(np.asarray(weighted.T @ features, np.float64))
    fitted = np.empty_like(features)
    for rows, lifts in _lifts(taken, counts):
        fitted[rows] = lifts @ weighted
    fitted = fitted @ inverse
    # The directions in which what is fitted is largest.
    _, directions = scipy.linalg.eigh(fitted.T @ fitted, driver="evd")
    # There are no more of them than items.
    rank = min(RANK, len(vectors))
    into_key = np.ascontiguousarray(directions[:, ::-1][:, :rank], np.float32)
    keys, queries = features @ into_key, fitted @ into_key
    into_query = inverse @ (weighted.T @ queries)
    unknown = counts == 0
    queries[unknown] = features[unknown] @ into_query
    words = WordsToBehaviour(terms, into_key, into_query, keys, queries, kept)
    # What an item's own column adds to itself.
    own = weight * np.einsum("nr,nr->n", features @ (inverse @ into_key), keys)
    columns = np.full((len(vectors), min(kept, len(vectors))), -1, np.int32)
    values = np.zeros(columns.shape, np.float32)
    for rows, lifts in _lifts(taken, counts):
        scores = queries[rows] @ keys.T
        scores -= np.asarray(lifts.multiply(own[None, :]).toarray(), np.float32)
        # What an item without events leads to is told by its words, and is no observation.
        scores /= np.where(unknown[rows, None], np.float32(1), 1.0 - own)
        scores[np.arange(len(scores)), np.arange(rows.start, rows.stop)] = 0.0
        columns[rows], values[rows] = largest_entries(scores, columns.shape[1])
    return words, ItemWeights.from_rows(columns, values)


def _lifts(taken: sp.csr_matrix, counts: Floats) -> Iterator[tuple[slice, sp.csr_matrix]]:
    """Yield rows of how often two items are taken by the same users, for their popularity."""
    matrix = taken.astype(np.float32)
    by_item = matrix.T.tocsr()
    root = 1.0 / np.sqrt(counts + np.float32(SHRINKAGE))
    for rows in row_blocks(by_item.shape[0], ROWS_JOINED):
        pairs = sp.csr_matrix(by_item[rows] @ matrix)
        row = np.repeat(np.arange(rows.start, rows.stop), np.diff(pairs.indptr))
        pairs.data *= root[row] * root[pairs.indices]
        pairs.data[row == pairs.indices] = 0.0
        yield rows, pairs


def _inverse(gram: NDArray[np.float64]) -> Floats:
    """Return the inverse of ``gram + 1``."""
    regular = gram + np.eye(len(gram))
    factor = scipy.linalg.cho_factor(regular, lower=True, overwrite_a=True)
    identity = np.eye(len(gram))
    return np.asarray(scipy.linalg.cho_solve(factor, identity, overwrite_b=True), np.float32)

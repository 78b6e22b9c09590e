"""Evidence lent to unknown items: cold ones when it is fitted, late ones when they come."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from longtail.index.vector_index import VectorIndex
from longtail.retrieval.features.evidence_models import BY_TEXT
from longtail.retrieval.features.lent_evidence import nearest_known, with_lent, with_lent_offsets
from longtail.retrieval.run.bundle import Bundle


def with_cold_lent(bundle: Bundle, index: VectorIndex, counts: NDArray[np.int64]) -> Bundle:
    """Return the bundle in which items without events borrow evidence.

    ``counts`` int64 [n] are of the events that the evidence was fitted on. Under a prior head
    nothing is borrowed: of a few events all would borrow from the same few, and what the texts say
    of an item is nearer to it.
    """
    if bundle.relevance.prior:
        everything = np.ones(len(bundle.catalog), np.bool_)
        models = replace(bundle.evidence_models, known=everything)
        return replace(bundle, evidence_models=models)
    return _with_lent(bundle, index, np.flatnonzero(counts == 0), counts > 0)


def with_late_lent(bundle: Bundle, index: VectorIndex, late: NDArray[np.int64]) -> Bundle:
    """Return a served bundle in which rows that came after training borrow evidence.

    What words say of behaviour they have of their own.

    Unchanged for runs that tell no difference, which were trained without lending.
    """
    known = bundle.evidence_models.known
    if known is None or not len(late):
        return bundle
    return _with_words(_with_lent(bundle, index, late, known), index, late)


def _with_words(bundle: Bundle, index: VectorIndex, late: NDArray[np.int64]) -> Bundle:
    models = bundle.evidence_models
    if models.words is None:
        return bundle
    tokens = bundle.item_tower.tokenise(bundle.catalog.texts(late))
    words = models.words.reading(late, index.vectors(late), tokens)
    weights = words.with_rows(models.item_weights[BY_TEXT], late)
    item_weights = {**models.item_weights, BY_TEXT: weights}
    return replace(bundle, evidence_models=replace(models, item_weights=item_weights, words=words))


def _with_lent(
    bundle: Bundle, index: VectorIndex, rows: NDArray[np.int64], known: NDArray[np.bool_]
) -> Bundle:
    n_items = len(bundle.catalog)
    donors = nearest_known(index, rows, known)
    return replace(
        bundle,
        evidence_models=with_lent(bundle.evidence_models, donors, n_items),
        user_tower=with_lent_offsets(bundle.user_tower, donors, n_items),
    )

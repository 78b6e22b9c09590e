"""Whether a relevance head reads evidence that there is, asked before the first query does."""

from __future__ import annotations

from longtail.retrieval.features.beside.beside_state import OF_REJECTED, OF_SEEN
from longtail.retrieval.features.evidence_models import EvidenceModels
from longtail.retrieval.features.features import feature_names
from longtail.retrieval.features.relevance_head import RelevanceHead


def unknown_evidence(
    head: RelevanceHead, evidence_models: EvidenceModels, *, clock: bool
) -> str | None:
    """Return a column that a head reads and that nothing here gives; None where there is none.

    A run of another version may have some: the number of columns alone doesn't tell.
    """
    known = {*OF_SEEN, *OF_REJECTED}
    for times in {False, clock}:
        known.update(feature_names(evidence_models, counts=True, clock=times, user_columns=True))
    heads = (head,) if head.of_unknown is None else (head, head.of_unknown)
    return next((name for one in heads for name in one.names if name not in known), None)

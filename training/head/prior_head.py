"""The relevance head of a run whose log teaches none: chosen beforehand, for any catalog."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from longtail.retrieval.features.evidence_models import LEADING
from longtail.retrieval.features.relevance_head import RelevanceHead
from longtail.retrieval.features.scorers.network import Network, NetworkShape
from longtail.retrieval.run.bundle import Bundle

# Weights of columns that every catalog has, in standard deviations of a user's own catalog, so
# that they mean the same in any. Without a log both say what texts say: the closed form is then
# its text kernel alone. What `learn` fits moves it, and with history offsets the cosine. Chosen on
# the validation parts of two public logs (benchmarks/first_days/prior.py).
WEIGHTS = {"standard_cosine": 0.1, f"{LEADING}.standard": 0.9}
# From scores to log-odds: the mean of what Platt's method gives there while nothing was learned.
SCALE, SHIFT = 0.26, -8.02
# A network cuts its columns off at eight deviations, and a text next to the only one of a history
# is further out.
WIDTH = 8.0


def prior_head(names: tuple[str, ...]) -> RelevanceHead:
    """Return the head over those of its columns that are among these names.

    The weight of a column that is missing goes to the other.

    >>> prior_head(("standard_cosine", "coherence")).names
    ('standard_cosine',)
    """
    weights = {name: weight for name, weight in WEIGHTS.items() if name in names}
    network = Network(NetworkShape(len(weights), ()))
    shares = np.array(list(weights.values()), np.float32)
    with torch.no_grad():
        network.deviation.fill_(WIDTH)
        network.straight.weight.copy_(torch.from_numpy(WIDTH * shares / shares.sum())[None])
    network.requires_grad_(False).eval()
    return RelevanceHead(tuple(weights), scorers=(network,), scale=SCALE, shift=SHIFT, prior=True)


def with_prior_head(bundle: Bundle) -> Bundle:
    """Return the bundle with the head that needs no log, at debias 0, and a report that says so."""
    of_weights = (f"{name}.standard" for name in bundle.evidence_models.item_weights)
    head = prior_head(("standard_cosine", *of_weights))
    total = sum(WEIGHTS[name] for name in head.names)
    weights = {name: WEIGHTS[name] / total for name in head.names}
    report = {"scorer": "prior", "counts": False, "weights": weights}
    serving = replace(bundle.serving, debias=0.0)
    summary = {**bundle.summary, "relevance": report}
    return replace(bundle, relevance=head, serving=serving, summary=summary)

"""Which head a small log gets: the prior one, unless validation tells that its own is better."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from longtail.evaluation.significance.paired_tests import paired_bootstrap
from longtail.index.vector_index import VectorIndex
from longtail.retrieval.data.splits import Split
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.retrieval.run.bundle import Bundle
from longtail.training.head.head_training import OwnHead, validation_examples
from longtail.training.head.judging.head_report import figures
from longtail.training.head.judging.ranked_pairs import PairRanks
from longtail.training.head.training_pairs import collect_pairs
from longtail.training.settings import TrainingSettings
from longtail.training.validation import ValidationSet

# Of what proves it, and of what it may not lose.
BETTER, NO_WORSE = "ndcg", "tail_ndcg"


def is_small(validation: ValidationSet, settings: TrainingSettings) -> bool:
    """Return whether the log's own head has to prove itself on what validation there is."""
    head = settings.relevance
    few = validation.n_targets < head.prior_until
    return not len(validation) or (few and head.scorer == "auto")


def better_head(
    prior: Bundle, own: OwnHead, index: VectorIndex, split: Split, *, seed: int
) -> Bundle:
    """Return the bundle with the log's own head where it beats the prior one, else the other.

    Both rank the validation users, each by its own engine's candidates: the own head out of fold,
    and the prior one knows none of them. Better is a higher NDCG@10 whose interval leaves out 0,
    and no lower one in the tail. What was compared stands in the report of the head.
    """
    ranking = RankingPipeline(prior, index)
    users = validation_examples(ranking, split)
    pairs = collect_pairs(
        ranking,
        users.known,
        users.positives,
        users.rejected,
        counts=False,
        popularity_matched=0,
        rng=np.random.default_rng(seed),
    )
    head = prior.relevance
    columns = [ranking.feature_names(counts=False).index(name) for name in head.names]
    of_prior = PairRanks(pairs).measures(head.logits(pairs.evidence[:, columns]))
    # Newcomers and earlier moments may stand behind the validation users.
    of_own = {name: values[: pairs.n_users] for name, values in own.measures.items()}
    more = np.stack([of_own[name] - of_prior[name] for name in (BETTER, NO_WORSE)], axis=1)
    tested = paired_bootstrap(more)
    better = bool(tested.low[0] > 0) and not tested.high[1] < 0
    chosen = own.bundle if better else prior
    report = {
        "taken": "own" if better else "prior",
        "own": figures(of_own),
        "prior": figures(of_prior),
        "ndcg_more": [round(float(side[0]), 5) for side in (tested.low, tested.high)],
    }
    relevance = {**chosen.summary["relevance"], "small_log": report}
    return replace(chosen, summary={**chosen.summary, "relevance": relevance})

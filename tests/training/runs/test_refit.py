"""Refitting: once all is chosen, the evidence learns from the valid part, nothing later."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toy_shop import NO_STAGE, settings_for

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TEST, VALID
from longtail.retrieval.data.splits import Split
from longtail.retrieval.run.bundle import Bundle
from longtail.training.evidence.cooccurrence import cooccurrence
from longtail.training.train import train_engine
from longtail.training.trainer.examples import taken_matrix


@pytest.fixture(scope="module")
def runs(
    tiny_bert: Path, catalog: Catalog, split: Split, tmp_path_factory: pytest.TempPathFactory
) -> dict[bool, Bundle]:
    folder = tmp_path_factory.mktemp("refit")
    plain = settings_for(tiny_bert, history=NO_STAGE, encoder=NO_STAGE)
    return {
        refit: train_engine(catalog, split, plain.changed(refit=refit), folder / str(refit)).bundle
        for refit in (False, True)
    }


def expected(split: Split, catalog: Catalog, last_part: int) -> np.ndarray:
    events = Histories.from_interactions(split.interactions.select(split.part <= last_part))
    return cooccurrence(taken_matrix(events, len(catalog)), 200).matrix.toarray()


def of_known(bundle: Bundle, weights: np.ndarray) -> np.ndarray:
    """Return the weights of known items among one another: the others' are lent."""
    known = bundle.evidence_models.known
    assert known is not None
    return weights[known][:, known]


def test_refitted_evidence_is_that_of_train_and_valid_events_alone(
    runs: dict[bool, Bundle], split: Split, catalog: Catalog
) -> None:
    found = runs[True].evidence_models.item_weights["co_taken"].matrix.toarray()
    np.testing.assert_allclose(
        of_known(runs[True], found),
        of_known(runs[True], expected(split, catalog, VALID)),
        rtol=1e-6,
    )
    assert np.abs(found - expected(split, catalog, TEST)).max() > 0


def test_without_refit_the_valid_part_stays_unread(
    runs: dict[bool, Bundle], split: Split, catalog: Catalog
) -> None:
    found = runs[False].evidence_models.item_weights["co_taken"].matrix.toarray()
    np.testing.assert_allclose(
        of_known(runs[False], found),
        of_known(runs[False], expected(split, catalog, VALID - 1)),
        rtol=1e-6,
    )


def test_refit_changes_neither_the_head_nor_what_is_tail(runs: dict[bool, Bundle]) -> None:
    plain, refitted = runs[False], runs[True]
    pairs = np.random.default_rng(0).normal(size=(50, len(plain.relevance.names)))
    evidence = pairs.astype(np.float32)
    np.testing.assert_array_equal(
        plain.relevance.logits(evidence), refitted.relevance.logits(evidence)
    )
    np.testing.assert_array_equal(plain.popularity.bucket, refitted.popularity.bucket)
    assert plain.serving == refitted.serving
    assert "refit_seconds" in refitted.summary["evidence"]

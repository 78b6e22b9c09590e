"""Scorers: what they learn, and that stored ones say the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from longtail.retrieval.features.scorers.boosting import Boosting
from longtail.retrieval.features.scorers.network import KNOTS, Network, NetworkShape
from longtail.retrieval.features.scorers.scorer import Scorer
from longtail.training.head.fit_scorers import fit_boosting, fit_network


def planted(n: int = 600, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return evidence of which column 0 decides, and the labels."""
    rng = np.random.default_rng(seed)
    evidence = rng.normal(size=(n, 3)).astype(np.float32)
    return evidence, evidence[:, 0] + 0.3 * rng.normal(size=n) > 0.5


def fitted(kind: str, seed: int = 0) -> Scorer:
    evidence, label = planted()
    weight = np.ones(len(label), np.float32)
    if kind == "boosting":
        return fit_boosting(evidence, label, weight, rounds=30, seed=seed)
    hidden = (8,) if kind == "network" else ()
    return fit_network(
        evidence, label, weight, hidden=hidden, epochs=60, learning_rate=0.03, seed=seed
    )


def auc(logits: np.ndarray, label: np.ndarray) -> float:
    return float((logits[label][:, None] > logits[~label]).mean())


@pytest.mark.parametrize("kind", ["mixture", "network", "boosting"])
class TestEveryScorer:
    def test_it_finds_what_decides(self, kind: str) -> None:
        evidence, label = planted(seed=1)
        assert auc(fitted(kind).logits(evidence), label) > 0.9

    def test_a_stored_one_gives_the_same_logits(self, kind: str, tmp_path: Path) -> None:
        evidence, _ = planted(seed=2)
        scorer = fitted(kind)
        scorer.save(tmp_path)
        again = type(scorer).load(tmp_path)
        assert again.kind == scorer.kind
        assert again.logits(evidence).tobytes() == scorer.logits(evidence).tobytes()

    def test_the_same_seed_gives_the_same_numbers(self, kind: str) -> None:
        evidence, _ = planted(seed=3)
        assert fitted(kind).logits(evidence).tobytes() == fitted(kind).logits(evidence).tobytes()

    def test_a_pair_alone_gives_what_it_gives_in_company(self, kind: str) -> None:
        evidence, _ = planted(seed=4)
        scorer = fitted(kind)
        alone = np.concatenate([scorer.logits(evidence[i : i + 1]) for i in range(20)])
        assert alone == pytest.approx(scorer.logits(evidence)[:20], abs=1e-5)

    def test_weight_moves_the_mean_towards_what_weighs_more(self, kind: str) -> None:
        evidence, label = planted()
        means = []
        for heavy in (1.0, 5.0):
            weight = np.where(label, heavy, 1.0).astype(np.float32)
            scorer = (
                fit_boosting(evidence, label, weight, rounds=30, seed=0)
                if kind == "boosting"
                else fit_network(
                    evidence,
                    label,
                    weight,
                    hidden=(8,) if kind == "network" else (),
                    epochs=60,
                    learning_rate=0.03,
                    seed=0,
                )
            )
            means.append(scorer.logits(evidence).mean())
        assert means[1] > means[0] + 0.3

    def test_no_pairs_have_no_logits(self, kind: str) -> None:
        assert fitted(kind).logits(np.empty((0, 3), np.float32)).shape == (0,)


class TestNetwork:
    def test_a_step_in_the_evidence_stays_where_it_was(self) -> None:
        """Most of the values are 0, as of an item that no weight points at."""
        network = Network(NetworkShape(1, (4,)))
        values = np.concatenate([np.zeros(900), np.linspace(0.01, 1, 100)])
        network.look_at(values[:, None].astype(np.float32))
        places: list[torch.Tensor] = []
        network.layers.register_forward_pre_hook(lambda _, given: places.append(given[0]))
        network.logits(np.array([[-1.0], [0.0], [0.005], [2.0]], np.float32))
        below, at_zero, just_above, above = places[0][:, 1].tolist()
        assert below == -1.0
        assert above == 1.0
        # The knots at 0 are about nine in ten: their middle is about 0.45 of the way.
        zeros = int((network.quantiles == 0).sum())
        assert at_zero == pytest.approx(zeros / KNOTS - 1.0, abs=1e-6)
        assert at_zero < just_above < above

    def test_far_outliers_are_clipped(self) -> None:
        network = fitted("mixture")
        far, further = (np.array([[x, 0, 0]], np.float32) for x in (1e4, 1e8))
        assert network.logits(far) == network.logits(further)

    def test_hidden_layers_start_silent(self) -> None:
        evidence, _ = planted()
        network = Network(NetworkShape(3, (8, 4)))
        network.look_at(evidence)
        assert not network.logits(evidence).any()

    def test_a_column_that_never_moves_does_no_harm(self) -> None:
        evidence, label = planted()
        evidence[:, 1] = 7.0
        weight = np.ones(len(label), np.float32)
        network = fit_network(
            evidence, label, weight, hidden=(8,), epochs=3, learning_rate=0.01, seed=0
        )
        assert np.isfinite(network.logits(evidence)).all()


def test_trees_say_which_column_matters() -> None:
    scorer = fitted("boosting")
    assert isinstance(scorer, Boosting)
    share = scorer.importance()
    assert share.sum() == pytest.approx(1.0)
    assert share.argmax() == 0

"""The item tower learns whom each item is taken with, one text against the whole catalog."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.splits import Split
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.training.co_taken.co_taken_rows import CoTakenRows
from longtail.training.co_taken.course import Course
from longtail.training.co_taken.fit_text_tower import CoTakenTraining
from longtail.training.co_taken.step_candidates import CandidateDraw
from longtail.training.losses.co_taken_softmax import co_taken_softmax
from longtail.training.towers.text_encoding import TextEncoding

COURSE = Course(epochs=2, texts_per_step=16, trainable_layers=1, encoder_lr=1e-3, linear_lr=1e-3)
LOG = Histories.from_lists([[0, 1, 2], [0, 1], [3, 3]])


@pytest.fixture
def rows(split: Split, catalog: Catalog) -> CoTakenRows:
    return CoTakenRows.of(Histories.from_interactions(split.train), len(catalog))


@pytest.fixture(autouse=True)
def _same_seed() -> Iterator[None]:
    with torch.random.fork_rng():
        yield


def training(tower: ItemTower, catalog: Catalog, rows: CoTakenRows) -> CoTakenTraining:
    reading = TextEncoding(tower, tower.tokenise(catalog.texts()))
    return CoTakenTraining(tower, reading, vectors_of(tower, catalog), rows, COURSE)


def vectors_of(tower: ItemTower, catalog: Catalog) -> NDArray[np.float32]:
    return tower.encode(catalog.texts())


def test_an_item_tells_its_co_takers_by_how_near_they_were_taken() -> None:
    targets = CoTakenRows.of(LOG, 5).targets(np.array([0]))
    assert targets.item.tolist() == [1, 2]
    assert targets.share.tolist() == pytest.approx([2 / 2.8, 0.8 / 2.8])


def test_an_item_that_was_taken_alone_teaches_nothing() -> None:
    assert CoTakenRows.of(LOG, 5).taught().tolist() == [0, 1, 2]


def test_items_without_co_takers_are_no_candidates() -> None:
    assert np.isneginf(CoTakenRows.of(LOG, 5).log_share()).tolist() == [False] * 3 + [True] * 2


def test_one_that_is_taken_often_counts_the_root_of_it() -> None:
    weight = CoTakenRows.of(LOG, 5).targets(np.array([0, 2])).weight
    assert float(weight[0] / weight[1]) == pytest.approx((2.8 / 1.8) ** 0.5)


def test_the_loss_is_the_cross_entropy_written_out() -> None:
    rows = CoTakenRows.of(LOG, 5)
    bank = torch.nn.functional.normalize(torch.randn(5, 4), dim=-1)
    fresh = torch.nn.functional.normalize(torch.randn(2, 4), dim=-1)
    asked = torch.tensor([2, 0])
    loss = co_taken_softmax(
        fresh,
        asked,
        bank,
        rows.targets(asked.numpy()),
        torch.tensor(3.0),
        torch.from_numpy(rows.log_share()),
    )
    now = bank.clone()
    now[asked] = fresh
    written = 0.0
    counts = torch.from_numpy(rows.counts.toarray())
    roots = counts.sum(1).sqrt()
    for place, row in enumerate(asked.tolist()):
        others = [item for item in (0, 1, 2) if item != row]
        logits = 3.0 * now[others] @ fresh[place] + torch.from_numpy(rows.log_share())[others]
        shares = counts[row, others] / counts[row].sum()
        told = -(shares * logits.log_softmax(0)).sum()
        written += float(told * roots[row] / roots[asked].sum())
    assert float(loss) == pytest.approx(written, rel=1e-5)


def test_texts_of_a_step_learn_as_candidates_too() -> None:
    rows = CoTakenRows.of(LOG, 5)
    fresh = torch.nn.functional.normalize(torch.randn(2, 4), dim=-1).requires_grad_()
    bank = torch.nn.functional.normalize(torch.randn(5, 4), dim=-1)
    targets = rows.targets(np.array([0, 1]))
    told = co_taken_softmax(
        fresh,
        torch.tensor([0, 1]),
        bank,
        # The second text tells nothing: what reaches it, reaches it as a candidate.
        type(targets)(targets.place, targets.item, targets.share, torch.tensor([1.0, 0.0])),
        torch.tensor(3.0),
        torch.from_numpy(rows.log_share()),
    )
    told.backward()  # type: ignore[no-untyped-call]
    assert fresh.grad is not None
    assert bool(fresh.grad[1].any())


def test_of_a_large_catalog_a_step_has_its_co_takers_and_a_sample() -> None:
    draw = CandidateDraw(CoTakenRows.of(LOG, 5), texts_per_step=1, drawn=1, largest=4)
    step = draw.of(np.array([1]), np.random.default_rng(0))
    assert step.rows is not None
    assert {0, 1, 2} <= set(step.rows.tolist())
    assert step.rows[step.places].tolist() == [1]
    assert sorted(step.rows[step.targets.item].tolist()) == [0, 2]


def test_a_sample_of_everything_is_the_whole() -> None:
    rows = CoTakenRows.of(LOG, 5)
    texts, rng = np.array([0, 2]), np.random.default_rng(0)
    sampled = CandidateDraw(rows, texts_per_step=2, drawn=1_000, largest=4).of(texts, rng)
    whole = CandidateDraw(rows, texts_per_step=2, drawn=1_000).of(texts, rng)
    assert whole.rows is None
    assert sampled.rows is not None
    assert sampled.rows.tolist() == [0, 1, 2, 3, 4]
    assert sampled.bias.tolist() == pytest.approx(whole.bias.tolist(), abs=1e-6)


def test_an_epoch_reads_every_text_once() -> None:
    texts = np.arange(3, 50)
    steps = COURSE.steps_of(1, texts, np.arange(60) % 7 + 2)
    assert sorted(np.concatenate(steps).tolist()) == texts.tolist()
    assert max(len(step) for step in steps) == COURSE.texts_per_step


def test_training_brings_co_takers_together(
    item_tower: ItemTower, catalog: Catalog, rows: CoTakenRows, tmp_path: Path
) -> None:
    def margin() -> float:
        cosines = (vectors := vectors_of(item_tower, catalog)) @ vectors.T
        together = rows.counts.toarray() > 0
        apart = ~together & ~np.eye(len(together), dtype=bool)
        return float(cosines[together].mean() - cosines[apart].mean())

    before = margin()
    losses = [e.loss for e in training(item_tower, catalog, rows).run(tmp_path, dict)]
    assert losses[1] < losses[0]
    assert margin() > before


def test_layers_below_stay_as_they_are(
    item_tower: ItemTower, catalog: Catalog, rows: CoTakenRows, tmp_path: Path
) -> None:
    before = {k: v.clone() for k, v in item_tower.state_dict().items()}
    training(item_tower, catalog, rows).run(tmp_path, dict)
    moved = {k for k, v in item_tower.state_dict().items() if not torch.equal(v, before[k])}
    assert moved
    assert not [name for name in moved if "layer.0" in name or "embeddings" in name]


def test_an_interrupted_training_ends_in_the_same_bits(
    tiny_bert: Path, catalog: Catalog, rows: CoTakenRows, tmp_path: Path
) -> None:
    def tower() -> ItemTower:
        return ItemTower.from_pretrained(str(tiny_bert), max_tokens=24).eval()

    def stopped() -> dict[str, float]:
        if (tmp_path / "cut" / "epoch-1").is_dir():
            raise KeyboardInterrupt
        return {}

    whole, interrupted, resumed = tower(), tower(), tower()
    training(whole, catalog, rows).run(tmp_path / "whole", dict)
    with pytest.raises(KeyboardInterrupt):
        training(interrupted, catalog, rows).run(tmp_path / "cut", stopped)
    epochs = training(resumed, catalog, rows).run(tmp_path / "cut", dict)
    assert [epoch.number for epoch in epochs] == [1, 2]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name

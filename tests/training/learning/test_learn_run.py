"""Learning: the evidence of the log as it is now, published whole or not at all."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toy_shop import NO_STAGE, settings_for

from longtail.index.errors import LockedIndexError, LongtailError
from longtail.index.storage.store import rollback
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.interactions import TEST, VALID, Interactions
from longtail.retrieval.data.splits import Split
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run.catalog_updates import removed
from longtail.retrieval.run.served_run import open_run
from longtail.training.head.judging.platt import UNSURE
from longtail.training.learning import LearnedWorseError, calibration, learn, learn_run
from longtail.training.learning.comparison import Moved
from longtail.training.train import train_engine


@pytest.fixture(scope="module")
def refitted_run(
    tiny_bert: Path, catalog: Catalog, split: Split, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run whose evidence training has fitted on the train and valid parts."""
    run = tmp_path_factory.mktemp("learning") / "run"
    settings = settings_for(tiny_bert, history=NO_STAGE, encoder=NO_STAGE).changed(refit=True)
    train_engine(catalog, split, settings, run)
    return run


@pytest.fixture
def run(refitted_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(refitted_run, tmp_path / "run"))


@pytest.fixture
def whole(split: Split) -> Interactions:
    """The log without parts: all of it is learned."""
    return replace(split.interactions, part=None)


def later(log: Interactions, *, days: int, share: float) -> Interactions:
    """Return a log with as many events more as are the share, for each of the days one lot.

    They are the users' first events again, with other items.
    """
    size = int(share * len(log)) + 1
    day, n_items = 86_400, int(log.item.max()) + 1
    lots = [np.arange(lot * size, (lot + 1) * size) for lot in range(days)]
    place = np.concatenate(lots)
    moved = (log.item[place] + 1 + place % (n_items - 1)) % n_items
    time = np.concatenate([log.time.max() + day * (i + 1) + lots[0] for i in range(days)])
    user = np.concatenate([log.user, log.user[place]])
    order = np.lexsort((np.concatenate([log.time, time]), user))
    return Interactions(
        log.user_ids,
        user[order],
        np.concatenate([log.item, moved]).astype(np.int32)[order],
        np.concatenate([log.time, time])[order],
        log.has_clock,
    )


def test_the_same_log_gives_the_evidence_of_training_to_the_bit(run: Path, split: Split) -> None:
    trained = open_run(run).bundle
    learned = learn_run(run, split.interactions, fresh_sequences=True).served.bundle
    before, after = trained.evidence_models, learned.evidence_models
    assert list(before.item_weights) == list(after.item_weights)
    for name, weights in before.item_weights.items():
        for column in ("indptr", "columns", "values"):
            now = getattr(after.item_weights[name], column)
            np.testing.assert_array_equal(getattr(weights, column), now)
    for name, tower in before.sequences.items():
        for key, value in tower.state_dict().items():
            assert torch.equal(value, after.sequences[name].state_dict()[key]), key
    assert before.known is not None
    assert after.known is not None
    np.testing.assert_array_equal(before.known, after.known)


def test_an_item_is_known_once_somebody_has_taken_it(run: Path, whole: Interactions) -> None:
    item = int(whole.item[0])
    learn_run(run, whole.select(whole.item != item), force=True)
    models = open_run(run).bundle.evidence_models
    assert models.unknown(np.array([item])).all()
    learn_run(run, whole, force=True)
    models = open_run(run).bundle.evidence_models
    assert not models.unknown(np.array([item])).any()


def test_a_log_whose_newest_events_are_one_person_s_is_learned(
    run: Path, whole: Interactions
) -> None:
    learn_run(run, whole, force=True)
    first = whole.user == whole.user[0]
    size = int(0.15 * len(whole))
    items = np.setdiff1d(np.arange(60), whole.item[first])[:size].astype(np.int32)
    log = Interactions(
        whole.user_ids,
        np.concatenate([whole.user[first], np.full(len(items), whole.user[0]), whole.user[~first]]),
        np.concatenate([whole.item[first], items, whole.item[~first]]),
        np.concatenate(
            [
                whole.time[first],
                whole.time.max() + 86_400 * np.arange(1, len(items) + 1),
                whole.time[~first],
            ]
        ),
        has_clock=True,
    )
    assert learn_run(run, log, force=True).unseen == len(items)


def test_sequence_towers_go_on_from_where_they_were(run: Path, split: Split) -> None:
    before = open_run(run).bundle.evidence_models.sequences
    after = learn_run(run, split.interactions).served.bundle.evidence_models.sequences
    for name, tower in before.items():
        moved = (tower.own.weight - after[name].own.weight).norm()
        assert 0 < moved < tower.own.weight.norm()


def test_what_is_learned_is_served_from_the_disk(run: Path, whole: Interactions) -> None:
    learned = learn_run(run, whole)
    opened = open_run(run)
    assert opened.state.learned == opened.trained.learned == "l0001"
    assert len(opened.bundle.log) == len(whole)
    np.testing.assert_array_equal(
        opened.bundle.popularity.counts, whole.user_counts(len(opened.bundle.catalog))
    )
    users = list(whole.user_ids[:5])
    shown = Retriever.open(run).recommend(users=users, k=5)
    assert (
        shown["item_id"].tolist()
        == Retriever.of(learned.served).recommend(users=users, k=5)["item_id"].tolist()
    )


def test_the_test_part_is_stored_and_not_learned(run: Path, split: Split) -> None:
    learned = learn_run(run, split.interactions)
    counts = split.interactions.select(split.part < TEST).user_counts(60)
    np.testing.assert_array_equal(learned.served.bundle.popularity.counts, counts)
    log = learned.served.bundle.log
    assert log.part is not None
    assert (log.part == TEST).sum() == (split.part == TEST).sum()


def test_rollback_takes_it_back(run: Path, whole: Interactions) -> None:
    before = open_run(run)
    learn_run(run, whole)
    rollback(run / "index")
    after = open_run(run)
    assert after.trained.learned is None
    assert len(after.bundle.log) == len(before.bundle.log)
    np.testing.assert_array_equal(after.bundle.popularity.counts, before.bundle.popularity.counts)


def test_states_that_no_kept_version_names_are_removed(run: Path, whole: Interactions) -> None:
    for _ in range(3):
        learn_run(run, whole)
    assert sorted(path.name for path in (run / "learned").iterdir()) == ["l0002", "l0003"]
    rollback(run / "index")
    assert open_run(run).trained.learned == "l0002"


def test_later_changes_carry_the_learned_state_on(run: Path, whole: Interactions) -> None:
    learn_run(run, whole)
    served = open_run(run)
    removed(served, [str(served.bundle.catalog.item_ids[3])]).save(run)
    after = open_run(run)
    assert after.trained.learned == "l0001"
    assert after.bundle.popularity.removed is not None


def test_removed_items_stay_out_and_speak_in_histories(run: Path, whole: Interactions) -> None:
    served = open_run(run)
    gone = int(whole.item[0])
    removed(served, [str(served.bundle.catalog.item_ids[gone])]).save(run)
    learned = learn_run(run, whole).served
    assert learned.bundle.catalog.removed is not None
    assert learned.bundle.catalog.removed.nonzero()[0].tolist() == [gone]
    retriever = Retriever.open(run)
    assert gone in retriever.history(str(whole.user_ids[whole.user[0]]))
    shown = retriever.recommend(users=list(whole.user_ids), k=10, include_seen=True)
    assert str(served.bundle.catalog.item_ids[gone]) not in set(shown["item_id"])


class TestTheCalibration:
    @pytest.fixture(autouse=True)
    def few_are_enough(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(calibration, "FEWEST_TAKEN", 5)

    @pytest.fixture
    def whole(self, whole: Interactions) -> Interactions:
        """The log in which everybody goes on to the end: one event a day, the last on one day."""
        ends = np.searchsorted(whole.user, whole.user, side="right")
        days_ago = ends - np.arange(len(whole))
        return replace(whole, time=whole.time.max() - 86_400 * days_ago)

    def test_is_fitted_again_and_the_scorers_stay(self, run: Path, whole: Interactions) -> None:
        before = open_run(run).bundle.relevance
        assert learn_run(run, whole, force=True).calibrated
        after = open_run(run).bundle.relevance
        assert (after.scale, after.shift) != (before.scale, before.shift)
        evidence = np.random.default_rng(0).normal(size=(9, len(before.names))).astype(np.float32)
        same = replace(after, scale=before.scale, shift=before.shift, of_unknown=before.of_unknown)
        np.testing.assert_array_equal(same.logits(evidence), before.logits(evidence))

    def test_stays_where_the_newest_events_would_turn_the_ranking_round(
        self, run: Path, whole: Interactions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(calibration, "platt", lambda *_: UNSURE)
        before = open_run(run).bundle.relevance
        assert not learn_run(run, whole, force=True).calibrated
        after = open_run(run).bundle.relevance
        assert (after.scale, after.shift) == (before.scale, before.shift)

    def test_stays_until_a_twentieth_is_new_to_it(self, run: Path, whole: Interactions) -> None:
        learn_run(run, whole, force=True)
        calibrated = [
            learn_run(run, later(whole, days=day, share=0.02), force=True).calibrated
            for day in range(1, 5)
        ]
        assert calibrated == [False, False, True, False]

    def test_is_that_of_an_engine_that_has_not_learned_the_answers(
        self, run: Path, whole: Interactions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        learn_run(run, whole, force=True)
        learn_run(run, later(whole, days=1, share=0.04), force=True)
        asked: list[tuple[Any, Any]] = []

        def seen(ranking: Any, cut: Any, head: Any, *, seed: int) -> Any:
            asked.append((ranking, cut))
            return head

        monkeypatch.setattr(learn, "recalibrated", seen)
        log = later(whole, days=2, share=0.04)
        learn_run(run, log, force=True)
        [(ranking, cut)] = asked
        n_items = len(ranking.bundle.catalog)
        assert (cut.part == VALID).sum() == len(log) // 10
        np.testing.assert_array_equal(
            ranking.bundle.popularity.counts, cut.before.user_counts(n_items)
        )


class TestWhatIsWorse:
    @pytest.fixture(autouse=True)
    def worse(self, monkeypatch: pytest.MonkeyPatch) -> None:
        lost = Moved("recall@10", 0.5, 0.4, -0.2, -0.05, 0.001, 80)
        monkeypatch.setattr(learn, "compare", lambda *_: (lost,))

    def test_is_not_published(self, run: Path, whole: Interactions) -> None:
        current = (run / "index" / "CURRENT").read_bytes()
        with pytest.raises(LearnedWorseError, match=r"recall@10 \.5000 to \.4000, p \.001"):
            learn_run(run, whole)
        assert (run / "index" / "CURRENT").read_bytes() == current
        assert not (run / "learned").exists()

    def test_is_published_by_force(self, run: Path, whole: Interactions) -> None:
        learn_run(run, whole, force=True)
        assert open_run(run).trained.learned == "l0001"


def test_a_damaged_learned_state_is_told_with_the_way_back(run: Path, whole: Interactions) -> None:
    learn_run(run, whole)
    path = run / "learned" / "l0001" / "histories.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(LongtailError, match=r"histories\.parquet"):
        open_run(run)
    rollback(run / "index")
    assert open_run(run).trained.learned is None


def test_who_is_locked_out_changes_nothing(run: Path, whole: Interactions) -> None:
    from processes import started_python

    program = (
        "import sys\nfrom pathlib import Path\n"
        "from longtail.index.storage.lock import index_lock\n"
        "with index_lock(Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with started_python("-c", program, run / "index") as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "held"
        with pytest.raises(LockedIndexError):
            learn_run(run, whole)
    assert not (run / "learned").exists()


@pytest.mark.parametrize(
    ("before", "after", "p", "worse"),
    [(0.5, 0.4, 0.01, True), (0.5, 0.4, 0.04, False), (0.4, 0.5, 0.001, False)],
)
def test_worse_is_what_no_chance_among_three_figures_explains(
    before: float, after: float, p: float, worse: bool
) -> None:
    assert Moved("recall@10", before, after, -0.2, 0.1, p, 80).worse is worse

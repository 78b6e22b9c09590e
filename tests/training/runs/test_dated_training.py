"""Trainings on a log with a clock: no look ahead, the same answer tomorrow, who is new."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dated_shop import DAY_S, dated_split
from toy_shop import NO_STAGE, settings_for

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TRAIN, VALID, Interactions
from longtail.retrieval.data.splits import Split
from longtail.retrieval.features.features import FROM_CLOCK, FROM_COUNTS, OF_USER_CLOCK
from longtail.retrieval.ranking.eligible import Eligible
from longtail.retrieval.ranking.fallback import taken_lately
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.retrieval.ranking.rerank.rerank import Rerank
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run.catalog_updates import added, refreshed
from longtail.retrieval.run.served_run import ServedRun, open_run
from longtail.training.settings import TrainingSettings
from longtail.training.train import train_engine


@pytest.fixture(scope="module")
def dated(catalog: Catalog) -> Split:
    return dated_split(catalog)


@pytest.fixture(scope="module")
def settings(tiny_bert: Path) -> TrainingSettings:
    return settings_for(tiny_bert, history=NO_STAGE, encoder=NO_STAGE, refit=True)


@pytest.fixture(scope="module")
def run(
    dated: Split,
    catalog: Catalog,
    settings: TrainingSettings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("dated") / "run"
    return train_engine(catalog, dated, settings, folder).run


@pytest.fixture(scope="module")
def served(run: Path) -> ServedRun:
    return open_run(run)


def parts_of(split: Split, *parts: int) -> Interactions:
    return split.interactions.select(np.isin(split.part, parts))


def test_the_head_sees_rates_and_no_counts(served: ServedRun) -> None:
    names = served.bundle.relevance.names
    assert {*FROM_CLOCK, *OF_USER_CLOCK} <= set(names)
    assert not set(FROM_COUNTS) & set(names)


def test_the_run_s_now_is_its_newest_event_before_the_test_part(
    served: ServedRun, dated: Split
) -> None:
    assert served.bundle.clock is not None
    assert served.bundle.clock.now == parts_of(dated, TRAIN, VALID).time.max()


def test_the_future_may_be_shuffled_and_nothing_moves(
    run: Path, dated: Split, catalog: Catalog, settings: TrainingSettings, tmp_path: Path
) -> None:
    """The test part's items change places: the engine that is trained is the same."""
    log = dated.interactions
    later = np.flatnonzero(dated.part > VALID)
    item = log.item.copy()
    item[later] = np.random.default_rng(1).permutation(item[later])
    shuffled = replace(dated, interactions=replace(log, item=item))
    other = train_engine(catalog, shuffled, settings, tmp_path / "run").run
    for part in ("relevance_head", "evidence", "user_tower"):
        for path in sorted((run / part).rglob("*")):
            if path.is_file():
                assert path.read_bytes() == (other / path.relative_to(run)).read_bytes(), path
    assert (run / "clock.safetensors").read_bytes() == (other / "clock.safetensors").read_bytes()


def test_earlier_moments_and_newcomers_teach_a_head_that_few_users_would(
    served: ServedRun, dated: Split
) -> None:
    report = served.bundle.summary["relevance"]
    assert 0.0 < report["share_from_second_half"] <= 1.0
    origins = report["rolling_origins"]
    train = parts_of(dated, TRAIN).time
    assert all(train.min() < moment <= train.max() for moment in origins["moments"])
    assert origins["moments"] == sorted(origins["moments"], reverse=True)
    valid = np.unique(parts_of(dated, VALID).user)
    assert report["users"] > len(valid)
    assert origins["positives"] > 0


class TestWhoIsNew:
    def test_a_new_user_s_answer_is_the_fallback_s(self, served: ServedRun, dated: Split) -> None:
        """One whom the log has in its test part only is asked by name."""
        retriever = Retriever.of(served)
        log = dated.interactions
        before = np.bincount(log.user[dated.part <= VALID], minlength=len(log.user_ids))
        # `history` is all that the log has, so somebody without any event is made up.
        assert (before == 0).any()
        frame = retriever.recommend(histories={"new": []}, k=5, pool="tail", debias=0.3)
        clock, bundle = served.bundle.clock, served.bundle
        assert clock is not None
        rows, scores = taken_lately(
            served.index,
            bundle.popularity,
            clock,
            Eligible("tail"),
            np.array([0]),
            5,
            Rerank("fixed", 0.3),
        )
        ids = bundle.catalog.item_ids[rows[0][rows[0] >= 0]]
        assert frame["item_id"].tolist() == ids.tolist()
        np.testing.assert_array_equal(frame["score"], scores[0][: len(ids)])
        assert frame["relevance"].isna().all()
        assert "taken lately" in frame.attrs["notes"]["new"]

    def test_what_is_taken_now_comes_before_what_was(self, served: ServedRun) -> None:
        clock, bundle = served.bundle.clock, served.bundle
        assert clock is not None
        everybody = np.array([0])
        rows, _ = taken_lately(
            served.index, bundle.popularity, clock, Eligible(), everybody, 3, Rerank()
        )
        assert rows[0, 0] == int(clock.log_rate.argmax())
        assert clock.now - clock.last[rows[0, 0]] < 15 * DAY_S

    def test_raising_the_dial_never_raises_the_popularity_of_the_list(
        self, served: ServedRun
    ) -> None:
        clock, popularity = served.bundle.clock, served.bundle.popularity
        assert clock is not None
        score = clock.log_rate.astype(np.float64)
        sums = []
        for debias in np.linspace(0, 1, 21):
            order = np.argsort(-(score - debias * popularity.centred), kind="stable")
            sums.append(popularity.log_p[order[:10]].astype(np.float64).sum())
        assert (np.diff(sums) <= 1e-6).all()
        assert sums[-1] < sums[0]

    def test_from_the_first_item_on_the_head_answers(self, served: ServedRun) -> None:
        item = str(served.bundle.catalog.item_ids[3])
        frame = Retriever.of(served).recommend(histories={"new": [item]}, k=5, pool="all")
        assert frame["relevance"].notna().all()
        assert item not in set(frame["item_id"])


def test_an_answer_is_the_same_tomorrow(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in an answer reads the clock on the wall."""
    asked = {"k": 10, "pool": "all", "debias": 0.2}
    user = str(open_run(run).bundle.log.user_ids[0])
    today = Retriever.open(run).recommend(users=[user], **asked)  # type: ignore[arg-type]
    monkeypatch.setattr("time.time", lambda: 4_000_000_000.0)
    tomorrow = Retriever.open(run).recommend(users=[user], **asked)  # type: ignore[arg-type]
    assert tomorrow.equals(today)


class TestAChangingCatalog:
    def test_a_log_of_later_events_moves_the_clock(self, served: ServedRun, dated: Split) -> None:
        later = replace(dated.interactions, part=None)
        moved = refreshed(served, later)
        assert served.bundle.clock is not None
        assert moved.bundle.clock is not None
        assert moved.bundle.clock.now == later.time.max() > served.bundle.clock.now

    def test_a_later_item_was_never_taken_and_a_version_keeps_its_clock(
        self, run: Path, served: ServedRun, dated: Split, tmp_path: Path
    ) -> None:
        import shutil

        copied = shutil.copytree(run, tmp_path / "run")
        moved = refreshed(served, replace(dated.interactions, part=None))
        items = served.bundle.catalog.frame.iloc[:1].assign(item_id="later")
        grown = added(moved, items, served.index.vectors(np.array([0])))
        grown.save(copied)
        clock = open_run(copied).bundle.clock
        assert clock is not None
        assert moved.bundle.clock is not None
        assert clock.now == moved.bundle.clock.now
        assert clock.total[-1] == 0
        np.testing.assert_array_equal(clock.recent[:, :-1], moved.bundle.clock.recent)


def test_the_same_user_gets_the_same_features_by_name_and_in_an_evaluation(
    served: ServedRun,
) -> None:
    """A user's times go with the history, whichever door asks."""
    ranking = RankingPipeline(served.bundle, served.index)
    retriever = Retriever.of(served)
    log = served.bundle.log
    user = 3
    whole = Histories.from_interactions(log)
    rows = np.arange(20)[None]
    by_log = ranking.features(ranking.user_state(whole.take(np.array([user]))), rows)
    past = retriever.past(str(log.user_ids[user]))
    by_name = ranking.features(ranking.user_state(Histories.from_pasts([past])), rows)
    np.testing.assert_array_equal(by_log, by_name)

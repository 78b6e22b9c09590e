"""The evaluator: known answers, slow references, one protocol for everybody, misuse."""

from __future__ import annotations

import gc
import json
import math
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from longtail.evaluation.baselines import ContentKNN, PopularityBaseline, RandomBaseline
from longtail.evaluation.errors import EvaluationError, RecommenderError
from longtail.evaluation.evaluator import evaluate
from longtail.evaluation.protocol import Recommender
from longtail.evaluation.report.result_files import write_metrics
from longtail.evaluation.results import Evaluation
from longtail.evaluation.score_recommender import ScoreRecommender
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TEST, TRAIN, VALID, Interactions
from longtail.retrieval.data.popularity import HEAD, POOL_NAMES, Pool, Popularity


class Lists:
    """Answers from a table: pool -> user id -> rows."""

    strengths: tuple[float, ...] = (0.0,)

    def __init__(self, answers: dict[str, dict[str, list[int]]], name: str = "lists") -> None:
        self.name = name
        self.chunks: list[int] = []
        self._answers = answers

    def answers(
        self, histories: Histories, k: int, pools: Sequence[Pool]
    ) -> dict[tuple[float, Pool], NDArray[np.int64]]:
        self.chunks.append(len(histories))
        return {(d, pool): self._rows(histories, k, pool) for d in self.strengths for pool in pools}

    def _rows(self, histories: Histories, k: int, pool: Pool) -> NDArray[np.int64]:
        out = np.full((len(histories), k), -1, np.int64)
        for line, user_id in enumerate(histories.user_ids):
            rows = self._answers[pool].get(str(user_id), [])[:k]
            out[line, : len(rows)] = rows
        return out


def log(events: dict[str, list[int]], n_users: int | None = None) -> Interactions:
    users = np.repeat(np.arange(len(events)), [len(rows) for rows in events.values()])
    items = [row for rows in events.values() for row in rows]
    return Interactions(
        np.array(list(events), dtype=object),
        users.astype(np.int32),
        np.array(items, dtype=np.int32),
        np.arange(len(items)),
        has_clock=False,
    )


# Rows 0 and 1 are head, 2 to 4 tail, 5 cold.
COUNTS = [50, 20, 7, 4, 1, 0]
KNOWN = {"ann": [0], "bob": [1, 2], "eve": [], "zoe": [3]}
WANTED = {"ann": [1, 2, 0], "bob": [5], "eve": [4], "zoe": []}


def six_items() -> Popularity:
    ids = np.array([f"i{row}" for row in range(6)], dtype=object)
    return Popularity.from_counts(np.array(COUNTS), ids, "items:0.34")


def toy(recommender: Recommender, **options: object) -> Evaluation:
    known = Histories.from_lists(KNOWN.values(), KNOWN)
    return evaluate([recommender], log(WANTED), known, six_items(), ks=(1, 2, 3), **options)  # type: ignore[arg-type]


TOY = Lists(
    {
        "all": {"ann": [3, 1, 2], "bob": [0, 5, 4], "eve": []},
        "tail": {"ann": [2, 3, 4], "bob": [3, 4, 5], "eve": [3, 4]},
    }
)


def test_known_answers_of_a_toy_log() -> None:
    found = toy(TOY).metrics["lists"]
    # ann's targets are 1 and 2 (0 is known already); eve gets no answer and counts as 0.
    assert found["recall@1"] == 0
    assert found["recall@2"] == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert found["recall@3"] == pytest.approx((1 + 1 + 0) / 3)
    assert found["mrr@3"] == pytest.approx((1 / 2 + 1 / 2 + 0) / 3)
    assert found["hit_rate@3"] == pytest.approx(2 / 3)
    ideal = 1 + 1 / math.log2(3)
    ann = (1 / math.log2(3) + 1 / 2) / ideal
    assert found["ndcg@3"] == pytest.approx((ann + 1 / math.log2(3) + 0) / 3)
    assert found["head_recall@3"] == 1  # ann's 1
    assert found["tail_recall@3"] == pytest.approx(1 / 2)  # ann's 2, not eve's 4
    assert found["cold_recall@3"] == 1  # bob's 5
    assert found["recall_micro@3"] == pytest.approx(3 / 4)
    assert found["item_recall@3"] == pytest.approx(3 / 4)
    assert found["answered"] == pytest.approx(2 / 3)


def test_tail_pool_ranks_rare_targets_among_rare_items() -> None:
    found = toy(TOY).metrics["lists"]
    # ann 2 at place 1, bob 5 at place 3, eve 4 at place 2.
    assert found["tail_pool_recall@1"] == pytest.approx(1 / 3)
    assert found["tail_pool_recall@3"] == 1
    assert found["tail_pool_ndcg@3"] == pytest.approx((1 + 1 / 2 + 1 / math.log2(3)) / 3)
    assert found["tail_pool_coverage@3"] == 1


def test_what_the_lists_show() -> None:
    found = toy(TOY).metrics["lists"]
    assert found["coverage@3"] == 1
    assert found["coverage@1"] == pytest.approx(2 / 6)
    assert found["tail_coverage@1"] == pytest.approx(1 / 4)
    # Per list with answers: ann 2 of 3, bob 2 of 3.
    assert found["tail_share@3"] == pytest.approx(2 / 3)
    ann, bob = (4 + 20 + 7) / 3, (50 + 0 + 1) / 3
    own = 50 + (20 + 7) / 2
    assert found["popularity_lift@3"] == pytest.approx((ann + bob) / own - 1)


def test_settings_count_who_was_evaluated() -> None:
    found = toy(TOY).settings
    assert (found["users"], found["users_without_history"]) == (3, 1)
    assert found["targets"] == {"all": 4, "head": 1, "tail": 2, "cold": 1}
    assert found["items"] == {"all": 6, "head": 2, "tail": 3, "cold": 1}


def test_recall_by_training_count() -> None:
    bands = toy(TOY).bands["lists"]
    assert {band: found["targets"] for band, found in bands.items()} == {
        "0": 1,
        "1-4": 1,
        "5-9": 1,
        "10-19": 0,
        "20-49": 1,
        "50+": 0,
    }
    assert bands["1-4"]["recall@3"] == 0
    assert bands["0"]["recall@3"] == bands["5-9"]["recall@3"] == bands["20-49"]["recall@3"] == 1
    assert math.isnan(bands["50+"]["recall@3"])


def test_per_user_rows_have_the_means_of_the_table() -> None:
    result = toy(TOY)
    rows = result.per_user
    assert result.primary_k == 1
    assert rows["user_id"].tolist() == ["ann", "bob", "eve"]
    assert rows["n_targets"].tolist() == [2, 1, 1]
    assert rows["history_length"].tolist() == [1, 2, 0]
    for metric in ("recall", "ndcg", "mrr", "tail_recall", "cold_recall", "tail_pool_recall"):
        assert rows[f"{metric}@1"].mean() == pytest.approx(result.value("lists", metric))


def random_log(seed: int, n_users: int = 40, n_items: int = 30) -> tuple[Interactions, Catalog]:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 8, n_users)
    user = np.repeat(np.arange(n_users), lengths).astype(np.int32)
    item = np.minimum(rng.geometric(0.12, lengths.sum()) - 1, n_items - 1).astype(np.int32)
    part = rng.choice([TRAIN, TRAIN, VALID, TEST], lengths.sum()).astype(np.int8)
    part[:2] = TRAIN, TEST
    ids = np.array([f"u{number}" for number in range(n_users)], dtype=object)
    whole = Interactions(ids, user, item, np.arange(len(user)), has_clock=False, part=part)
    items = [f"i{row}" for row in range(n_items)]
    return whole, Catalog(pd.DataFrame({"item_id": items, "title": items}), "{title}")


Case = tuple[list[Recommender], Interactions, Histories, Popularity]


def random_case(seed: int) -> Case:
    whole, catalog = random_log(seed)
    assert whole.part is not None
    train, test = whole.select(whole.part == TRAIN), whole.select(whole.part == TEST)
    known = Histories.from_interactions(whole.select(whole.part < TEST))
    popularity = Popularity.from_counts(train.user_counts(len(catalog)), catalog.item_ids)
    vectors = np.random.default_rng(seed).normal(size=(len(catalog), 8)).astype(np.float32)
    baselines = [ContentKNN(vectors), PopularityBaseline(), RandomBaseline()]
    ranked: list[Recommender] = [
        ScoreRecommender(baseline.fit(train, catalog), popularity) for baseline in baselines
    ]
    return ranked, test, known, popularity


@given(seed=st.integers(0, 500))
@settings(max_examples=15)
def test_the_whole_protocol_equals_plain_loops(seed: int) -> None:
    recommenders, test, known, popularity = random_case(seed)
    try:
        result = evaluate(recommenders, test, known, popularity, ks=(5,))
    except EvaluationError:
        return  # every test item was known already
    for recommender in recommenders:
        seen: dict[str, list[float]] = {"recall": [], "tail_pool_recall": []}
        seen |= {f"{bucket}_recall": [] for bucket in POOL_NAMES}
        for user in range(len(known)):
            wanted = sorted(set(test.item[test.user == user].tolist()) - set(known[user].tolist()))
            one = known.take(np.array([user]))
            lists = recommender.answers(one, 5, ("all", "tail"))
            top, pool = lists[0.0, "all"][0].tolist(), lists[0.0, "tail"][0].tolist()
            groups = {"recall": (wanted, top)}
            for code, bucket in enumerate(POOL_NAMES):
                own = [row for row in wanted if popularity.bucket[row] == code]
                groups[f"{bucket}_recall"] = own, top
            rare = [row for row in wanted if popularity.bucket[row] != HEAD]
            groups["tail_pool_recall"] = rare, pool
            for name, (targets, answers) in groups.items():
                if targets:
                    seen[name].append(sum(row in answers for row in targets) / len(targets))
        for name, values in seen.items():
            expected = np.mean(values) if values else math.nan
            assert result.value(recommender.name, name) == pytest.approx(expected, nan_ok=True)


@given(seed=st.integers(0, 500), chunk=st.integers(1, 45))
@settings(max_examples=10)
def test_the_size_of_chunks_changes_nothing(seed: int, chunk: int) -> None:
    recommenders, test, known, popularity = random_case(seed)
    try:
        whole = evaluate(recommenders, test, known, popularity)
    except EvaluationError:
        return
    parts = evaluate(recommenders, test, known, popularity, chunk_users=chunk)
    for name in whole.recommenders:
        assert parts.metrics[name] == pytest.approx(whole.metrics[name], nan_ok=True)
    pd.testing.assert_frame_equal(parts.per_user, whole.per_user)


def test_users_are_handed_out_in_chunks_with_progress() -> None:
    lists = Lists({"all": {}})
    steps: list[tuple[str, int, int]] = []
    toy(lists, pools=("all",), chunk_users=2, progress=lambda *step: steps.append(step))
    assert lists.chunks == [2, 1]
    assert steps == [("evaluating lists", done, 3) for done in (0, 2, 3)]


def test_a_recommender_without_answers_scores_zero_everywhere() -> None:
    found = toy(Lists({"all": {}, "tail": {}})).metrics["lists"]
    for metric in ("recall", "ndcg", "mrr", "hit_rate", "head_recall", "tail_pool_recall"):
        assert found[f"{metric}@3"] == 0
    assert found["coverage@3"] == 0
    assert math.isnan(found["popularity_percentile@3"])


def test_metrics_are_written_and_read_back(tmp_path: Path) -> None:
    result = toy(TOY)
    metrics, per_user = write_metrics(result, tmp_path)
    content = json.loads(metrics.read_text())
    assert content["metrics"]["lists"]["recall@2"] == pytest.approx(0.5)
    assert content["recall_by_training_count"]["lists"]["50+"]["recall@1"] is None
    assert content["settings"]["bucket_rule"] == "items:0.34"
    read = pd.read_parquet(per_user)
    assert read["user_id"].tolist() == ["ann", "bob", "eve"]
    assert read["recall@1"].dtype == np.float32
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.json", "per_user.parquet"]


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        ({"all": {"ann": [0]}}, r"'ann'.*leave out the history"),
        ({"all": {"bob": [3, 3]}}, r"row 3 twice for user 'bob'"),
        ({"all": {"eve": [6]}}, r"the catalog has 6 items"),
        ({"all": {}, "tail": {"bob": [0]}}, r"outside the pool"),
    ],
)
def test_answers_that_break_the_contract_are_refused(
    answers: dict[str, dict[str, list[int]]], complaint: str
) -> None:
    pools = tuple(answers)
    with pytest.raises(RecommenderError, match=complaint):
        toy(Lists(answers), pools=pools)


def test_answers_of_another_shape_are_refused() -> None:
    class Narrow:
        name = "narrow"
        strengths = (0.0,)

        def answers(
            self, histories: Histories, k: int, pools: Sequence[Pool]
        ) -> dict[tuple[float, Pool], NDArray[np.int64]]:
            return {(0.0, pool): np.zeros((len(histories), 1), np.int64) for pool in pools}

    with pytest.raises(RecommenderError, match=r"must return integer catalog rows \[3, 3\]"):
        toy(Narrow())


class AtTwoStrengths(Lists):
    strengths = (0.0, 0.5)


def test_every_strength_is_one_entry_and_answers_in_the_same_call() -> None:
    lists = AtTwoStrengths({"all": {"ann": [2, 3]}, "tail": {}}, "dial")
    result = toy(lists)
    assert result.recommenders == ["dial", "dial (debias 0.5)"]
    assert result.metrics["dial"] == pytest.approx(result.metrics["dial (debias 0.5)"], nan_ok=True)
    assert lists.chunks == [3]
    assert len(result.per_user) == 6
    assert result.seconds["dial"] == result.seconds["dial (debias 0.5)"]


def test_a_recommender_is_let_go_before_the_next_is_made() -> None:
    alive: list[weakref.ref[Lists]] = []

    def one_at_a_time() -> Iterator[Recommender]:
        for name in ("first", "second", "third"):
            gc.collect()
            assert [ref for ref in alive if ref() is not None] == []
            made = [Lists({"all": {}, "tail": {}}, name)]
            alive.append(weakref.ref(made[0]))
            yield made.pop()

    known = Histories.from_lists(KNOWN.values(), KNOWN)
    result = evaluate(one_at_a_time(), log(WANTED), known, six_items())
    assert result.recommenders == ["first", "second", "third"]


def test_a_recommender_that_leaves_out_a_pool_is_refused() -> None:
    class Forgetful(Lists):
        def answers(
            self, histories: Histories, k: int, pools: Sequence[Pool]
        ) -> dict[tuple[float, Pool], NDArray[np.int64]]:
            return super().answers(histories, k, pools[:1])

    with pytest.raises(RecommenderError, match="lists gave no lists for the pool tail"):
        toy(Forgetful({"all": {}, "tail": {}}))


class Dialless(Lists):
    strengths = ()


def again(known: Histories, test: Interactions, **options: object) -> Callable[[], Evaluation]:
    lists = [Lists({"all": {}, "tail": {}})]
    return lambda: evaluate(lists, test, known, six_items(), **options)  # type: ignore[arg-type]


ALIGNED = Histories.from_lists(KNOWN.values(), KNOWN)


@pytest.mark.parametrize(
    ("attempt", "complaint"),
    [
        (again(Histories.from_lists([[0]], ["ann"]), log(WANTED)), "not aligned"),
        (
            again(Histories.from_lists(KNOWN.values(), ["x", "bob", "eve", "zoe"]), log(WANTED)),
            "not aligned",
        ),
        (again(ALIGNED, log(KNOWN)), "new to them"),
        (again(ALIGNED, log(WANTED), ks=(0,)), "all from 1 up"),
        (again(ALIGNED, log(WANTED), ks=()), "at least one k"),
        (again(ALIGNED, log(WANTED), pools=("torso",)), "choose from tail, cold, head, all"),
        (lambda: evaluate([], log(WANTED), ALIGNED, six_items()), "at least one"),
        (lambda: evaluate([TOY, TOY], log(WANTED), ALIGNED, six_items()), "name of its own"),
        (
            lambda: evaluate([Dialless({})], log(WANTED), ALIGNED, six_items()),
            "lists has no debias strength",
        ),
    ],
)
def test_misuse_is_one_clear_error(attempt: Callable[[], Evaluation], complaint: str) -> None:
    with pytest.raises(EvaluationError, match=complaint) as found:
        attempt()
    assert "\n" not in str(found.value)

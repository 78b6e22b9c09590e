"""Queries: known answers, the debias dial, pools, exclusions, filters, reasons, and misuse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_shop import COLD, VARIANTS, group_of

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.popularity import POOLS, Pool
from longtail.retrieval.data.splits import Split
from longtail.retrieval.errors import QueryError, UnknownItemError, UnknownUserError
from longtail.retrieval.features.relevance_head import probability
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.retrieval.ranking.rerank.rerank import Mode
from longtail.retrieval.ranking.retriever import Retriever

SOME_USERS = ["ink-fan-0", "oolong-fan-3", "saw-fan-1", "gouache-fan-4"]

COLUMNS = (
    "user_id",
    "item_id",
    "rank",
    "score",
    "relevance",
    "popularity_percentile",
    "bucket",
    "fallback",
)


def taken_by(retriever: Retriever, user: str) -> list[str]:
    return retriever.bundle.catalog.item_ids[retriever.history(user)].tolist()


class TestFrame:
    def test_the_frame_is_long_ranked_and_never_padded(self, retriever: Retriever) -> None:
        found = retriever.recommend(users=SOME_USERS, k=5, pool="all")
        assert tuple(found.columns) == COLUMNS
        assert found["user_id"].tolist() == [user for user in SOME_USERS for _ in range(5)]
        assert found["rank"].tolist() == [1, 2, 3, 4, 5] * 4
        assert found.groupby("user_id")["score"].apply(lambda s: s.is_monotonic_decreasing).all()
        assert found["relevance"].between(0, 1).all()
        assert found["popularity_percentile"].between(0, 100).all()
        assert found["bucket"].isin(["head", "tail", "cold"]).all()
        assert all(isinstance(item, str) for item in found["item_id"])

    def test_a_batch_gives_what_each_user_gets_alone(self, retriever: Retriever) -> None:
        everyone = list(retriever.bundle.log.user_ids)
        together = retriever.recommend(users=everyone, k=8, pool="all", debias=0.3, explain=True)
        alone = pd.concat(
            [
                retriever.recommend(users=[user], k=8, pool="all", debias=0.3, explain=True)
                for user in everyone[::7]
            ],
            ignore_index=True,
        )
        same = together[together["user_id"].isin(everyone[::7])].reset_index(drop=True)
        pd.testing.assert_frame_equal(same, alone, rtol=1e-4)

    def test_more_users_than_a_batch(
        self, retriever: Retriever, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        everyone = list(retriever.bundle.log.user_ids)
        whole = retriever.recommend(users=everyone, k=4)
        monkeypatch.setattr("longtail.retrieval.ranking.answering.USERS_PER_BATCH", 7)
        parts = retriever.recommend(users=everyone, k=4)
        pd.testing.assert_frame_equal(parts, whole, rtol=1e-4)

    def test_a_user_given_alone_is_one_user(self, retriever: Retriever) -> None:
        several = retriever.recommend(users=["saw-fan-1"], k=4)
        pd.testing.assert_frame_equal(retriever.recommend(users="saw-fan-1", k=4), several)
        with pytest.raises(UnknownUserError, match="no user '196' in this run"):
            retriever.recommend(users=196, k=4)
        with pytest.raises(QueryError, match=r"users: 1.5 is no id"):
            retriever.recommend(users=[1.5], k=4)  # type: ignore[list-item]

    def test_nobody_asked_gives_an_empty_frame(self, retriever: Retriever) -> None:
        found = retriever.recommend(users=[], k=3, explain=True)
        assert len(found) == 0
        assert set(COLUMNS) <= set(found.columns)

    def test_the_score_is_the_one_documented(self, retriever: Retriever) -> None:
        bundle = retriever.bundle
        found = retriever.recommend(users=["saw-fan-1"], k=20, pool="all", debias=0.6)
        user_state = retriever.ranking.user_state(
            Histories.from_lists([retriever.history("saw-fan-1")])
        )
        rows = bundle.catalog.rows_of(found["item_id"])
        log_p = bundle.popularity.log_p - bundle.popularity.log_p.mean()
        logits = retriever.ranking.logits(user_state, rows[None])[0]
        assert found["score"].to_numpy() == pytest.approx(logits - 0.6 * log_p[rows], abs=1e-3)
        assert found["relevance"].to_numpy() == pytest.approx(probability(logits), abs=1e-5)

    def test_a_free_text_s_score_is_that_of_the_first_stage(self, retriever: Retriever) -> None:
        serving, bundle, text = retriever.bundle.serving, retriever.bundle, "a saw of steel"
        found = retriever.recommend(texts={"a": text}, k=20, pool="all", debias=0.6)
        rows = bundle.catalog.rows_of(found["item_id"])
        log_p = bundle.popularity.log_p - bundle.popularity.log_p.mean()
        cosine = retriever.ranking.index.vectors(rows) @ bundle.item_tower.encode([text])[0]
        expected = cosine / serving.temperature + (serving.popularity_weight - 0.6) * log_p[rows]
        assert found["score"].to_numpy() == pytest.approx(expected, abs=1e-3)


class TestDebias:
    @settings(max_examples=60)
    @given(
        st.floats(0, 1),
        st.floats(0, 1),
        st.lists(st.integers(0, 59), min_size=1, max_size=8, unique=True),
        st.integers(1, 30),
        st.sampled_from(["all", "tail", "head"]),
    )
    def test_more_debias_never_raises_the_popularity_of_an_answer(
        self, retriever: Retriever, one: float, other: float, items: list[int], k: int, pool: Pool
    ) -> None:
        low, high = sorted((one, other))
        history = {"someone": retriever.bundle.catalog.item_ids[items].tolist()}
        log_p = retriever.bundle.popularity.log_p.astype(np.float64)
        sums = []
        for debias in (low, high):
            found = retriever.recommend(histories=history, k=k, pool=pool, debias=debias)
            sums.append(log_p[retriever.bundle.catalog.rows_of(found["item_id"])].sum())
        # Two scores nearer than float32 tells apart may trade places.
        assert sums[1] <= sums[0] + 1e-4

    def test_the_dial_moves_the_answer(self, retriever: Retriever) -> None:
        found = [
            retriever.recommend(users=SOME_USERS, k=10, pool="all", debias=debias)
            for debias in (0.0, 1.0)
        ]
        means = [frame["popularity_percentile"].mean() for frame in found]
        assert means[1] < means[0]

    def test_left_out_it_is_what_validation_chose(self, retriever: Retriever) -> None:
        chosen = retriever.bundle.serving.debias
        pd.testing.assert_frame_equal(
            retriever.recommend(users=SOME_USERS),
            retriever.recommend(users=SOME_USERS, debias=chosen),
        )

    def test_the_dial_does_not_choose_the_candidates(
        self, retriever: Retriever, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = []
        real = RankingPipeline.candidates

        def noted(ranking: RankingPipeline, *args: object, **options: object) -> np.ndarray:
            asked.append(real(ranking, *args, **options))  # type: ignore[arg-type]
            return asked[-1]

        monkeypatch.setattr(RankingPipeline, "candidates", noted)
        for debias in (0.0, 1.0):
            retriever.recommend(users=SOME_USERS, k=5, debias=debias)
        assert asked[0].tolist() == asked[1].tolist()


class TestModes:
    @pytest.mark.parametrize("mode", ["per-user", "profile"])
    def test_at_0_every_mode_is_the_order_of_relevance(
        self, retriever: Retriever, mode: Mode
    ) -> None:
        options = {"users": SOME_USERS, "k": 20, "pool": "all", "debias": 0.0}
        found = retriever.recommend(**options, mode=mode)
        plain = retriever.recommend(**options)
        assert found["item_id"].tolist() == plain["item_id"].tolist()

    @pytest.mark.parametrize("mode", ["fixed", "per-user", "profile"])
    @pytest.mark.parametrize("diversity", [0.0, 0.7])
    def test_a_user_gets_the_same_alone_and_in_company(
        self, retriever: Retriever, mode: Mode, diversity: float
    ) -> None:
        options = {"k": 10, "pool": "all", "debias": 0.5, "mode": mode, "diversity": diversity}
        together = retriever.recommend(users=SOME_USERS, **options)
        for user in SOME_USERS:
            alone = retriever.recommend(users=[user], **options)
            same = together[together["user_id"] == user].reset_index(drop=True)
            pd.testing.assert_frame_equal(alone, same, rtol=1e-3)
            assert len(set(alone["item_id"])) == 10

    def test_by_user_is_the_dial_for_those_of_common_taste_and_more_for_others(
        self, retriever: Retriever
    ) -> None:
        everyone = list(retriever.bundle.log.user_ids)
        options = {"users": everyone, "k": 5, "pool": "all", "debias": 0.5}
        fixed, by_user = (
            retriever.recommend(**options, mode=mode) for mode in ("fixed", "per-user")
        )
        assert fixed["score"].tolist() != by_user["score"].tolist()

    def test_diversity_makes_lists_less_alike(self, retriever: Retriever) -> None:
        index, rows_of = retriever.ranking.index, retriever.bundle.catalog.rows_of
        likeness = []
        for diversity in (0.0, 0.8):
            found = retriever.recommend(users=SOME_USERS, k=8, pool="all", diversity=diversity)
            vectors = [
                index.vectors(rows_of(part)) for _, part in found.groupby("user_id")["item_id"]
            ]
            likeness.append(np.mean([(v @ v.T).mean() for v in vectors]))
        assert likeness[1] < likeness[0] - 0.05

    def test_an_unknown_mode_is_refused(self, retriever: Retriever) -> None:
        with pytest.raises(QueryError, match="fixed, per-user, profile"):
            retriever.recommend(users=SOME_USERS, mode="none")  # type: ignore[arg-type]


class TestPools:
    @pytest.mark.parametrize("pool", list(POOLS))
    def test_a_pool_gives_its_own_buckets_best_first(
        self, retriever: Retriever, pool: Pool
    ) -> None:
        found = retriever.recommend(users=SOME_USERS, k=60, pool=pool)
        allowed = {("head", "tail", "cold")[code] for code in POOLS[pool]}
        assert set(found["bucket"]) == allowed
        everything = retriever.recommend(users=SOME_USERS, k=60, pool="all")
        expected = everything[everything["bucket"].isin(allowed)]
        assert found["item_id"].tolist() == expected["item_id"].tolist()

    def test_tail_is_the_default(self, retriever: Retriever) -> None:
        assert "head" not in set(retriever.recommend(users=SOME_USERS, k=60)["bucket"])

    def test_all_cold_items_are_in_the_cold_pool(self, retriever: Retriever) -> None:
        found = retriever.recommend(users=["oolong-fan-3"], k=60, pool="cold")
        assert set(COLD) <= set(found["item_id"])

    def test_fewer_answers_than_asked_are_fewer_rows_and_a_note(self, retriever: Retriever) -> None:
        found = retriever.recommend(users=["ink-fan-0"], k=1_000, pool="all")
        expected = 60 - len(taken_by(retriever, "ink-fan-0"))
        assert len(found) == expected
        (note,) = found.attrs["notes"].values()
        assert f"{expected} of 1000" in note
        assert retriever.recommend(users=["ink-fan-0"], k=3).attrs["notes"] == {}


class TestExclusion:
    def test_what_was_taken_does_not_come_back(self, retriever: Retriever) -> None:
        found = retriever.recommend(users=SOME_USERS, k=60, pool="all")
        for user in SOME_USERS:
            own = found[found["user_id"] == user]["item_id"]
            assert set(own) == set(retriever.bundle.catalog.item_ids) - set(
                taken_by(retriever, user)
            )

    def test_it_may_come_back_when_asked(self, retriever: Retriever) -> None:
        found = retriever.recommend(users=["ink-fan-0"], k=60, pool="all", include_seen=True)
        assert len(found) == 60

    def test_excluded_items_go_to_nobody(self, retriever: Retriever) -> None:
        unwanted = retriever.recommend(users=SOME_USERS, k=3, pool="all")["item_id"].unique()
        found = retriever.recommend(users=SOME_USERS, k=60, pool="all", exclude=iter(unwanted))
        assert not set(unwanted) & set(found["item_id"])
        assert found["item_id"].nunique() == 60 - len(unwanted)

    def test_an_excluded_item_that_is_not_there_is_refused(self, retriever: Retriever) -> None:
        with pytest.raises(UnknownItemError, match="tea-oolong-smal"):
            retriever.recommend(users=SOME_USERS, exclude=["tea-oolong-smal"])


class TestWhoAsks:
    def test_a_history_given_answers_like_the_user_who_has_it(self, retriever: Retriever) -> None:
        own = taken_by(retriever, "saw-fan-1")
        by_user = retriever.recommend(users=["saw-fan-1"], k=9, explain=True)
        by_items = retriever.recommend(histories={"somebody": own}, k=9, explain=True)
        assert set(by_items["user_id"]) == {"somebody"}
        pd.testing.assert_frame_equal(
            by_user.drop(columns="user_id"), by_items.drop(columns="user_id")
        )

    def test_free_text_finds_what_it_names(self, retriever: Retriever) -> None:
        found = retriever.recommend(
            texts={"a": "gouache large paint canvas", "b": "a sencha tea of leaves"},
            k=2,
            pool="all",
            debias=0.0,
            explain=True,
        )
        assert group_of(found["item_id"]) == ["paint"] * 2 + ["tea"] * 2
        first = found[found["rank"] == 1]["item_id"].tolist()
        assert first[0].startswith("paint-gouache")
        assert first[1].startswith("tea-sencha")
        assert found["because"].map(len).eq(0).all()
        # The head judges by a history, and a text has none.
        assert found["relevance"].isna().all()

    @pytest.mark.parametrize("how", [{"mode": "per-user"}, {"mode": "profile"}, {"diversity": 0.5}])
    def test_a_free_text_has_no_history_to_weigh(self, retriever: Retriever, how: dict) -> None:
        with pytest.raises(QueryError, match="a text has no history"):
            retriever.recommend(texts={"a": "tea"}, **how)

    def test_an_unknown_user_is_refused_with_near_ids(self, retriever: Retriever) -> None:
        with pytest.raises(UnknownUserError) as error:
            retriever.recommend(users=["ink-fan-0", "oolong-fan-33"])
        message = str(error.value)
        assert "'oolong-fan-33'" in message
        assert "oolong-fan-3" in message.split("near ones:")[1]
        assert message.endswith("For a new user give the items with history")
        assert "\n" not in message

    def test_an_unknown_item_is_refused_with_near_ids(self, retriever: Retriever) -> None:
        with pytest.raises(UnknownItemError) as error:
            retriever.recommend(histories={"me": ["tea-oolong-small", "tea-OOLONG-larg"]})
        assert "'tea-OOLONG-larg'" in str(error.value)
        assert "tea-oolong-large" in str(error.value).split("near ones:")[1]

    def test_no_history_gives_the_popular_items_of_the_pool_and_says_so(
        self, retriever: Retriever
    ) -> None:
        found = retriever.recommend(
            histories={"new": [], "old": ["tea-oolong-small"]}, k=5, pool="tail", explain=True
        )
        own = found[found["user_id"] == "new"]
        popularity = retriever.bundle.popularity
        counts = popularity.counts[retriever.bundle.catalog.rows_of(own["item_id"])]
        eligible = popularity.counts[popularity.in_pool("tail")]
        assert counts.tolist() == sorted(eligible, reverse=True)[:5]
        assert own["relevance"].isna().all()
        assert own["because"].map(len).eq(0).all()
        assert own["base_rank"].isna().all()
        notes = found.attrs["notes"]
        assert set(notes) == {"new"}
        assert "most popular" in notes["new"]

    def test_popular_items_pass_the_filter_and_the_exclusions(self, retriever: Retriever) -> None:
        found = retriever.recommend(
            histories={"new": []},
            k=10,
            pool="all",
            where=["niche=oolong"],
            exclude=["tea-oolong-small"],
        )
        assert set(found["item_id"]) == {f"tea-oolong-{variant}" for variant in VARIANTS[1:]}
        assert "4 of 10" in found.attrs["notes"]["new"]

    @pytest.mark.parametrize(
        ("request_", "said"),
        [
            ({}, "one of users, histories and texts"),
            ({"users": ["ink-fan-0"], "texts": {"a": "b"}}, "one of users, histories and texts"),
            ({"users": ["ink-fan-0"], "k": 0}, "at least one"),
            ({"users": ["ink-fan-0"], "pool": "tale"}, "tail, cold, head, all"),
            ({"users": ["ink-fan-0"], "debias": 1.5}, "between 0 and 1"),
            ({"users": ["ink-fan-0"], "debias": float("nan")}, "between 0 and 1"),
        ],
    )
    def test_a_request_without_answer_is_refused(
        self, retriever: Retriever, request_: dict, said: str
    ) -> None:
        with pytest.raises(QueryError, match=said):
            retriever.recommend(**request_)


def test_an_engine_answers_on_what_it_knows_of_the_whole_log(
    retriever: Retriever, split: Split
) -> None:
    log = split.interactions
    user = int(np.flatnonzero(log.user_ids == "saw-fan-1")[0])
    expected = retriever.bundle.catalog.item_ids[log.item[log.user == user]]
    assert taken_by(retriever, "saw-fan-1") == expected.tolist()

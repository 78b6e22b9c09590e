"""Queries: known answers, the debias dial, pools, exclusions, filters, reasons, and misuse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_shop import COLD, GROUPS, VARIANTS, group_of

from evaluation.splits import Split
from retrieval.answers import COLUMNS
from retrieval.errors import QueryError, UnknownItemError, UnknownUserError
from retrieval.interactions import Histories
from retrieval.popularity import POOLS, Pool
from retrieval.retriever import Retriever

SOME_USERS = ["ink-fan-0", "oolong-fan-3", "saw-fan-1", "gouache-fan-4"]


def taken_by(retriever: Retriever, user: str) -> list[str]:
    (history,) = (retriever.histories([user])[0],)
    return retriever.bundle.catalog.item_ids[history].tolist()


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
        monkeypatch.setattr("retrieval.retriever.USERS_PER_BATCH", 7)
        parts = retriever.recommend(users=everyone, k=4)
        pd.testing.assert_frame_equal(parts, whole, rtol=1e-4)

    def test_nobody_asked_gives_an_empty_frame(self, retriever: Retriever) -> None:
        found = retriever.recommend(users=[], k=3, explain=True)
        assert len(found) == 0
        assert set(COLUMNS) <= set(found.columns)

    def test_the_score_is_the_one_documented(self, retriever: Retriever) -> None:
        serving, bundle = retriever.bundle.serving, retriever.bundle
        found = retriever.recommend(users=["saw-fan-1"], k=20, pool="all", debias=0.6)
        user = retriever.ranking.taste(retriever.histories(["saw-fan-1"])).vectors[0]
        rows = bundle.catalog.rows_of(found["item_id"])
        log_p = bundle.popularity.log_p - bundle.popularity.log_p.mean()
        cosine = retriever.ranking.index.vectors(rows) @ user
        expected = cosine / serving.temperature + (serving.popularity_weight - 0.6) * log_p[rows]
        assert found["score"].to_numpy() == pytest.approx(expected, abs=1e-3)


class TestDebias:
    @settings(max_examples=60, deadline=None)
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
        history = Histories.from_lists([items], ["someone"])
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


class TestWhere:
    @pytest.mark.parametrize(
        ("clauses", "right"),
        [
            (["niche=ink"], lambda f: f["niche"] == "ink"),
            (["niche=ink|saw"], lambda f: f["niche"].isin(["ink", "saw"])),
            (["niche != ink"], lambda f: f["niche"] != "ink"),
            (["brand!=House of tea"], lambda f: f["brand"].isna() | (f["brand"] != "House of tea")),
            (["brand=House of tea"], lambda f: f["brand"] == "House of tea"),
            (["price<9"], lambda f: f["price"] < 9),
            (["price<=9"], lambda f: f["price"] <= 9),
            (["price>9"], lambda f: f["price"] > 9),
            (["price >= 9.0"], lambda f: f["price"] >= 9),
            (["price!=9"], lambda f: f["price"] != 9),
            (["stock=11|12"], lambda f: f["stock"].isin([11, 12])),
            (["title~SMALL"], lambda f: f["title"].str.contains("small")),
            (["title~."], lambda f: f["title"].str.contains(".", regex=False)),
            (["brand~none"], lambda f: pd.Series(False, f.index)),
            (["gift=True"], lambda f: f["gift"]),
            (["price<9", "niche=ink"], lambda f: (f["price"] < 9) & (f["niche"] == "ink")),
        ],
        ids=lambda value: " and ".join(value) if isinstance(value, list) else "",
    )
    def test_a_filter_keeps_what_it_says_and_nothing_else(
        self, retriever: Retriever, clauses: list[str], right
    ) -> None:
        found = retriever.recommend(
            users=["saw-fan-1"], k=60, pool="all", include_seen=True, where=clauses
        )
        frame = retriever.bundle.catalog.frame
        assert set(found["item_id"]) == set(frame.loc[right(frame), "item_id"])

    def test_a_filter_does_not_cost_answers(self, retriever: Retriever) -> None:
        # Far from the user's taste: filtering the first k answers would leave none of these.
        found = retriever.recommend(users=["ink-fan-0"], k=5, pool="all", where=["niche=drill"])
        assert len(found) == 5

    def test_a_filter_that_nothing_passes_gives_no_rows_and_a_note(
        self, retriever: Retriever
    ) -> None:
        found = retriever.recommend(users=SOME_USERS, where=["price>1000"], explain=True)
        assert len(found) == 0
        assert set(found.attrs["notes"]) == set(SOME_USERS)

    @pytest.mark.parametrize(
        ("clause", "said"),
        [
            ("niche", "COLUMN OPERATOR VALUE"),
            ("", "COLUMN OPERATOR VALUE"),
            ("nische=ink", "did you mean 'niche'"),
            ("zzz=1", "It has: item_id"),
            ("niche<ink", "holds text"),
            ("price<cheap", "holds numbers"),
            ("price=cheap", "holds numbers"),
        ],
    )
    def test_a_clause_that_can_not_be_read_is_refused(
        self, retriever: Retriever, clause: str, said: str
    ) -> None:
        with pytest.raises(QueryError) as error:
            retriever.recommend(users=SOME_USERS, where=[clause])
        assert said in str(error.value)
        assert "\n" not in str(error.value)


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
            k=4,
            pool="all",
            debias=0.0,
            explain=True,
        )
        assert group_of(found["item_id"]) == ["paint"] * 4 + ["tea"] * 4
        first = found[found["rank"] == 1]["item_id"].tolist()
        assert first[0].startswith("paint-gouache")
        assert first[1].startswith("tea-sencha")
        assert found["because"].map(len).eq(0).all()
        assert found["relevance"].notna().all()

    def test_an_unknown_user_is_refused_with_near_ids(self, retriever: Retriever) -> None:
        with pytest.raises(UnknownUserError) as error:
            retriever.recommend(users=["ink-fan-0", "oolong-fan-33"])
        message = str(error.value)
        assert "'oolong-fan-33'" in message
        assert "oolong-fan-3" in message.split("near ones:")[1]
        assert "--history" in message
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


class TestReasons:
    def test_reasons_are_items_of_the_history(self, retriever: Retriever) -> None:
        found = retriever.recommend(users=SOME_USERS, k=10, pool="all", explain=True)
        assert list(found.columns) == [*COLUMNS, "title", "base_rank", "because"]
        titles = retriever.bundle.catalog.frame.set_index("item_id")["title"]
        assert found["title"].tolist() == titles[found["item_id"]].tolist()
        for user, items in zip(found["user_id"], found["because"], strict=True):
            assert len(items) <= 3
            assert len(set(items)) == len(items)
            assert set(items) <= set(taken_by(retriever, user))
        assert found["because"].map(len).gt(0).mean() > 0.9

    def test_the_strongest_reason_is_what_is_like_the_item(self, retriever: Retriever) -> None:
        found = retriever.recommend(
            histories={"me": ["tea-sencha-small", "tools-saw-large", "paint-ink-spare"]},
            k=3,
            pool="all",
            debias=0.0,
            explain=True,
        )
        for item, because in zip(found["item_id"], found["because"], strict=True):
            assert group_of([because[0]]) == group_of([item])

    def test_the_only_item_of_a_history_is_its_reason(self, retriever: Retriever) -> None:
        found = retriever.recommend(histories={"me": ["tea-sencha-small"]}, k=3, explain=True)
        assert found["because"].tolist() == [["tea-sencha-small"]] * 3

    def test_without_debias_the_base_rank_is_the_rank(self, retriever: Retriever) -> None:
        found = retriever.recommend(users=SOME_USERS, k=10, debias=0.0, explain=True)
        assert found["base_rank"].tolist() == found["rank"].tolist()

    def test_the_base_rank_is_where_the_item_stood_before(self, retriever: Retriever) -> None:
        options = {"users": SOME_USERS, "k": 60, "pool": "all", "where": ["price<20"]}
        before = retriever.recommend(**options, debias=0.0)
        after = retriever.recommend(**options, debias=1.0, explain=True)
        key = ["user_id", "item_id"]
        joined = after.merge(before, on=key, suffixes=("", "_before"))
        assert len(joined) == len(after)
        assert joined["base_rank"].tolist() == joined["rank_before"].tolist()
        assert joined["base_rank"].tolist() != joined["rank"].tolist()


class TestSimilar:
    def test_the_nearest_items_are_of_the_same_niche(self, retriever: Retriever) -> None:
        for group, niches in GROUPS.items():
            item = f"{group}-{niches[1]}-small"
            found = retriever.similar(item, k=4)
            assert group_of(found["item_id"]) == [group] * 4
            assert found["item_id"].iloc[0].startswith(f"{group}-{niches[1]}")
            assert item not in set(found["item_id"])

    def test_likeness_is_cosine_alone(self, retriever: Retriever) -> None:
        found = retriever.similar("tea-oolong-small", k=59)
        index, rows_of = retriever.ranking.index, retriever.bundle.catalog.rows_of
        itself = index.vectors(rows_of(["tea-oolong-small"]))[0]
        assert found["cosine"].to_numpy() == pytest.approx(
            index.vectors(rows_of(found["item_id"])) @ itself, abs=1e-5
        )
        assert len(found) == 59
        assert "relevance" not in found.columns
        assert set(found["similar_to"]) == {"tea-oolong-small"}

    def test_pools_hold_and_misuse_is_refused(self, retriever: Retriever) -> None:
        assert set(retriever.similar("tea-oolong-small", k=60, pool="cold")["bucket"]) == {"cold"}
        with pytest.raises(UnknownItemError, match="near ones"):
            retriever.similar("tea-oolong-smal")
        with pytest.raises(QueryError):
            retriever.similar("tea-oolong-small", k=0)


def test_an_engine_answers_on_what_it_knows_of_the_whole_log(
    retriever: Retriever, split: Split
) -> None:
    log = split.interactions
    user = int(np.flatnonzero(log.user_ids == "saw-fan-1")[0])
    expected = retriever.bundle.catalog.item_ids[log.item[log.user == user]]
    assert taken_by(retriever, "saw-fan-1") == expected.tolist()

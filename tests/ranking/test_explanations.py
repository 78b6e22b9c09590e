"""Why an item is recommended, what debiasing moved, and which items are alike."""

from __future__ import annotations

import pytest
from toy_shop import GROUPS, group_of

from longtail.retrieval.errors import QueryError, UnknownItemError
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
        # Further down, where the whole history says no, no past item speaks for the answer.
        assert found.loc[found["rank"] == 1, "because"].map(len).gt(0).all()

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

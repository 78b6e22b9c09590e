"""Attribute filters: what passes each operator, and clauses that are refused."""

from __future__ import annotations

import pandas as pd
import pytest

from retrieval.errors import QueryError
from retrieval.retriever import Retriever

SOME_USERS = ["ink-fan-0", "oolong-fan-3", "saw-fan-1", "gouache-fan-4"]


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

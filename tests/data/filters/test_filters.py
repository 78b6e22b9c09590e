"""Attribute filters: what passes each operator, and clauses that are refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.filter_parser import read_clauses
from longtail.retrieval.data.filters import where_mask
from longtail.retrieval.errors import QueryError
from longtail.retrieval.ranking.retriever import Retriever

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
            (["price<9 and niche=ink"], lambda f: (f["price"] < 9) & (f["niche"] == "ink")),
            (["price<9, niche=ink"], lambda f: (f["price"] < 9) & (f["niche"] == "ink")),
            (["niche in (ink, saw)"], lambda f: f["niche"].isin(["ink", "saw"])),
            (["niche NOT IN ('ink',saw)"], lambda f: ~f["niche"].isin(["ink", "saw"])),
            (["price in (9, 10)"], lambda f: f["price"].isin([9, 10])),
            (
                ["brand in (House of tea) AND stock>=5 and gift=true"],
                lambda f: (f["brand"] == "House of tea") & (f["stock"] >= 5) & f["gift"],
            ),
            (["gift!=true"], lambda f: ~f["gift"]),
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
            ("price=nan", "holds numbers"),
            ("price in (5, cheap)", "'cheap' is none"),
            ("price in 5", "COLUMN in (VALUE, ...)"),
            ("niche=ink and prise<9", "did you mean 'price'"),
            ("gift<1", "holds true or false"),
            ("gift=perhaps", "neither"),
        ],
    )
    def test_a_clause_that_can_not_be_read_is_refused(
        self, retriever: Retriever, clause: str, said: str
    ) -> None:
        with pytest.raises(QueryError) as error:
            retriever.recommend(users=SOME_USERS, where=[clause])
        assert said in str(error.value)
        assert "\n" not in str(error.value)


class TestReadingFilters:
    COLUMNS = ("brand", "shelf life", "price")

    @given(
        st.lists(
            st.text(st.characters(exclude_characters="'\"", exclude_categories=["Cs"]), max_size=9),
            min_size=1,
            max_size=4,
        )
    )
    def test_quoted_values_come_back_whatever_they_hold(self, values: list[str]) -> None:
        listed = ", ".join(f"'{value}'" for value in values)
        text = f"brand in ({listed}) and shelf life<3"
        first, second = read_clauses(text, self.COLUMNS)
        assert first.values == tuple(values)
        assert (second.column, second.operator, second.values) == ("shelf life", "<", ("3",))

    @pytest.mark.parametrize(
        "text",
        ["brand=Salt and Co", "brand=O'Neil, Sons", "brand~and, or", "brand=Rock in (and)"],
    )
    def test_a_value_of_several_words_needs_no_quotes(self, text: str) -> None:
        [clause] = read_clauses(text, self.COLUMNS)
        assert clause.values == (text[6:],)

    def test_dates_are_compared_as_dates(self) -> None:
        days = pd.to_datetime(["2024-01-09", "2024-11-01", None])
        shop = pd.DataFrame({"since": days, "far": days.tz_localize("UTC")})
        for column in ("since", "far"):
            found = where_mask(shop, [f"{column}>=2024-02-01"])
            assert found.tolist() == [False, True, False]
            assert where_mask(shop, [f"{column}=2024-01-09"]).tolist() == [True, False, False]
            with pytest.raises(QueryError, match="holds dates, and 'soon' is none"):
                where_mask(shop, [f"{column}<soon"])

    def test_truth_values_with_gaps_are_truth_values(self) -> None:
        shop = pd.DataFrame({"gift": pd.Series([True, None, False], dtype=object)})
        assert where_mask(shop, ["gift=true"]).tolist() == [True, False, False]
        assert where_mask(shop, ["gift!=true"]).tolist() == [False, True, True]

    def test_large_integers_are_told_apart(self) -> None:
        sellers = [7205759403792793600, 7205759403792793601, 3]
        shop = pd.DataFrame({"seller": sellers})
        with_gap = pd.DataFrame({"seller": pd.array([*sellers, None], "Int64")})
        for frame, more in ((shop, []), (with_gap, [False])):
            for clause, found in (
                ("seller=7205759403792793601", [False, True, False]),
                ("seller in (7205759403792793601, 2.5)", [False, True, False]),
                ("seller>7205759403792793600", [False, True, False]),
                ("seller<7205759403792793601", [True, False, True]),
            ):
                assert where_mask(frame, [clause]).tolist() == [*found, *more]

    def test_a_number_of_single_precision_is_the_decimal_it_was_written_as(self) -> None:
        shop = pd.DataFrame({"price": np.array([4.99, 5.01], np.float32)})
        assert where_mask(shop, ["price=4.99"]).tolist() == [True, False]
        assert where_mask(shop, ["price<=4.99"]).tolist() == [True, False]

    @pytest.mark.parametrize("kind", ["text", "days", "read from CSV", "read from Parquet"])
    def test_days_are_compared_whatever_carries_them(self, kind: str, tmp_path: Path) -> None:
        days = [date(2024, 1, 31), date(2023, 5, 1), None]
        cells = [day and day.isoformat() for day in days] if "P" not in kind else days
        shop = pd.DataFrame({"item_id": ["a", "b", "c"], "title": "Tea", "since": cells})
        if kind == "days":
            shop["since"] = pd.Series(days, dtype=object)
        elif kind.endswith("CSV"):
            shop.to_csv(tmp_path / "items.csv", index=False)
            shop = read_catalog(tmp_path / "items.csv", rejected=RejectedRows()).frame
        elif kind.endswith("Parquet"):
            shop.to_parquet(tmp_path / "items.parquet")
            shop = read_catalog(tmp_path / "items.parquet", rejected=RejectedRows()).frame
        assert where_mask(shop, ["since>=2024-01-31"]).tolist() == [True, False, False]
        assert where_mask(shop, ["since<2024-01-31"]).tolist() == [False, True, False]
        assert where_mask(shop, ["since=2023-05-01"]).tolist() == [False, True, False]

    def test_one_date_that_nobody_knew_switches_no_filter_off(self) -> None:
        shop = pd.DataFrame({"since": ["2024-01-31"] * 9 + ["unknown"]})
        assert where_mask(shop, ["since>=2024"]).tolist() == [True] * 9 + [False]
        with pytest.raises(QueryError, match="holds text"):
            where_mask(pd.DataFrame({"since": ["2024-01-31", "now", "soon"]}), ["since>=2024"])

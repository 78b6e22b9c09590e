"""What the explorer works out about an engine: searches, people, curve, audiences, filters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail.retrieval.data.filters import where_mask
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.popularity import POOL_NAMES
from longtail.retrieval.ranking.pipeline import PROFILE_BANDS
from longtail.retrieval.ranking.rerank.popularity_profile import PopularityProfile, mass_bands
from longtail.retrieval.ranking.retriever import Retriever
from longtail.serving.engine.model_registry import ModelRegistry
from longtail.serving.explorer import text_search
from longtail.serving.explorer.cards import item_cards, plain_cell
from longtail.serving.explorer.engine_view import LatestView
from longtail.serving.explorer.filter_columns import filter_columns
from longtail.serving.explorer.item_audience import ItemAudiences
from longtail.serving.explorer.people import People
from longtail.serving.explorer.popularity_curve import PopularityCurve
from longtail.serving.explorer.text_search import TextSearch
from longtail.serving.metrics import Metrics


class TestTextSearch:
    @given(
        st.lists(st.text(alphabet="ab\x00", max_size=4), max_size=12),
        st.text(alphabet="abAB", min_size=1, max_size=3),
    )
    def test_finds_what_a_look_at_every_text_finds(self, texts: list[str], wanted: str) -> None:
        folded = [text.replace("\x00", " ") for text in texts]
        needle = wanted.lower()
        order = [
            *(i for i, text in enumerate(folded) if text == needle),
            *(i for i, text in enumerate(folded) if text.startswith(needle)),
            *(i for i, text in enumerate(folded) if needle in text),
        ]
        assert TextSearch.of(texts).find(wanted, 100) == list(dict.fromkeys(order))

    def test_stops_at_the_limit(self) -> None:
        assert TextSearch.of(["ab"] * 10).find("a", 3) == [0, 1, 2]

    def test_a_text_that_grows_in_lower_case_moves_none_of_the_others(self) -> None:
        assert TextSearch.of(["İİİİ", "tea"]).find("tea", 5) == [1]

    def test_every_word_must_be_there_and_the_text_allowed(self) -> None:
        search = TextSearch.of(["green tea", "tea", "tea, green", "green tea 2"])
        allowed = np.array([True, True, False, True])
        assert search.with_words("TEA green", allowed, 10) == [0, 3]

    @pytest.mark.parametrize("nothing", ["", "  ", "\x00"])
    def test_nothing_finds_nothing(self, nothing: str) -> None:
        search = TextSearch.of(["tea"])
        assert search.find(nothing, 5) == []
        assert search.with_words(nothing, np.ones(1, bool), 5) == []

    def test_looks_at_no_more_texts_than_its_bound(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(text_search, "MOST_LOOKED_AT", 5)
        search = TextSearch.of(["tea"] * 20 + ["green tea"])
        assert search.with_words("green", np.ones(21, bool), 5) == [20]
        assert search.with_words("tea green", np.ones(21, bool), 5) == [20]
        assert search.with_words("tea gre", np.ones(21, bool), 5) == []


class TestPeople:
    def test_niche_means_what_it_means_in_the_engine(self, retriever: Retriever) -> None:
        people, bundle = People.of(retriever), retriever.bundle
        bands = mass_bands(bundle.popularity.counts, PROFILE_BANDS)
        histories = Histories.from_lists([retriever.history(u) for u in people.user_ids])
        popularity_profile = PopularityProfile.of(
            histories, bundle.popularity.centred, bands, PROFILE_BANDS
        )
        assert (
            people.niche.tolist() == retriever.ranking.population.niche(popularity_profile).tolist()
        )

    def test_niche_users_take_rarer_items_than_mainstream_users(self, retriever: Retriever) -> None:
        people = People.of(retriever)
        niche, mainstream = people.of_kind("niche"), people.of_kind("mainstream")
        assert len(niche) > 0
        assert len(mainstream) > 0
        assert people.niche[niche].min() > 0 > people.niche[mainstream].max()
        assert people.percentiles[niche].mean() < people.percentiles[mainstream].mean()

    def test_random_users_of_a_kind_are_of_it_and_differ(self, retriever: Retriever) -> None:
        people = People.of(retriever)
        drawn = people.drawn("niche", 5, np.random.default_rng(0))
        ids = [line["user_id"] for line in drawn]
        assert len(set(ids)) == len(ids) > 1
        assert set(ids) <= {people.user_ids[place] for place in people.of_kind("niche")}

    def test_what_a_line_says_is_of_the_history(self, retriever: Retriever) -> None:
        [line] = People.of(retriever).matching("oolong-fan-3", "any", 1)
        rows = retriever.history("oolong-fan-3")
        mean = float(retriever.bundle.popularity.percentile[rows].mean())
        assert line["user_id"] == "oolong-fan-3"
        assert line["history_length"] == len(rows)
        assert line["popularity_percentile"] == pytest.approx(mean, abs=0.01)

    def test_a_search_within_a_kind_finds_others_of_it_only(self, retriever: Retriever) -> None:
        people = People.of(retriever)
        found = people.matching("fan", "mainstream", 50)
        mainstream = [people.user_ids[place] for place in people.of_kind("mainstream")]
        assert sorted(line["user_id"] for line in found) == sorted(mainstream)


class TestPopularityCurve:
    def test_ranks_never_rise_and_buckets_stand_together(self, retriever: Retriever) -> None:
        bundle = retriever.bundle
        curve = PopularityCurve.of(bundle)
        assert (np.diff(curve.counts) <= 0).all()
        assert (np.diff(bundle.popularity.bucket[curve.rows]) >= 0).all()
        assert sorted(curve.rows.tolist()) == list(range(len(bundle.catalog)))

    @given(st.integers(1, 200), st.integers(1, 300), st.integers(1, 40))
    def test_around_holds_the_rank_and_as_many_items_as_asked(
        self, n: int, rank: int, limit: int
    ) -> None:
        curve = PopularityCurve(np.arange(n) + 1, np.zeros(n, np.int64), {})
        first, rows = curve.around(rank, limit)
        assert len(rows) == min(limit, n)
        assert rows[0] == first
        assert min(rank, n) in rows


def log_of(*histories: list[int]) -> Interactions:
    user = np.repeat(np.arange(len(histories)), [len(h) for h in histories]).astype(np.int32)
    item = np.concatenate([np.array(h, np.int32) for h in histories])
    ids = np.array([f"u{i}" for i in range(len(histories))], object)
    return Interactions(ids, user, item, np.arange(len(item)), has_clock=False)


class TestItemAudiences:
    def test_the_most_alike_audience_comes_before_the_largest(self) -> None:
        # Everybody took 0; the two who took 1 also took 2.
        log = log_of([0, 1, 2], [0, 1, 2], [0], [0], [0], [0])
        audiences = ItemAudiences.of(log, 3)
        assert audiences.size(1) == 2
        assert audiences.also_took(1, np.ones(3, bool), 5) == [(2, 2), (0, 2)]

    def test_one_user_in_common_is_chance_unless_the_item_has_one(self) -> None:
        audiences = ItemAudiences.of(log_of([0, 1], [0], [2, 1]), 3)
        assert audiences.also_took(0, np.ones(3, bool), 5) == []
        assert audiences.also_took(2, np.ones(3, bool), 5) == [(1, 1)]

    def test_an_item_taken_twice_by_a_user_counts_once(self) -> None:
        assert ItemAudiences.of(log_of([0, 0], [0]), 1).size(0) == 2

    def test_items_that_are_not_offered_are_left_out(self) -> None:
        audiences = ItemAudiences.of(log_of([0, 1], [0, 1]), 2)
        assert audiences.also_took(0, np.array([True, False]), 5) == []

    def test_nobody_took_it(self) -> None:
        assert ItemAudiences.of(log_of([0]), 2).also_took(1, np.ones(2, bool), 5) == []


class TestFilterColumns:
    def test_every_condition_it_suggests_passes_some_item(self, retriever: Retriever) -> None:
        frame = retriever.bundle.catalog.frame
        columns = filter_columns(frame, np.ones(len(frame), bool))
        assert {column["name"] for column in columns} == set(frame.columns) - {"item_id"}
        for column in columns:
            assert where_mask(frame, [column["condition"]]).any(), column

    def test_kinds_are_those_of_the_cells(self) -> None:
        frame = pd.DataFrame(
            {
                "item_id": ["a", "b"],
                "gift": [True, False],
                "since": pd.to_datetime(["2024-01-31", "2024-03-01"]),
                "empty": [None, None],
                "note": ["a long note, with a comma and more than forty letters", None],
            }
        )
        kinds = {c["name"]: c["kind"] for c in filter_columns(frame, np.ones(2, bool))}
        assert kinds == {"gift": "boolean", "since": "date", "note": "text"}
        for column in filter_columns(frame, np.ones(2, bool)):
            assert where_mask(frame, [column["condition"]]).any(), column


class TestCards:
    def test_a_card_says_what_the_catalog_and_the_counts_say(self, retriever: Retriever) -> None:
        bundle = retriever.bundle
        [card] = item_cards(bundle, [7])
        assert card["item_id"] == bundle.catalog.item_ids[7]
        assert card["bucket"] == POOL_NAMES[bundle.popularity.bucket[7]]
        assert card["popularity"] == bundle.popularity.counts[7]
        assert "title" not in card["attributes"]
        assert card["attributes"]["niche"] == "sencha"

    @pytest.mark.parametrize(
        ("cell", "plain"),
        [
            (float("inf"), None),
            (pd.NaT, None),
            (np.int64(3), 3),
            (np.array([1.5, np.nan]), [1.5, None]),
            ({"a": pd.NA}, {"a": None}),
            (b"x", "b'x'"),
        ],
    )
    def test_cells_become_what_json_knows(self, cell: object, plain: object) -> None:
        assert plain_cell(cell) == plain


def test_an_engine_is_looked_at_once_and_the_next_one_anew(retriever: Retriever) -> None:
    registry = ModelRegistry(Path("run"), Metrics(), retriever)
    latest = LatestView(registry)
    first = latest.now()
    assert latest.now() is first
    assert first.people is first.people
    registry.retriever = Retriever.of(retriever.served)
    assert latest.now() is not first

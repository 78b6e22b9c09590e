"""What the relevance head sees of a pair: values by hand, and the pair alone decides them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.popularity import Popularity
from longtail.retrieval.features.evidence_models import EvidenceModels
from longtail.retrieval.features.features import FROM_COUNTS, feature_names, gather_features
from longtail.retrieval.features.history_scores import HistoryScores
from longtail.retrieval.features.item_weights import ItemWeights
from longtail.retrieval.features.user_state import SequenceScores, UserState
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.retrieval.ranking.retriever import Retriever


def popularity_of(counts: list[int]) -> Popularity:
    ids = np.array([f"i{i}" for i in range(len(counts))], dtype=object)
    return Popularity.from_counts(np.array(counts, np.int64), ids, "items:0.2")


def columns_of(
    user_state: UserState, rows: list[int], vectors: list[list[float]], names: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """Return the evidence of one user's rows by name."""
    found = gather_features(
        user_state,
        np.array([rows]),
        np.array(vectors, np.float32),
        np.arange(len(rows))[None],
        popularity_of([0, 9, 3]),
        names,
    )
    return dict(zip(names, found[0].T, strict=True))


@pytest.fixture
def user_state() -> UserState:
    """A user who took item 1 and then item 2, of three items in two dimensions."""
    histories = Histories.from_lists([[1, 2]])
    # What follows what: 0.5 from the newest item to item 0, 1 from the one before it.
    columns = np.array([[-1, -1], [0, 2], [0, -1]], np.int32)
    values = np.array([[0, 0], [1.0, 2.0], [0.5, 0]], np.float32)
    weights = ItemWeights.from_rows(columns, values)
    return UserState(
        histories=histories,
        vectors=np.array([[1, 0]], np.float32),
        matches=np.array([[[0, 1], [1, 0], [0, 0]]], np.float32),
        lengths=np.array([2], np.int32),
        log_counts=np.array([0.5], np.float32),
        mean=np.array([0.1], np.float32),
        deviation=np.array([0.5], np.float32),
        history_scores={
            name: HistoryScores.of(weights, histories) for name in ("closed_form", "next")
        },
        sequence_scores={
            "sequence_0": SequenceScores(
                np.array([[1, 0]], np.float32),
                np.array([[0.8, 0.6], [0, 1], [1, 0]], np.float32),
                np.array([1, 2]),
            )
        },
    )


class TestByHand:
    def test_each_number_is_what_its_name_says(self, user_state: UserState) -> None:
        evidence_models = EvidenceModels(
            dict(user_state.history_scores), dict(user_state.sequence_scores)
        )  # type: ignore[arg-type]
        names = feature_names(evidence_models, counts=True)
        found = columns_of(user_state, [0, 1], [[0.6, 0.8], [-1.0, 0.0]], names)
        # Item 0 gets 0.5 from the newest item and 0.8 * 1 from the one before; item 2 gets 1.6.
        catalog = np.array([1.3, 0.0, 1.6])
        mean, deviation = catalog.mean(), catalog.std()
        faded = np.hypot(1.0, 0.8)
        expected = {
            "cosine": [0.6, -1.0],
            "standard_cosine": [1.0, -2.2],
            "recent_text": [(0.8 + 0.8 * 0.6) / faded, -0.8 / faded],
            "last_match": [0.8, 0.0],
            "second_match": [0.6, -1.0],
            "best_match": [0.8, 0.0],
            "mean_match": [0.7, -0.5],
            "log_history_length": [np.log(3)] * 2,
            "history_popularity": [0.5, 0.5],
            "coherence": [np.sqrt(2) / 2] * 2,
            "last_pair": [0.0, 0.0],
            "closed_form.standard": [(1.3 - mean) / deviation, -mean / deviation],
            # Item 2, the best, is the user's own: item 0 is the best there is to get.
            "closed_form.gap": [0.0, -1.3 / deviation],
            # Nothing points at item 1: its rank is past the end.
            "closed_form.log_rank": [0.0, np.log1p(3)],
            "closed_form.recent": [1.3, 0.0],
            "closed_form.flat": [1.5, 0.0],
            "closed_form.best": [1.0, 0.0],
            "closed_form.newest": [0.5, 0.0],
            "closed_form.second": [1.0, 0.0],
            "next.standard": [(1.3 - mean) / deviation, -mean / deviation],
            "next.recent": [1.3, 0.0],
            "next.best": [1.0, 0.0],
            "next.newest": [0.5, 0.0],
            "sequence_0.cosine": [0.8, 0.0],
            "sequence_0.gap": [0.0, -0.8],
            "log_count": [0.0, np.log(10)],
            "log_count_difference": [-0.5, np.log(10) - 0.5],
            "is_cold": [1.0, 0.0],
        }
        assert tuple(expected) == names
        for name, values in expected.items():
            assert found[name] == pytest.approx(values, abs=1e-5), name

    def test_padding_is_never_the_best_match(self, user_state: UserState) -> None:
        one = replace(
            user_state,
            matches=np.array([[[-1, 0], [0, 0]]], np.float32),
            lengths=np.array([1], np.int32),
        )
        found = columns_of(one, [0], [[1.0, 0.0]], ("best_match", "second_match"))
        assert found["best_match"].tolist() == [-1.0]
        # The only item of a history stands in for the second.
        assert found["second_match"].tolist() == [-1.0]

    def test_the_names_come_in_the_order_asked(self, user_state: UserState) -> None:
        found = columns_of(user_state, [1], [[0.6, 0.8]], ("next.best", "cosine"))
        assert found["next.best"].tolist() == [0.0]
        assert found["cosine"] == pytest.approx([0.6])

    def test_without_counts_no_name_is_computed_from_the_candidate_s(self) -> None:
        names = feature_names(EvidenceModels(), counts=False)
        assert not set(names) & set(FROM_COUNTS)
        assert feature_names(EvidenceModels(), counts=True) == (*names, *FROM_COUNTS)


class TestThePairAloneDecides:
    histories = Histories.from_lists([[0, 1, 5], [30, 31], [12], list(range(20, 40))])
    rows = np.random.default_rng(0).permuted(np.tile(np.arange(60), (4, 1)), axis=1)

    def whole(self, ranking: RankingPipeline) -> np.ndarray:
        return ranking.features(ranking.user_state(self.histories), self.rows)

    def test_other_candidates_change_nothing(self, retriever: Retriever) -> None:
        ranking = retriever.ranking
        whole = self.whole(ranking)
        user_state = ranking.user_state(self.histories)
        for part in (self.rows[:, :1], self.rows[:, 7:20], self.rows[:, ::-1]):
            found = ranking.features(user_state, part)
            for user in range(4):
                place = [int(np.flatnonzero(self.rows[user] == row)[0]) for row in part[user]]
                assert found[user] == pytest.approx(whole[user, place], abs=1e-4)

    def test_other_users_change_nothing(self, retriever: Retriever) -> None:
        ranking = retriever.ranking
        whole = self.whole(ranking)
        for user in range(4):
            user_state = ranking.user_state(self.histories.take(np.array([user])))
            found = ranking.features(user_state, self.rows[user][None])
            assert found[0] == pytest.approx(whole[user], abs=1e-4)

    def test_a_catalog_too_large_to_be_at_hand_gives_the_same(
        self, retriever: Retriever, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = self.whole(replace(retriever.ranking))
        monkeypatch.setattr("longtail.retrieval.ranking.item_vectors.AT_HAND_BYTES", 0)
        assert self.whole(replace(retriever.ranking)).tobytes() == whole.tobytes()

    @pytest.mark.parametrize("count", range(1, 10))
    def test_any_number_of_candidates_is_read_alike(self, retriever: Retriever, count: int) -> None:
        ranking = retriever.ranking
        found = ranking.features(ranking.user_state(self.histories), self.rows[:, :count])
        assert found == pytest.approx(self.whole(ranking)[:, :count], abs=1e-5)

    def test_padding_changes_nothing(self, retriever: Retriever) -> None:
        ranking = retriever.ranking
        padded = np.where(np.arange(60) % 3 == 0, -1, self.rows)
        found = ranking.features(ranking.user_state(self.histories), padded)
        there = padded >= 0
        assert found[there] == pytest.approx(self.whole(ranking)[there], abs=1e-4)
        assert np.isfinite(found).all()

    def test_a_pool_changes_what_is_ranked_and_not_how_relevant_it_is(
        self, retriever: Retriever
    ) -> None:
        users = ["ink-fan-0", "saw-fan-1"]
        everything = retriever.recommend(users=users, k=60, pool="all", debias=0.0)
        tail = retriever.recommend(users=users, k=60, pool="tail", debias=0.0)
        filtered = retriever.recommend(
            users=users, k=60, pool="all", debias=0.0, where=["price<12"]
        )
        key = ["user_id", "item_id"]
        for part in (tail, filtered):
            joined = part.merge(everything, on=key, suffixes=("", "_whole"))
            assert len(joined) == len(part) > 0
            assert joined["relevance"].to_numpy() == pytest.approx(
                joined["relevance_whole"].to_numpy(), abs=1e-5
            )

    def test_with_counts_off_a_candidate_s_count_moves_nothing(self, retriever: Retriever) -> None:
        ranking = retriever.ranking
        bundle = ranking.bundle
        blind = replace(
            bundle,
            relevance=replace(
                bundle.relevance, names=feature_names(bundle.evidence_models, counts=False)
            ),
        )
        counts = bundle.popularity.counts.copy()
        others = np.setdiff1d(np.arange(60), self.histories.items)
        counts[others] = np.random.default_rng(1).integers(0, 500, len(others))
        changed = replace(blind, popularity=replace(bundle.popularity, counts=counts))
        found = [
            r.features(r.user_state(self.histories), self.rows)
            for r in (replace(ranking, bundle=b) for b in (blind, changed))
        ]
        assert found[0].tobytes() == found[1].tobytes()

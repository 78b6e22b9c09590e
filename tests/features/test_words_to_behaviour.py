"""What an item's words say of the company it is taken in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from longtail.index.errors import DamagedFileError
from longtail.retrieval.features.evidence_models import EvidenceModels
from longtail.retrieval.features.term_features import TermFeatures
from longtail.retrieval.features.words_to_behaviour import WordsToBehaviour
from longtail.retrieval.run.row_mapping import RowMapping
from longtail.retrieval.towers.text.tokens import TokenTable
from longtail.training.evidence.fit_words_to_behaviour import fit_words_to_behaviour

START, END = 101, 102
KEPT = 200
RNG = np.random.default_rng(7)
# Three kinds of ten items: a word of the kind, one of the maker, one of its own and two of any.
N_ITEMS = 30
KIND = np.arange(N_ITEMS) % 3


def tokens_of(texts: list[list[int]]) -> TokenTable:
    return TokenTable.of([np.array([START, *text, END], np.int32) for text in texts], 0)


TEXTS = [
    [1_000 + KIND[i], 2_000 + i % 5, 3_000 + i, *RNG.integers(4_000, 4_020, 2)]
    for i in range(N_ITEMS)
]
VECTORS = RNG.normal(size=(N_ITEMS, 8)).astype(np.float32)
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)


def taken_by_kind(nobody_took: tuple[int, ...] = ()) -> sp.csr_matrix:
    """Sixty users who take four items of one kind each."""
    rng = np.random.default_rng(3)
    taken = np.zeros((60, N_ITEMS), bool)
    for user in range(60):
        taken[user, rng.choice(np.flatnonzero(user % 3 == KIND), 4, replace=False)] = True
    taken[:, list(nobody_took)] = False
    return sp.csr_matrix(taken)


class TestFit:
    def test_an_item_that_nobody_took_follows_those_with_its_words(self) -> None:
        _, weights = fit_words_to_behaviour(taken_by_kind((9,)), VECTORS, tokens_of(TEXTS), KEPT)
        column = weights.matrix.toarray()[:, 9]
        others = np.arange(N_ITEMS) != 9
        assert column[others & (KIND == 0)].mean() > 2 * column[others & (KIND == 1)].mean()
        assert column[others & (KIND == 0)].mean() > column[others & (KIND == 2)].mean()

    def test_it_leads_to_those_with_its_words(self) -> None:
        _, weights = fit_words_to_behaviour(taken_by_kind((9,)), VECTORS, tokens_of(TEXTS), KEPT)
        row = weights.matrix.toarray()[9]
        others = np.arange(N_ITEMS) != 9
        assert row[others & (KIND == 0)].mean() > row[others & (KIND == 1)].mean()
        assert row[others & (KIND == 0)].mean() > row[others & (KIND == 2)].mean()

    def test_a_known_items_weights_are_those_of_a_fit_without_its_events(self) -> None:
        tokens = tokens_of(TEXTS)
        _, weights = fit_words_to_behaviour(taken_by_kind(), VECTORS, tokens, KEPT)
        _, without = fit_words_to_behaviour(taken_by_kind((9,)), VECTORS, tokens, KEPT)
        others = np.arange(N_ITEMS) != 9
        np.testing.assert_allclose(
            weights.matrix.toarray()[others, 9], without.matrix.toarray()[others, 9], atol=1e-4
        )

    def test_only_the_largest_of_a_row_are_kept(self) -> None:
        _, whole = fit_words_to_behaviour(taken_by_kind(), VECTORS, tokens_of(TEXTS), KEPT)
        _, five = fit_words_to_behaviour(taken_by_kind(), VECTORS, tokens_of(TEXTS), 5)
        row, kept = np.abs(whole.matrix.toarray()[4]), np.abs(five.matrix.toarray()[4])
        assert np.count_nonzero(kept) == 5
        np.testing.assert_allclose(np.sort(row)[-5:], np.sort(kept)[-5:], atol=1e-7)

    @pytest.mark.parametrize("texts", [[[7, 8]] * N_ITEMS, [[]] * N_ITEMS])
    def test_texts_that_are_all_alike_or_empty_leave_the_vectors(self, texts: list) -> None:
        _, weights = fit_words_to_behaviour(taken_by_kind(), VECTORS, tokens_of(texts), KEPT)
        assert np.isfinite(weights.values).all()
        assert len(weights)

    def test_items_with_one_event_and_a_single_user_can_be_fitted(self) -> None:
        taken = np.zeros((1, N_ITEMS), bool)
        taken[0, :3] = True
        _, weights = fit_words_to_behaviour(sp.csr_matrix(taken), VECTORS, tokens_of(TEXTS), KEPT)
        assert np.isfinite(weights.values).all()


class TestLateItems:
    def test_one_that_comes_later_has_what_it_would_have_had_in_the_catalog(self) -> None:
        """Item 9, which nobody took, is taken out of the rows and read again."""
        words, weights = fit_words_to_behaviour(
            taken_by_kind((9,)), VECTORS, tokens_of(TEXTS), KEPT
        )
        rows = np.where(np.arange(N_ITEMS) == 9, -1, np.arange(N_ITEMS))
        mapping = RowMapping(rows, N_ITEMS)
        models = EvidenceModels({"co_taken_by_text": weights}, {}, words=words)
        served = mapping.evidence_models(models)
        assert served.words is not None
        assert not served.words.keys[9].any()
        late = np.array([9])
        again = served.words.reading(late, VECTORS[late], tokens_of([TEXTS[9]]))
        back = again.with_rows(served.item_weights["co_taken_by_text"], late)
        np.testing.assert_allclose(back.matrix.toarray(), weights.matrix.toarray(), atol=1e-5)

    def test_the_weights_among_the_others_stay_to_the_bit(self) -> None:
        words, weights = fit_words_to_behaviour(taken_by_kind((9,)), VECTORS, tokens_of(TEXTS), 6)
        late = np.array([9])
        came = words.with_rows(
            RowMapping(
                np.where(np.arange(N_ITEMS) == 9, -1, np.arange(N_ITEMS)), N_ITEMS
            ).item_weights(weights),
            late,
        ).matrix.toarray()
        others = np.arange(N_ITEMS) != 9
        before = weights.matrix.toarray()[np.ix_(others, others)]
        assert came[np.ix_(others, others)].tobytes() == before.tobytes()

    def test_a_full_row_takes_only_what_is_above_its_least(self) -> None:
        words, weights = fit_words_to_behaviour(taken_by_kind((9,)), VECTORS, tokens_of(TEXTS), 6)
        mapping = RowMapping(np.where(np.arange(N_ITEMS) == 9, -1, np.arange(N_ITEMS)), N_ITEMS)
        came = words.with_rows(mapping.item_weights(weights), np.array([9])).matrix.toarray()
        column = came[:, 9]
        assert column[KIND == 0].any()
        assert np.count_nonzero(column) < N_ITEMS - 1


class TestTerms:
    def test_texts_that_share_a_rare_word_are_nearer_than_those_that_share_a_usual_one(
        self,
    ) -> None:
        usual = [[1, 10 + i] for i in range(20)]
        features = TermFeatures.of(tokens := tokens_of([*usual, [1, 99, 50], [1, 99, 60]]))(tokens)
        assert features[-1] @ features[-2] > features[-1] @ features[0]

    def test_the_order_of_words_counts(self) -> None:
        texts = tokens_of([[1, 2, 3], [3, 2, 1], [1, 2, 3], [8, 9], [8, 9]])
        features = TermFeatures.of(texts)(texts)
        assert features[0] @ features[2] > features[0] @ features[1] + 0.1

    def test_what_all_texts_have_counts_for_nothing(self) -> None:
        texts = [[10, 11], [10, 12], [13, 11], [13, 12]]
        # As an encoder's prompt does.
        prompted = [[2, *text] for text in texts]
        bare, behind = (
            np.flatnonzero(TermFeatures.of(tokens_of(listed)).rarity)
            for listed in (texts, prompted)
        )
        # Of the prompt only which word comes first.
        assert set(bare) < set(behind)
        assert len(behind) == len(bare) + 2


class TestFile:
    def test_what_was_saved_is_loaded(self, tmp_path: Path) -> None:
        words, _ = fit_words_to_behaviour(taken_by_kind(), VECTORS, tokens_of(TEXTS), KEPT)
        words.save(tmp_path / "words.safetensors")
        back = WordsToBehaviour.load(tmp_path / "words.safetensors", n_items=N_ITEMS)
        assert back is not None
        assert back.keys.tobytes() == words.keys.tobytes()
        assert back.terms.rarity.tobytes() == words.terms.rarity.tobytes()

    def test_a_run_without_the_file_has_none(self, tmp_path: Path) -> None:
        assert WordsToBehaviour.load(tmp_path / "words.safetensors", n_items=3) is None

    def test_another_catalogs_and_a_damaged_one_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "words.safetensors"
        words, _ = fit_words_to_behaviour(taken_by_kind(), VECTORS, tokens_of(TEXTS), KEPT)
        words.save(path)
        with pytest.raises(DamagedFileError, match="another catalog"):
            WordsToBehaviour.load(path, n_items=N_ITEMS + 1)
        path.write_bytes(path.read_bytes()[:50])
        with pytest.raises(DamagedFileError, match="can't be read"):
            WordsToBehaviour.load(path, n_items=N_ITEMS)

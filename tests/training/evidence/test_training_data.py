"""Training data: examples, batches, the validation measure and the closed-form start."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.towers.whitening import unit_rows
from longtail.training.towers.history_offsets import closed_form_offsets
from longtail.training.trainer.batches import ContrastiveCollator
from longtail.training.trainer.examples import NextItemExamples, taken_matrix

N_ITEMS = 30
some_histories = st.lists(
    st.lists(st.integers(0, N_ITEMS - 1), max_size=12), min_size=1, max_size=8
).filter(lambda histories: any(len(history) > 1 for history in histories))


def collator_of(histories: list[list[int]], **changes: float) -> ContrastiveCollator:
    past = Histories.from_lists(histories)
    options = {"uniform_negatives": 6, "shuffled_share": 0.0, "history_dropout": 0.0, "seed": 3}
    return ContrastiveCollator(
        NextItemExamples.from_histories(past, 5),
        taken_matrix(past, N_ITEMS),
        **{**options, **changes},  # type: ignore[arg-type]
    )


class TestExamples:
    @given(some_histories)
    def test_every_item_but_a_user_s_first_is_once_the_target(
        self, histories: list[list[int]]
    ) -> None:
        examples = NextItemExamples.from_histories(Histories.from_lists(histories), 5)
        expected = [
            (user, history[max(0, end - 5) : end], history[end])
            for user, history in enumerate(histories)
            for end in range(1, len(history))
        ]
        windows = examples.windows(np.arange(len(examples)))
        found = [
            (int(user), [int(i) for i in row[1:][::-1] if i >= 0], int(row[0]))
            for user, row in zip(examples.user, windows, strict=True)
        ]
        assert found == expected
        targets = examples.targets(np.arange(len(examples)))
        assert targets.tolist() == [target for _, _, target in expected]

    def test_the_taken_matrix_leaves_the_histories_in_their_order(self) -> None:
        # A sparse matrix sorts its rows in place: the histories must not be those rows.
        histories = Histories.from_lists([[9, 2, 7, 2], [5, 1]])
        taken = taken_matrix(histories, 10)
        taken.sort_indices()
        assert histories.items.tolist() == [9, 2, 7, 2, 5, 1]
        assert histories.offsets.tolist() == [0, 4, 6]
        assert [taken[user].indices.tolist() for user in (0, 1)] == [[2, 7, 9], [1, 5]]
        assert taken.dtype == np.bool_


class TestBatches:
    @settings(max_examples=60)
    @given(
        some_histories,
        st.sampled_from([0.0, 0.5, 1.0]),
        st.sampled_from([0.0, 0.4]),
        st.integers(0, 40),
    )
    def test_a_batch_is_sound(
        self, histories: list[list[int]], shuffled: float, dropout: float, uniform: int
    ) -> None:
        collator = collator_of(
            histories, shuffled_share=shuffled, history_dropout=dropout, uniform_negatives=uniform
        )
        numbers = list(range(len(collator.examples)))
        batch = {name: tensor.numpy() for name, tensor in collator(numbers).items()}
        items, past = batch["items"], batch["histories"]
        assert len(np.unique(items)) == len(items), "an item would be read twice"
        assert ((past >= -1) & (past < len(items))).all()
        candidates = items[batch["candidates"]]
        assert len(np.unique(candidates)) == len(candidates)
        assert len(candidates) >= min(uniform, N_ITEMS)
        assert (past[:, 0] >= 0).all(), "an example without history"
        for line, number in enumerate(numbers):
            user = collator.examples.user[number]
            own = histories[user]
            target = candidates[batch["target_column"][line]]
            assert target in own
            assert set(items[past[line][past[line] >= 0]]) <= set(own)
            assert batch["taken"][line].tolist() == [item in own for item in candidates]
            filled = past[line] >= 0
            assert (np.diff(filled.astype(int)) <= 0).all(), "a hole in a history"

    @given(some_histories)
    def test_in_order_batches_hold_what_came_before_and_what_came_next(
        self, histories: list[list[int]]
    ) -> None:
        collator = collator_of(histories)
        numbers = np.arange(len(collator.examples))
        batch = {name: tensor.numpy() for name, tensor in collator(numbers.tolist()).items()}
        target = batch["items"][batch["candidates"]][batch["target_column"]]
        past = np.where(batch["histories"] >= 0, batch["items"][batch["histories"]], -1)
        windows = collator.examples.windows(numbers)
        assert np.column_stack([target, past]).tolist() == windows.tolist()

    @given(some_histories)
    def test_shuffled_windows_keep_their_items(self, histories: list[list[int]]) -> None:
        collator = collator_of(histories, shuffled_share=1.0)
        numbers = np.arange(len(collator.examples))
        batch = {name: tensor.numpy() for name, tensor in collator(numbers.tolist()).items()}
        target = batch["items"][batch["candidates"]][batch["target_column"]]
        past = np.where(batch["histories"] >= 0, batch["items"][batch["histories"]], -1)
        found = np.sort(np.column_stack([target, past]), axis=1)
        assert found.tolist() == np.sort(collator.examples.windows(numbers), axis=1).tolist()

    def test_shuffling_makes_early_items_targets_too(self) -> None:
        collator = collator_of([list(range(6))] * 40, shuffled_share=1.0)
        numbers = [5 * user + 4 for user in range(40)]  # everybody's last example
        batch = collator(numbers)
        targets = batch["items"][batch["candidates"]][batch["target_column"]]
        assert set(targets.tolist()) == set(range(6))

    def test_history_dropout_keeps_the_newest_item(self) -> None:
        collator = collator_of([list(range(6))] * 40, history_dropout=0.9)
        batch = collator([5 * user + 4 for user in range(40)])
        newest = batch["items"][batch["histories"][:, 0]]
        assert newest.tolist() == [4] * 40
        assert (batch["histories"] >= 0).sum() < 40 * 5

    def test_the_same_numbers_make_the_same_batch_and_another_seed_another(self) -> None:
        histories = [list(range(start, start + 8)) for start in range(10)]
        options = {"shuffled_share": 0.5, "history_dropout": 0.3}
        first, again = (collator_of(histories, **options)([4, 9, 30]) for _ in range(2))
        other = collator_of(histories, **options, seed=4)([4, 9, 30])
        assert all((first[name] == again[name]).all() for name in first)
        assert first["items"].tolist() != other["items"].tolist()


class TestClosedFormOffsets:
    def test_they_are_the_formula_written_out(self) -> None:
        rng = np.random.default_rng(2)
        n, d = 12, 5
        histories = [rng.choice(10, rng.integers(1, 6), replace=False).tolist() for _ in range(25)]
        x = np.zeros((25, n))
        for user, items in enumerate(histories):
            x[user, items] = 1  # items 10 and 11 are cold
        v = unit_rows(rng.normal(size=(n, d)).astype(np.float32)).astype(np.float64)
        p = np.linalg.inv(x.T @ x + 3.0 * v @ v.T + 2.0 * np.eye(n))
        b = -p / np.diag(p)[None, :]
        np.fill_diagonal(b, 0.0)
        h = b @ v @ np.linalg.inv(v.T @ v + 0.1 * np.eye(d))
        taken = x.sum(0) > 0
        h /= np.linalg.norm(h[taken], axis=1).mean()
        expected = np.where(taken[:, None], h - v, 0.0)
        found = closed_form_offsets(
            taken_matrix(Histories.from_lists(histories), n),
            v.astype(np.float32),
            kernel=3.0,
            ridge=2.0,
        )
        assert found.dtype == np.float32
        assert found == pytest.approx(expected, abs=2e-3)
        assert not found[10:].any()

    def test_what_is_taken_together_points_at_each_other(self) -> None:
        vectors = np.eye(4, dtype=np.float32)
        together = Histories.from_lists([[0, 1]] * 30 + [[2, 3]] * 30)
        offsets = closed_form_offsets(taken_matrix(together, 4), vectors, kernel=0.0, ridge=1.0)
        pointed = vectors + offsets
        assert pointed[0].argmax() == 1
        assert pointed[3].argmax() == 2

"""The contrastive loss: each part against sums written out, and which way logQ pushes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from longtail.retrieval.data.histories.histories import Histories
from longtail.training.losses.logq import correct_logits, expected_draws
from longtail.training.losses.masking import mask_accidental_hits, mask_other_positives
from longtail.training.losses.sampled_softmax import sampled_softmax
from longtail.training.trainer.batches import ContrastiveCollator
from longtail.training.trainer.examples import NextItemExamples, taken_matrix


def test_the_softmax_is_the_mean_of_log_shares_written_out() -> None:
    logits = np.array([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]])
    target = np.array([1, 0])
    by_hand = -np.mean(
        [np.log(np.exp(row[t]) / np.exp(row).sum()) for row, t in zip(logits, target, strict=True)]
    )
    found = sampled_softmax(torch.from_numpy(logits), torch.from_numpy(target))
    assert float(found) == pytest.approx(by_hand, abs=1e-12)


def test_a_masked_candidate_counts_as_absent() -> None:
    whole = torch.tensor([[1.0, 2.0, float("-inf")]])
    without = torch.tensor([[1.0, 2.0]])
    target = torch.tensor([0])
    assert sampled_softmax(whole, target) == sampled_softmax(without, target)


def test_expected_draws_agree_with_counted_draws() -> None:
    popularity = np.array([0.5, 0.3, 0.1, 0.06, 0.04])
    rng = np.random.default_rng(0)
    counted = np.zeros(5)
    for _ in range(20_000):
        counted += rng.multinomial(1, popularity)
        counted[rng.choice(5, 1)] += 1
    expected = expected_draws(torch.from_numpy(popularity), in_batch=1, uniform=1, catalog_size=5)
    assert expected.numpy() == pytest.approx(counted / 20_000, abs=0.02)


def test_an_item_is_expected_in_one_column_at_most() -> None:
    draws = expected_draws(torch.tensor([0.9]), in_batch=512, uniform=10, catalog_size=10)
    assert draws.tolist() == [1.0]


@given(st.floats(0, 1), st.integers(0, 2**31))
def test_the_correction_is_the_sum_it_says(strength: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits, draws, log_p = rng.normal(size=(3, 4)), rng.normal(size=4), rng.normal(size=4)
    found = correct_logits(*(torch.from_numpy(a) for a in (logits, draws, log_p)), strength)
    assert found.numpy() == pytest.approx(logits - draws + (1 - strength) * log_p)


def test_strength_0_on_in_batch_candidates_is_the_uncorrected_softmax() -> None:
    logits = torch.randn(6, 6, generator=torch.Generator().manual_seed(1))
    share = torch.tensor([0.3, 0.25, 0.2, 0.1, 0.1, 0.05])
    log_draws = torch.log(expected_draws(share, in_batch=1, uniform=0, catalog_size=6))
    target = torch.arange(6)
    corrected = correct_logits(logits, log_draws, torch.log(share), strength=0.0)
    assert sampled_softmax(corrected, target) == pytest.approx(
        float(sampled_softmax(logits, target)), abs=1e-6
    )


def test_strength_0_ignores_how_many_targets_a_batch_brings() -> None:
    # The number of targets is a constant in every column, and softmax has no use for one.
    logits, share = torch.randn(4, 4), torch.tensor([0.4, 0.3, 0.2, 0.1])
    losses = []
    for size in (1, 2):
        draws = torch.log(expected_draws(share, in_batch=size, uniform=0, catalog_size=4))
        losses.append(
            sampled_softmax(correct_logits(logits, draws, share.log(), 0.0), torch.arange(4))
        )
    assert losses[0] == pytest.approx(float(losses[1]), abs=1e-6)


@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=8).flatmap(
        lambda items: st.tuples(
            st.just(items), st.lists(st.integers(0, len(items) - 1), min_size=1, max_size=5)
        )
    )
)
def test_only_second_copies_of_the_target_are_hidden(drawn: tuple[list[int], list[int]]) -> None:
    items, targets = drawn
    logits = torch.zeros(len(targets), len(items))
    found = mask_accidental_hits(logits, torch.tensor(items), torch.tensor(targets))
    for row, target in enumerate(targets):
        for column, item in enumerate(items):
            hidden = column != target and item == items[target]
            assert torch.isinf(found[row, column]).item() is hidden


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**31))
def test_other_positives_are_hidden_and_the_target_never(b: int, c: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    taken, target = rng.random((b, c)) < 0.5, rng.integers(0, c, b)
    before = torch.from_numpy(taken.copy())
    found = mask_other_positives(torch.zeros(b, c), before, torch.from_numpy(target))
    for row in range(b):
        hidden = [column for column in range(c) if taken[row, column] and column != target[row]]
        assert torch.isinf(found[row]).nonzero().flatten().tolist() == hidden
    assert before.numpy().tolist() == taken.tolist(), "the caller's mask was changed"


def _learned_scores(strength: float, *, uniform: int) -> np.ndarray:
    """Train one embedding a user kind and item on a toy log; return the niche users' scores.

    Item 0 is popular with everybody, item 1 is taken by niche users only, 2 to 5 by others.
    A niche user takes the popular item twice as often as the niche one.
    """
    histories = []
    for number in range(60):
        niche = number < 12
        ends = ([1] if number % 3 == 0 else [0]) if niche else [0 if number % 4 else 2 + number % 3]
        # The first item says which kind of user it is.
        histories.append([6 if niche else 7, *ends])
    n_items = 8
    past = Histories.from_lists(histories)
    examples = NextItemExamples.from_histories(past, 5)
    counts = np.bincount(examples.targets(np.arange(len(examples))), minlength=n_items)
    share = torch.from_numpy(counts / counts.sum()).float()
    log_p = torch.from_numpy(np.log((counts + 0.02) / (counts + 0.02).sum()).astype(np.float32))
    batch = 60
    log_draws = torch.log(expected_draws(share, batch, uniform, n_items).clamp(min=1e-6))
    collator = ContrastiveCollator(
        examples,
        taken_matrix(past, n_items),
        uniform_negatives=uniform,
        shuffled_share=0.0,
        history_dropout=0.0,
        seed=0,
    )
    torch.manual_seed(0)
    user, item = nn.Embedding(n_items, 8), nn.Embedding(n_items, 8)
    optimizer = torch.optim.Adam([*user.parameters(), *item.parameters()], lr=0.05)
    for step in range(150):
        numbers = np.random.default_rng(step).permutation(len(examples))[:batch]
        b = collator(numbers.tolist())
        rows = b["items"][b["candidates"]]
        logits = user(b["items"][b["histories"][:, 0]]) @ item(rows).T
        logits = correct_logits(logits, log_draws[rows], log_p[rows], strength)
        logits = mask_accidental_hits(logits, rows, b["target_column"])
        logits = mask_other_positives(logits, b["taken"], b["target_column"])
        loss = sampled_softmax(logits, b["target_column"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return (user.weight[6] @ item.weight.T).numpy()


@pytest.mark.parametrize("uniform", [0, 8], ids=["in-batch", "with uniform negatives"])
def test_strength_0_puts_the_niche_item_first_and_strength_1_the_popular_one(uniform: int) -> None:
    relevance = _learned_scores(0.0, uniform=uniform)
    probability = _learned_scores(1.0, uniform=uniform)
    assert relevance[1] > relevance[0], "popularity is still in the relevance"
    assert probability[0] > probability[1], "the most probable item is not first"

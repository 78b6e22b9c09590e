"""SASRec: the network against torch's own layer, and what it learns from order alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from longtail.evaluation.baselines import SASRec
from longtail.evaluation.baselines.sequential.sasrec import SASRecSettings
from longtail.evaluation.baselines.sequential.sasrec_network import SASRecNetwork
from longtail.evaluation.baselines.validation_score import ValidationPart
from longtail.evaluation.errors import EvaluationError
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TRAIN, VALID, Interactions

N_ITEMS = 12


def network(layers: int = 2) -> SASRecNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = SASRecNetwork(N_ITEMS, dim=8, layers=layers, heads=2, dropout=0.5, max_history=6)
    return made.eval()


def test_a_block_is_torchs_own_encoder_layer() -> None:
    mine = network(layers=1).layers[0]
    theirs = torch.nn.TransformerEncoderLayer(
        8, 2, 8, 0.5, activation="gelu", batch_first=True, norm_first=True
    ).eval()
    weights = mine.state_dict()
    theirs.load_state_dict(
        {
            "self_attn.in_proj_weight": weights["query_key_value.weight"],
            "self_attn.in_proj_bias": weights["query_key_value.bias"],
            "self_attn.out_proj.weight": weights["output.weight"],
            "self_attn.out_proj.bias": weights["output.bias"],
            "linear1.weight": weights["feed.0.weight"],
            "linear1.bias": weights["feed.0.bias"],
            "linear2.weight": weights["feed.3.weight"],
            "linear2.bias": weights["feed.3.bias"],
            "norm1.weight": weights["before_attention.weight"],
            "norm1.bias": weights["before_attention.bias"],
            "norm2.weight": weights["before_feed.weight"],
            "norm2.bias": weights["before_feed.bias"],
        }
    )
    state = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 5, 8)).astype(np.float32))
    causal = torch.nn.Transformer.generate_square_subsequent_mask(5)
    torch.testing.assert_close(mine(state), theirs(state, src_mask=causal, is_causal=True))


def test_states_know_nothing_of_later_items_nor_of_padding() -> None:
    model = network()
    # Places count from the end, so that a prefix is compared by the place of its newest item.
    with torch.no_grad():
        model.places.weight.zero_()
        whole = model(torch.tensor([[3, 1, 4, 2]]), torch.tensor([4]))
        prefix = model(torch.tensor([[3, 1, N_ITEMS, N_ITEMS]]), torch.tensor([2]))
    torch.testing.assert_close(whole[0, :2], prefix[0, :2])


def cycle(n_users: int = 80) -> Interactions:
    """Everybody goes round the items in order, from somewhere; nobody takes the last item."""
    lengths = 4 + np.arange(n_users) % 3
    user = np.repeat(np.arange(n_users), lengths).astype(np.int32)
    step = np.concatenate([np.arange(n) for n in lengths])
    item = ((user + step) % (N_ITEMS - 1)).astype(np.int32)
    last = np.concatenate([np.arange(n) == n - 1 for n in lengths])
    ids = np.array([f"u{number}" for number in range(n_users)], dtype=object)
    part = np.where(last, VALID, TRAIN).astype(np.int8)
    return Interactions(ids, user, item, step, has_clock=False, part=part)


def shop() -> Catalog:
    ids = [f"i{row}" for row in range(N_ITEMS)]
    return Catalog(pd.DataFrame({"item_id": ids, "title": ids}), "{title}")


def train(events: Interactions) -> Interactions:
    return events.select(events.part == TRAIN)


def fitted(seed: int = 0, **options: int) -> SASRec:
    settings = SASRecSettings(dim=16, layers=1, dropout=0.0, learning_rate=0.01, **options)
    return SASRec(settings, seed=seed).fit(train(cycle()), shop())


def test_it_learns_the_order_in_which_items_are_taken() -> None:
    histories = Histories.from_lists([[2, 3, 4], [7], [9, 10], []])
    scores = fitted(epochs=30).scores(histories)
    assert scores[:3].argmax(axis=1).tolist() == [5, 8, 0]
    assert (scores[3] == -np.inf).all()
    assert (scores[:, N_ITEMS - 1] == -np.inf).all()


def test_a_user_alone_gets_the_scores_of_the_batch() -> None:
    model = fitted(epochs=2)
    together = model.scores(Histories.from_lists([[1], [2, 3, 4, 5, 6, 7, 8]]))
    alone = model.scores(Histories.from_lists([[1]]))
    np.testing.assert_allclose(together[0], alone[0], atol=1e-5)


def test_the_seed_decides_and_leaves_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    histories = Histories.from_lists([[2, 3]])
    one, again, other = (fitted(seed, epochs=2).scores(histories) for seed in (1, 1, 2))
    assert (torch.random.get_rng_state() == before).all()
    assert (one == again).all()
    assert (one != other).any()


def test_training_stops_when_validation_no_longer_rises() -> None:
    events = cycle()
    validation = ValidationPart.of(events, N_ITEMS, max_users=1000, seed=0)
    steps: list[tuple[int, int]] = []
    SASRec(
        SASRecSettings(dim=16, layers=1, dropout=0.0, learning_rate=0.01, epochs=500, patience=2),
        validation=validation,
        progress=lambda step, done, total: steps.append((done, total)),
    ).fit(train(events), shop())
    # A perfect score can't rise: two more epochs, and it is over.
    assert len(steps) < 60
    assert steps[-1] == (500, 500)


@pytest.mark.parametrize("validated", [True, False])
def test_training_stops_when_its_time_is_over_and_says_so(validated: bool) -> None:
    events = cycle()
    validation = ValidationPart.of(events, N_ITEMS, max_users=1000, seed=0) if validated else None
    now = iter(range(1_000_000))
    made = SASRec(
        SASRecSettings(dim=16, layers=1, epochs=10_000, patience=10_000),
        validation=validation,
        seconds=40,
        clock=lambda: float(next(now)),
    ).fit(train(events), shop())
    # One look at the clock a batch.
    assert next(now) == pytest.approx(42, abs=2)
    assert "its time was over" in made.note
    assert np.isfinite(made.scores(Histories.from_lists([[2, 3]]))).any()
    done = made._best_epoch
    assert (done > 0) == validated
    if validated:
        before = next(now)
        made.refit(train(events), shop())
        batches = next(now) - before
        assert batches > 1


def test_a_log_without_any_second_item_is_refused() -> None:
    ids = np.array(["a", "b"], dtype=object)
    rows = np.array([0, 1], np.int32)
    single = Interactions(ids, rows, rows, np.zeros(2, np.int64), has_clock=False)
    with pytest.raises(EvaluationError, match="two items or more, and there are none"):
        SASRec().fit(single, shop())


def test_unfitted_it_says_so() -> None:
    with pytest.raises(EvaluationError, match="never fitted"):
        SASRec().scores(Histories.from_lists([[0]]))

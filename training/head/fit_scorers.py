"""Fitting the head's scorers on pairs: boosted trees, a network, a fixed mixture."""

from __future__ import annotations

import os

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from longtail.retrieval.features.scorers.boosting import Boosting
from longtail.retrieval.features.scorers.network import Network, NetworkShape

PAIRS_PER_STEP = 4_096


def fit_boosting(
    evidence: NDArray[np.float32],
    label: NDArray[np.bool_],
    weight: NDArray[np.float32],
    *,
    rounds: int,
    seed: int,
) -> Boosting:
    """Return trees fitted by binary cross-entropy; the same numbers for the same input."""
    import lightgbm

    # A leaf of a hundred pairs where there are many; a small shop's few must do with less.
    least = int(np.clip(len(label) // 200, 5, 100))
    settings = {
        "objective": "binary",
        "learning_rate": 0.06,
        "num_leaves": 15,
        "lambda_l2": 5.0,
        "min_data_in_leaf": least,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": int(os.environ.get("OMP_NUM_THREADS", "0")) or torch.get_num_threads(),
        "verbosity": -1,
    }
    data = lightgbm.Dataset(evidence, label.astype(np.float32), weight=weight)
    booster = lightgbm.train(settings, data, rounds)
    return Boosting(booster.model_to_string())


def fit_network(
    evidence: NDArray[np.float32],
    label: NDArray[np.bool_],
    weight: NDArray[np.float32],
    *,
    hidden: tuple[int, ...],
    epochs: int,
    learning_rate: float,
    seed: int,
) -> Network:
    """Return a network fitted by binary cross-entropy; without hidden layers, a fixed mixture."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = Network(NetworkShape(evidence.shape[1], hidden))
    network.look_at(evidence)
    given, answers = torch.from_numpy(evidence), torch.from_numpy(label.astype(np.float32))
    weights = torch.from_numpy(weight)
    optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=1e-2)
    steps = epochs * -(-len(label) // PAIRS_PER_STEP)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, max(steps, 2))
    for _ in range(epochs):
        network.train()
        order = torch.from_numpy(rng.permutation(len(label)))
        for start in range(0, len(order), PAIRS_PER_STEP):
            part = order[start : start + PAIRS_PER_STEP]
            loss = nn.functional.binary_cross_entropy_with_logits(
                network(given[part]), answers[part], weights[part]
            )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    network.requires_grad_(False)
    return network.eval()

"""Fitting the relevance head: binary cross-entropy on events the towers were not fitted on."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from evaluation.calibration import Calibration
from retrieval.interactions import Histories
from retrieval.ranking import Ranking
from retrieval.relevance import RelevanceHead, RelevanceHeadShape
from training.pairs import PairEvidence, PairSampling, collect_pairs, thinned

logger = logging.getLogger("longtail.training")


@dataclass(frozen=True)
class HeadSettings:
    """The relevance head.

    Attributes:
        counts: whether it may see candidates' training counts; ``auto``: only on logs with
            real times, since a log that was filtered by its own future betrays it in counts.
        retrieved: candidates a user from the whole catalog, and half as many from the tail.
        popularity_matched: negatives a user drawn by popularity.
        negatives: of all these, kept a user while the network is fitted.
        max_users: validation users used.
    """

    counts: bool | Literal["auto"] = "auto"
    retrieved: int = 100
    popularity_matched: int = 20
    negatives: int = 40
    max_users: int = 8_000
    epochs: int = 12
    patience: int = 2
    batch_users: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2


def fit_relevance_head(
    ranking: Ranking,
    known: Histories,
    positives: Histories,
    rejected: Histories,
    settings: HeadSettings,
    *,
    counts: bool,
    seed: int,
) -> tuple[RelevanceHead, dict[str, float]]:
    """Return a trained, calibrated head and how good it is on users it never saw.

    ``known``, ``positives`` and ``rejected`` belong to the same validation users. Of these,
    60 % fit the network, 20 % stop it and calibrate it, 20 % are reported on.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(known))[: settings.max_users].astype(np.int64)
    bounds = [int(0.6 * len(order)), int(0.8 * len(order))]
    parts = [np.sort(part) for part in np.split(order, bounds)]
    torch.manual_seed(seed)
    head = RelevanceHead(RelevanceHeadShape(dim=ranking.index.dim, counts=counts))
    # So few users that a part is empty: the same users do all three, and the report says so.
    shared = min(len(part) for part in parts) == 0
    if shared:
        parts = [np.sort(order)] * 3
    sampling = PairSampling(settings.retrieved, settings.popularity_matched)
    data: list[PairEvidence] = []
    for part in parts:
        mine = known.take(part)
        pairs = collect_pairs(
            ranking, mine, positives.take(part), rejected.take(part), sampling, rng
        )
        if not data:
            pairs = thinned(pairs, settings.negatives, rng)
        data.append(PairEvidence(ranking, mine, pairs, counts=counts))
    fit, stop, report = data
    _standardise(head, fit)
    _optimise(head, fit, stop, settings, seed)
    _calibrate(head, stop)
    probability, label = _predictions(head, report)
    return head, {**_quality(probability, label), "reported_on_unseen_users": float(not shared)}


def _predictions(
    head: RelevanceHead, data: PairEvidence
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Return probabilities and labels of the pairs that retrieval hands over."""
    probability = [
        head.probability(data.of(users))[data.retrieved[users].numpy()] for users in data.batches()
    ]
    return np.concatenate(probability), data.label[data.retrieved].numpy().astype(np.int8)


def _standardise(head: RelevanceHead, data: PairEvidence) -> None:
    scalars = data.scalars[data.present]
    head.mean.copy_(scalars.mean(0))
    head.deviation.copy_(scalars.std(0, correction=0).clamp(min=1e-3))


def _loss(head: RelevanceHead, data: PairEvidence, users: torch.Tensor) -> torch.Tensor:
    present = data.present[users]
    return nn.functional.binary_cross_entropy_with_logits(
        head(data.of(users))[present], data.label[users][present]
    )


def _optimise(
    head: RelevanceHead, fit: PairEvidence, stop: PairEvidence, settings: HeadSettings, seed: int
) -> None:
    optimizer = torch.optim.AdamW(
        head.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    rng = np.random.default_rng(seed)
    best, best_loss, waited = head.state_dict(), float("inf"), 0
    for epoch in range(settings.epochs):
        head.train()
        order = torch.from_numpy(rng.permutation(len(fit)))
        for start in range(0, len(order), settings.batch_users):
            loss = _loss(head, fit, order[start : start + settings.batch_users])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        head.eval()
        with torch.no_grad():
            held_out = float(np.mean([float(_loss(head, stop, b)) for b in stop.batches()]))
        logger.info("relevance head, epoch %d: held-out loss %.5f", epoch + 1, held_out)
        if held_out < best_loss - 1e-6:
            best, best_loss, waited = (
                {k: v.clone() for k, v in head.state_dict().items()},
                held_out,
                0,
            )
        elif (waited := waited + 1) >= settings.patience:
            break
    head.load_state_dict(best)


def _calibrate(head: RelevanceHead, data: PairEvidence) -> None:
    """Set scale and shift so that probabilities hold on the pairs that retrieval hands over."""
    head.eval()
    with torch.no_grad():
        logits = torch.cat([head(data.of(b))[data.retrieved[b]] for b in data.batches()])
    label = data.label[data.retrieved]
    if label.sum() < 1 or label.sum() == len(label):
        logger.warning("relevance head: nothing to calibrate on; its probabilities are raw")
        return
    line = torch.tensor([1.0, 0.0], requires_grad=True)
    optimizer = torch.optim.LBFGS([line], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(line[0] * logits + line[1], label)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    # A scale below zero would turn the ranking round: too few labels to trust the fit.
    fitted = line.detach()
    if float(fitted[0]) > 0:
        head.calibration.copy_(fitted)


def _quality(probability: NDArray[np.float32], label: NDArray[np.int8]) -> dict[str, float]:
    """Return the head's figures; ``base_accuracy`` is that of always answering no."""
    found = Calibration.measure(probability, label)
    positives = float(label.mean()) if len(label) else float("nan")
    return {
        "pairs": float(len(label)),
        "positive_share": positives,
        "auc": found.auc,
        "expected_calibration_error": found.error,
        "accuracy": found.accuracy,
        "base_accuracy": max(positives, 1 - positives),
        "mean_probability": float(probability.mean()) if len(probability) else float("nan"),
    }

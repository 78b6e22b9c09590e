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
from retrieval.evidence import Evidence, gather_evidence
from retrieval.interactions import Histories
from retrieval.ranking import Ranking
from retrieval.relevance import RelevanceHead, RelevanceHeadShape

logger = logging.getLogger("longtail.training")


@dataclass(frozen=True)
class HeadSettings:
    """The relevance head.

    Attributes:
        counts: whether it may see candidates' training counts; ``auto``: only on logs with
            real times, since a log that was filtered by its own future betrays it in counts.
        retrieved: candidates a user from the whole catalog, and half as many from the tail.
        popularity_matched: negatives a user drawn by popularity.
        max_users: validation users used.
    """

    counts: bool | Literal["auto"] = "auto"
    retrieved: int = 100
    popularity_matched: int = 20
    max_users: int = 8_000
    epochs: int = 30
    patience: int = 4
    batch_users: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3


@dataclass(frozen=True)
class Pairs:
    """(history, candidate) pairs with answers, by user.

    Attributes:
        rows: candidates, int64 [m, c], -1 where there is none.
        label: 1 taken, 0 not, float32 [m, c].
        retrieved: whether the pair is one that retrieval hands over (and not a labelled or
            popularity-matched one, or a positive that retrieval missed), bool [m, c].
    """

    rows: NDArray[np.int64]
    label: NDArray[np.float32]
    retrieved: NDArray[np.bool_]


def collect_pairs(
    ranking: Ranking,
    known: Histories,
    positives: Histories,
    rejected: Histories,
    settings: HeadSettings,
    rng: np.random.Generator,
) -> Pairs:
    """Return the pairs of users with their held-out positives and labelled negatives.

    Candidates are what retrieval returns for the history (whole catalog and tail pool), items
    drawn by popularity, the positives, and items that were shown and rejected.
    """
    popularity = ranking.bundle.popularity
    taste = ranking.taste(known)
    found = [
        ranking.search(taste, k, pool=pool, debias=debias, excluded=known).rows
        for pool, k, debias in (
            ("all", settings.retrieved, 0.0),
            ("all", settings.retrieved // 2, ranking.bundle.serving.debias),
            ("tail", settings.retrieved // 2, ranking.bundle.serving.debias),
        )
        if k > 0
    ]
    retrieved = np.concatenate(found, axis=1)
    share = np.exp(popularity.log_p.astype(np.float64))
    matched = rng.choice(
        len(share), (len(known), settings.popularity_matched), p=share / share.sum()
    )
    lists = []
    for i in range(len(known)):
        handed = np.unique(retrieved[i][retrieved[i] >= 0])
        extra = np.concatenate([positives[i], rejected[i], matched[i]]).astype(np.int64)
        extra = np.setdiff1d(extra, np.union1d(handed, known[i]))
        rows = np.concatenate([handed, extra])
        lists.append((rows, np.isin(rows, positives[i]), np.arange(len(rows)) < len(handed)))
    width = max(len(rows) for rows, _, _ in lists)
    out = Pairs(
        np.full((len(known), width), -1, np.int64),
        np.zeros((len(known), width), np.float32),
        np.zeros((len(known), width), bool),
    )
    for i, (rows, label, handed_over) in enumerate(lists):
        out.rows[i, : len(rows)] = rows
        out.label[i, : len(rows)] = label
        out.retrieved[i, : len(rows)] = handed_over
    return out


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
    data = []
    for part in parts:
        mine = known.take(part)
        pairs = collect_pairs(
            ranking, mine, positives.take(part), rejected.take(part), settings, rng
        )
        data.append(_Batchable(ranking, mine, pairs, counts))
    fit, stop, report = data
    _standardise(head, fit)
    _optimise(head, fit, stop, settings, seed)
    _calibrate(head, stop)
    probability, label = report.predictions(head)
    return head, {**_quality(probability, label), "reported_on_unseen_users": float(not shared)}


class _Batchable:
    """Pairs of some users, with evidence made batch by batch."""

    def __init__(self, ranking: Ranking, known: Histories, pairs: Pairs, counts: bool) -> None:
        self.ranking, self.pairs, self.counts = ranking, pairs, counts
        self.taste = ranking.taste(known)

    def __len__(self) -> int:
        return len(self.pairs.rows)

    def evidence(self, users: NDArray[np.int64]) -> Evidence:
        rows = np.maximum(self.pairs.rows[users], 0)
        taste, popularity = self.taste, self.ranking.bundle.popularity
        return gather_evidence(
            taste.vectors[users],
            taste.matches[users],
            taste.lengths[users],
            taste.log_counts[users],
            self.ranking.index.vectors(rows.ravel()).reshape(*rows.shape, -1),
            popularity.counts[rows],
            counts=self.counts,
        )

    def batches(self, size: int) -> list[NDArray[np.int64]]:
        return [np.arange(s, min(s + size, len(self))) for s in range(0, len(self), size)]

    def predictions(self, head: RelevanceHead) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
        """Return probabilities and labels of the pairs that retrieval hands over."""
        found = [(self.pairs.retrieved[b], self.pairs.label[b], b) for b in self.batches(128)]
        probability = [head.probability(self.evidence(b))[kept] for kept, _, b in found]
        label = [labels[kept] for kept, labels, _ in found]
        return np.concatenate(probability), np.concatenate(label).astype(np.int8)


def _standardise(head: RelevanceHead, data: _Batchable) -> None:
    """Set the scalars' means and deviations from at most 512 users."""
    users = np.arange(min(len(data), 512))
    scalars = data.evidence(users).scalars[torch.from_numpy(data.pairs.rows[users] >= 0)]
    head.mean.copy_(scalars.mean(0))
    head.deviation.copy_(scalars.std(0, correction=0).clamp(min=1e-3))


def _loss(head: RelevanceHead, data: _Batchable, users: NDArray[np.int64]) -> torch.Tensor:
    present = torch.from_numpy(data.pairs.rows[users] >= 0)
    label = torch.from_numpy(data.pairs.label[users])[present]
    return nn.functional.binary_cross_entropy_with_logits(
        head(data.evidence(users))[present], label
    )


def _optimise(
    head: RelevanceHead, fit: _Batchable, stop: _Batchable, settings: HeadSettings, seed: int
) -> None:
    optimizer = torch.optim.AdamW(
        head.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    rng = np.random.default_rng(seed)
    best, best_loss, waited = head.state_dict(), float("inf"), 0
    for epoch in range(settings.epochs):
        head.train()
        order = rng.permutation(len(fit))
        for start in range(0, len(order), settings.batch_users):
            loss = _loss(head, fit, order[start : start + settings.batch_users])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        head.eval()
        with torch.no_grad():
            held_out = float(np.mean([float(_loss(head, stop, b)) for b in stop.batches(128)]))
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


def _calibrate(head: RelevanceHead, data: _Batchable) -> None:
    """Set scale and shift so that probabilities hold on the pairs that retrieval hands over."""
    head.eval()
    with torch.no_grad():
        logits = torch.cat(
            [
                head(data.evidence(b))[torch.from_numpy(data.pairs.retrieved[b])]
                for b in data.batches(128)
            ]
        )
    label = torch.from_numpy(
        np.concatenate([data.pairs.label[b][data.pairs.retrieved[b]] for b in data.batches(128)])
    )
    if label.sum() < 1 or label.sum() == len(label):
        logger.warning("relevance head: nothing to calibrate on; its probabilities are raw")
        return
    line = torch.tensor([1.0, 0.0], requires_grad=True)
    optimizer = torch.optim.LBFGS([line], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(line[0] * logits + line[1], label)
        loss.backward()
        return loss

    optimizer.step(closure)
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



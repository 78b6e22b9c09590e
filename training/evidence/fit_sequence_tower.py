"""Fitting the sequence tower: softmax over the catalog, stopped on users kept aside."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.progress import Progress, silent
from longtail.retrieval.towers.catalog_softmax import catalog_softmax
from longtail.retrieval.towers.sequence_tower import SequenceTower, SequenceTowerShape, oldest_first
from longtail.training.evidence.sequence_settings import SequenceSettings

logger = logging.getLogger("longtail.training")

# Of every so many users, one is kept aside to say when to stop, and at most this many.
KEPT_ASIDE = 20
MOST_KEPT_ASIDE = 2_000


@dataclass(frozen=True)
class Course:
    """A fit whose length is known.

    Attributes:
        epochs: after so many it ends.
        start: a tower of the same rows to go on from; None: a new one.
    """

    epochs: int
    start: SequenceTower | None = None


def fit_sequence_tower(
    histories: Histories,
    vectors: NDArray[np.float32],
    counts: NDArray[np.int64],
    settings: SequenceSettings,
    *,
    popularity_strength: float,
    seed: int,
    course: Course | None = None,
    device: torch.device | None = None,
    progress: Progress = silent,
) -> tuple[SequenceTower, dict[str, Any]]:
    """Return a tower fitted on training histories, and how it went.

    ``vectors`` unit item vectors [n, d]; ``counts`` training users of each item [n]. Of one user
    in twenty the last event is kept out, and training stops when their loss rises; with
    a ``course`` nothing is kept out.
    """
    began = time.monotonic()
    device = device or torch.device("cpu")
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    shape = SequenceTowerShape(
        items=len(vectors),
        text_dim=vectors.shape[1],
        dim=settings.dim,
        layers=settings.layers,
        heads=settings.heads,
        dropout=settings.dropout,
        max_history=settings.max_history,
    )
    tower = SequenceTower(shape).to(device)
    if course is not None and course.start is not None:
        tower.load_state_dict(course.start.state_dict())
    texts = torch.from_numpy(np.ascontiguousarray(vectors, np.float32)).to(device)
    rarity = torch.from_numpy(np.log1p(counts).astype(np.float32)).to(device) * popularity_strength
    share = torch.from_numpy((counts / max(int(counts.sum()), 1)).astype(np.float32)).to(device)
    sequences = _Sequences.of(histories, settings.max_history + 1)
    watch = 0 if course else min(len(sequences) // KEPT_ASIDE, MOST_KEPT_ASIDE)
    aside = rng.permutation(len(sequences))[:watch]
    watched, learned = sequences.split(np.sort(aside))
    optimizer = torch.optim.AdamW(
        tower.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    best, best_loss, waited = _copy(tower), float("inf"), 0
    losses: list[float] = []
    affordable = max(1, settings.max_events // max(int(learned.lengths.sum()), 1))
    most = course.epochs if course else min(settings.epochs, affordable)
    best_epoch = most
    for epoch in range(most):
        progress("sequence tower", epoch, most)
        tower.train()
        for rows in learned.batches(settings.events_per_batch, rng):
            loss = _loss(tower, rows.to(device), texts, rarity, share, settings.negatives, rng)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(tower.parameters(), 1.0)
            optimizer.step()
        if not len(watched):
            best = _copy(tower)
            continue
        losses.append(_watched_loss(tower, watched, texts, rarity, share, settings))
        logger.info("sequence tower, epoch %d: held-out loss %.4f", epoch + 1, losses[-1])
        if losses[-1] < best_loss:
            best, best_loss, waited = _copy(tower), losses[-1], 0
            best_epoch = epoch + 1
        else:
            waited += 1
            if waited > settings.patience:
                break
    tower.load_state_dict(best)
    progress("sequence tower", most, most)
    report = {
        "popularity_strength": popularity_strength,
        "epochs": best_epoch,
        "held_out_losses": [round(x, 4) for x in losses],
        "seconds": round(time.monotonic() - began, 1),
    }
    return tower.cpu().requires_grad_(False).eval(), report


@dataclass(frozen=True)
class _Sequences:
    """Training sequences of two events or more, the last ones of each user, oldest first."""

    rows: NDArray[np.int32]
    lengths: NDArray[np.int64]
    # Of a watched user only the last place is a target.
    last_only: bool = False

    @classmethod
    def of(cls, histories: Histories, length: int) -> _Sequences:
        rows, lengths = histories.last(length)
        enough = lengths >= 2
        turned = oldest_first(rows[enough], lengths[enough])
        return cls(turned, lengths[enough].astype(np.int64))

    def __len__(self) -> int:
        return len(self.lengths)

    def split(self, aside: NDArray[np.int64]) -> tuple[_Sequences, _Sequences]:
        """Return the users kept aside, and all users without those users' last events."""
        lengths = self.lengths.copy()
        rows = self.rows.copy()
        rows[aside, lengths[aside] - 1] = -1
        lengths[aside] -= 1
        enough = lengths >= 2
        watched = _Sequences(self.rows[aside], self.lengths[aside], last_only=True)
        return watched, _Sequences(rows[enough], lengths[enough])

    def batches(self, events: int, rng: np.random.Generator | None) -> list[torch.Tensor]:
        """Return batches of about ``events`` targets, alike lengths together."""
        blur = rng.random(len(self)) * 1.5 if rng is not None else np.zeros(len(self))
        order = np.argsort(self.lengths + blur, kind="stable")
        number = np.cumsum(self.lengths[order]) // events
        parts = np.split(order, np.flatnonzero(np.diff(number)) + 1) if len(order) else []
        if rng is not None:
            parts = [parts[i] for i in rng.permutation(len(parts))]
        return [
            torch.from_numpy(self.rows[part, : self.lengths[part].max()].astype(np.int64))
            for part in parts
        ]


def _loss(
    tower: SequenceTower,
    rows: torch.Tensor,
    texts: torch.Tensor,
    rarity: torch.Tensor,
    share: torch.Tensor,
    negatives: int,
    rng: np.random.Generator,
    *,
    last_only: bool = False,
) -> torch.Tensor:
    known = torch.arange(len(texts), device=rows.device)
    if len(texts) > negatives:
        drawn = torch.from_numpy(rng.integers(0, len(texts), negatives)).to(rows.device)
        known = torch.unique(torch.cat([rows[rows >= 0], drawn]))
        rows = torch.where(rows >= 0, torch.searchsorted(known, rows.clamp(min=0)), -1)
    items = tower.item_vectors(texts, known)
    given, targets = rows[:, :-1], rows[:, 1:]
    is_target = targets >= 0
    if last_only:
        is_target = is_target & (is_target.cumsum(1) == is_target.sum(1, keepdim=True))
    expected, bias = tower.log_scale.exp() * tower(given, items)[is_target], rarity[known]
    if len(known) < len(texts):
        # Sampled softmax (Bengio and Senecal, 2008): popular items are in almost every batch,
        # rare ones in few, and without the correction that would push popularity down.
        bias = bias - _log_inclusion(share[known], int((rows >= 0).sum()), negatives, texts)
    return catalog_softmax(expected, items, targets[is_target], bias)


def _log_inclusion(
    share: torch.Tensor, events: int, negatives: int, texts: torch.Tensor
) -> torch.Tensor:
    """Return the log of each item's chance to be in a step, by its own events or by the draw."""
    missed = torch.log1p(-share.clamp(max=0.999)) * events
    missed = missed + negatives * torch.log1p(torch.tensor(-1.0 / len(texts)))
    return torch.log(-torch.expm1(missed))


@torch.no_grad()
def _watched_loss(
    tower: SequenceTower,
    watched: _Sequences,
    texts: torch.Tensor,
    rarity: torch.Tensor,
    share: torch.Tensor,
    settings: SequenceSettings,
) -> float:
    tower.eval()
    # The same draws each time: losses of epochs are compared with one another.
    rng = np.random.default_rng(0)
    total, number = 0.0, 0
    for rows in watched.batches(settings.events_per_batch, None):
        loss = _loss(
            tower,
            rows.to(texts.device),
            texts,
            rarity,
            share,
            settings.negatives,
            rng,
            last_only=True,
        )
        total += float(loss) * len(rows)
        number += len(rows)
    return total / max(number, 1)


def _copy(tower: SequenceTower) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in tower.state_dict().items()}

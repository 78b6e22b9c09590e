"""What byte dropout and packed attention are worth in the sequence tower, each measured alone.

Run:  python benchmarks/text_training/sequence_tower.py RUN [--steps 40]

On one thread and the log of a run: a training step with dropout by bytes and with PyTorch's, and
histories encoded packed and padded (PyTorch's own layers over padded histories), the two ways in
turn. Prints the median milliseconds of each, and of the ratios pair by pair.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from longtail.index.storage.store import open_index
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TRAIN
from longtail.retrieval.run.bundle import open_bundle
from longtail.retrieval.towers.sequence_tower import (
    SequenceTower,
    SequenceTowerShape,
    oldest_first,
)
from longtail.training.evidence import fit_sequence_tower as fitting
from longtail.training.evidence.sequence_settings import SequenceSettings


def in_turn(ways: dict[str, Callable[[int], object]], rounds: int) -> None:
    """Time the two ways round by round, after three to warm up, and print what they take."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(-3, rounds):
        order = list(ways) if turn % 2 else list(ways)[::-1]
        for name in order:
            began = time.perf_counter()
            ways[name](max(turn, 0))
            if turn >= 0:
                took[name].append(1e3 * (time.perf_counter() - began))
    ours, theirs = (np.array(spent) for spent in took.values())
    medians = ", ".join(f"{name} {np.median(spent):.2f} ms" for name, spent in took.items())
    print(f"  {medians}; pair by pair {np.median(theirs / ours):.2f}")  # noqa: T201


def untrained(texts: torch.Tensor, *, bytes_drawn: bool, dropout: float) -> SequenceTower:
    """Return a tower in training, its dropout drawn by bytes or by PyTorch."""
    torch.manual_seed(0)
    tower = SequenceTower(SequenceTowerShape(items=len(texts), text_dim=texts.shape[1]))
    if not bytes_drawn:
        for layer in tower.layers.layers:
            for name in ("dropout", "dropout1", "dropout2"):
                setattr(layer, name, nn.Dropout(dropout))
        tower.drop = nn.Dropout(dropout)
    return tower.train()


def training_steps(histories: Histories, texts: torch.Tensor, steps: int) -> None:
    """Take the same steps with either dropout."""
    settings = SequenceSettings()
    counts = np.bincount(histories.items, minlength=len(texts))
    rarity = torch.from_numpy(np.log1p(counts).astype(np.float32))
    share = torch.from_numpy((counts / counts.sum()).astype(np.float32))
    sequences = fitting._Sequences.of(histories, settings.max_history + 1)
    batches = sequences.batches(settings.events_per_batch, np.random.default_rng(0))

    def trainer(bytes_drawn: bool) -> Callable[[int], object]:
        tower = untrained(texts, bytes_drawn=bytes_drawn, dropout=settings.dropout)
        optimizer = torch.optim.AdamW(tower.parameters(), lr=1e-3, weight_decay=1e-4)
        rng = np.random.default_rng(1)

        def step(turn: int) -> None:
            rows = batches[turn % len(batches)]
            loss = fitting._loss(tower, rows, texts, rarity, share, settings.negatives, rng)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(tower.parameters(), 1.0)
            optimizer.step()

        return step

    print("a training step:")  # noqa: T201
    in_turn({"by bytes": trainer(True), "by PyTorch": trainer(False)}, steps)


def encoding(tower: SequenceTower, histories: Histories, texts: torch.Tensor, users: int) -> None:
    """Encode the same histories packed and padded."""
    items = tower.item_vectors(texts, torch.arange(len(texts))).detach()
    rng = np.random.default_rng(0)
    parts = [histories.take(rng.choice(len(histories), users, replace=False)) for _ in range(60)]

    def padded(turn: int) -> np.ndarray:
        rows, lengths = parts[turn].last(tower.shape.max_history)
        longest = int(lengths.max())
        in_order = torch.from_numpy(oldest_first(rows, lengths)[:, :longest].astype(np.int64))
        with torch.no_grad():
            states = tower(in_order, items)
        return states[torch.arange(len(rows)), torch.from_numpy(lengths).long() - 1].numpy()

    def packed(turn: int) -> np.ndarray:
        return tower.encode(parts[turn], items)

    assert np.abs(padded(0) - packed(0)).max() < 1e-4
    print(f"{users} histories encoded:")  # noqa: T201
    in_turn({"packed": packed, "padded": padded}, len(parts))


def main() -> None:
    """Measure both on one run."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("run", type=Path)
    arguments.add_argument("--steps", type=int, default=40)
    given = arguments.parse_args()
    torch.set_num_threads(1)
    log, index = open_bundle(given.run).log, open_index(given.run / "index")
    train = log if log.part is None else log.select(log.part == TRAIN)
    everybody = Histories.from_interactions(train)
    histories = everybody.take(np.flatnonzero(np.diff(everybody.offsets)))
    texts = torch.from_numpy(index.vectors(np.arange(index.n_items)).astype(np.float32))
    training_steps(histories, texts, given.steps)
    tower = untrained(texts, bytes_drawn=True, dropout=0.0).eval().requires_grad_(False)
    for users in (256, 1):
        encoding(tower, histories, texts, users)


if __name__ == "__main__":
    main()

"""How the item tower's training on co-takers goes: its rates, its steps, its length."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Steps whose texts are drawn together and sorted by length, so that little of a step is padding.
STEPS_SORTED_TOGETHER = 16


@dataclass(frozen=True)
class Course:
    """Rates and length.

    Attributes:
        epochs: passes over all texts that the rates are planned for.
        texts_per_step: distinct texts of a step.
        drawn_candidates: items drawn evenly for a step of a large catalog (`CandidateDraw`).
        bfloat16: whether texts are read in it.
        trainable_layers: last layers of the encoder that train.
        encoder_lr, linear_lr, scale_lr: peak learning rates of those layers, of the linear layer
            above them, and of the temperature.
        warmup_share: share of the steps over which the rates rise; then they fall as a cosine.
        weight_decay: AdamW's.
        seed: of the order of the texts, and of dropout.
    """

    epochs: int = 3
    texts_per_step: int = 96
    drawn_candidates: int = 20_000
    bfloat16: bool = False
    trainable_layers: int = 2
    encoder_lr: float = 2e-4
    linear_lr: float = 3e-4
    scale_lr: float = 1e-2
    warmup_share: float = 0.06
    weight_decay: float = 0.01
    seed: int = 0

    def rate(self, step: int, steps: int) -> float:
        """Return what a step's rates are of their peaks, between 0 and 1.

        >>> course = Course(warmup_share=0.1)
        >>> [round(course.rate(step, 100), 2) for step in (0, 9, 50, 99)]
        [0.1, 0.98, 0.5, 0.0]
        """
        rise = min(1.0, (step + 1) / max(1.0, self.warmup_share * steps))
        return rise * 0.5 * (1.0 + math.cos(math.pi * step / max(steps, 1)))

    def steps_per_epoch(self, n_texts: int) -> int:
        """Return how many steps read every text once."""
        return -(-n_texts // self.texts_per_step)

    def steps_of(
        self, epoch: int, texts: NDArray[np.int64], lengths: NDArray[np.int64]
    ) -> list[NDArray[np.int64]]:
        """Return the texts of each step of an epoch: every one once, those of like length together.

        ``texts`` are catalog rows, ``lengths`` the tokens of every row of the catalog.
        """
        rng = np.random.default_rng((self.seed, epoch))
        order = rng.permutation(texts)
        drawn = self.texts_per_step * STEPS_SORTED_TOGETHER
        steps: list[NDArray[np.int64]] = []
        for start in range(0, len(order), drawn):
            part = order[start : start + drawn]
            part = part[np.argsort(lengths[part], kind="stable")]
            cuts = range(self.texts_per_step, len(part), self.texts_per_step)
            steps.extend(np.split(part, list(cuts)))
        return [steps[i] for i in rng.permutation(len(steps))]

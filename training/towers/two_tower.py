"""Both towers under one contrastive loss: what the trainer optimises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from longtail.retrieval.data.popularity import Popularity
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.tokens import TokenTable
from longtail.retrieval.towers.user_tower import ItemSource, UserTower
from longtail.training.losses.logq import correct_logits
from longtail.training.losses.loss_settings import LossSettings
from longtail.training.losses.masking import mask_accidental_hits, mask_other_positives
from longtail.training.losses.sampled_softmax import sampled_softmax
from longtail.training.processes import ALONE, Processes
from longtail.training.stages.stage_settings import TextStageSettings
from longtail.training.towers.frozen_layers import thaw_last_layers
from longtail.training.towers.text_encoding import FreshTexts, TextEncoding
from longtail.training.trainer.step_clock import SILENT, StepClock


@dataclass(frozen=True)
class TextTraining:
    """What of the item tower trains, and how a step reads texts: see `TextStageSettings`.

    Attributes:
        trainable_layers: last layers of the text encoder that train, -1 for all of it.
        train_item_linear: whether the linear layer above it trains.
        fresh_texts, tokens_per_pass, gradient_cache: as in the settings.
    """

    trainable_layers: int = 0
    train_item_linear: bool = True
    fresh_texts: FreshTexts = "all"
    tokens_per_pass: int = 0
    gradient_cache: bool = False

    @classmethod
    def of(cls, stage: TextStageSettings) -> TextTraining:
        """Return what the settings of a text stage say."""
        return cls(
            trainable_layers=stage.trainable_layers,
            train_item_linear=stage.item_linear_lr > 0,
            fresh_texts=stage.fresh_texts,
            tokens_per_pass=stage.tokens_per_pass,
            gradient_cache=stage.gradient_cache,
        )


# Of the other stages: their steps start from vectors that are computed once.
FIXED_ITEMS = TextTraining(train_item_linear=False)


class TwoTower(nn.Module):
    """Item tower, user tower and a learned temperature.

    While no layer of the text encoder is trained, item texts are read once, before training,
    and a step starts from those pooled vectors (``pooled``). Otherwise each step reads the
    texts of its distinct items, once each: of all, or of its targets or candidates only, and the
    others come from ``pooled``, without a gradient through their text.

    Attributes:
        processes: those that train together; the loss is then this one's share of the joint one.
        clock: measures the parts of a step.
    """

    pooled: torch.Tensor
    log_draws: torch.Tensor
    log_p: torch.Tensor

    def __init__(
        self,
        item_tower: ItemTower,
        user_tower: UserTower,
        tokens: TokenTable,
        pooled: NDArray[np.float32],
        popularity: Popularity,
        draws: torch.Tensor,
        loss: LossSettings,
        text: TextTraining = FIXED_ITEMS,
    ) -> None:
        super().__init__()
        self.item_tower = item_tower
        self.user_tower = user_tower
        self.log_scale = nn.Parameter(torch.tensor(-float(np.log(loss.temperature or 0.1))))
        self.tokens = tokens
        self.loss_settings = loss
        self.fresh_texts = text.fresh_texts
        self.reading = TextEncoding(
            item_tower,
            tokens,
            tokens_per_pass=text.tokens_per_pass,
            gradient_cache=text.gradient_cache,
        )
        self.processes = ALONE
        self.clock: StepClock = SILENT
        self.register_buffer("pooled", torch.from_numpy(pooled), persistent=False)
        self.register_buffer("log_draws", torch.log(draws), persistent=False)
        self.register_buffer("log_p", torch.from_numpy(popularity.log_p), persistent=False)
        # A tuple isn't registered: these layers are the item tower's already.
        self.thawed = thaw_last_layers(item_tower, text.trainable_layers)
        self.reads_text = bool(self.thawed)
        item_tower.dense.requires_grad_(text.train_item_linear)
        # Nothing on the item's side moves: its vectors are computed once.
        self.fixed_vectors: torch.Tensor | None = None
        if not self.reads_text and not text.train_item_linear:
            self.fixed_vectors = torch.from_numpy(item_tower.project_all(pooled))

    @property
    def temperature(self) -> float:
        """The learned temperature of the cosine."""
        return float(torch.exp(-self._bounded_log_scale().detach()))

    def trains_with(self, processes: Processes, clock: StepClock) -> None:
        """Share the steps from now on with other processes, and measure their parts."""
        self.processes, self.clock = processes, clock
        self.reading.clock = clock

    def set_temperature(self, temperature: float) -> None:
        """Set where the learned temperature is."""
        with torch.no_grad():
            self.log_scale.fill_(-float(np.log(temperature)))

    def train(self, mode: bool = True) -> TwoTower:
        """Set the mode, but leave what is frozen of the text encoder without dropout.

        A frozen layer then says the same of a text in every step, and is free of noise that
        nothing above it could learn to bear.
        """
        super().train(mode)
        self.item_tower.text_encoder.eval()
        for module in self.thawed:
            module.train(mode)
        return self

    def forward(
        self,
        items: torch.Tensor,
        histories: torch.Tensor,
        candidates: torch.Tensor,
        target_column: torch.Tensor,
        taken: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """Return ``{"loss": ...}`` of a batch of `ContrastiveCollator`."""
        with self.clock.part("loss"):
            return {"loss": self._loss(items, histories, candidates, target_column, taken)}

    def _loss(
        self,
        items: torch.Tensor,
        histories: torch.Tensor,
        candidates: torch.Tensor,
        target_column: torch.Tensor,
        taken: torch.Tensor,
    ) -> torch.Tensor:
        with self.clock.part("items"):
            vectors = self.item_vectors(items, candidates, target_column)
        share = self.processes.share(len(histories))
        target_column, taken = target_column[share], taken[share]
        tokens = None
        if self.user_tower.reads_tokens:
            with self.clock.part("tokenise"):
                tokens = self.tokens.take(items.cpu().numpy())
        with self.clock.part("users"):
            source = ItemSource(vectors, items, tokens, self.reading.sequences)
            users = self.user_tower(histories[share], source)
        logits = users @ vectors[candidates].T * torch.exp(self._bounded_log_scale())
        rows = items[candidates]
        logits = correct_logits(
            logits, self.log_draws[rows], self.log_p[rows], self.loss_settings.logq_strength
        )
        logits = mask_accidental_hits(logits, rows, target_column)
        logits = mask_other_positives(logits, taken, target_column)
        if self.processes.count == 1:
            return sampled_softmax(logits, target_column)
        if not len(logits):
            # Fewer examples than processes: this one only encodes items for the others.
            return logits.sum()
        return sampled_softmax(logits, target_column) * self.processes.weight(len(histories))

    def _bounded_log_scale(self) -> torch.Tensor:
        # exp(4.6) = 100: beyond it the softmax is a maximum and gradients vanish.
        return self.log_scale.clamp(0.0, 4.6)

    def item_vectors(
        self, items: torch.Tensor, candidates: torch.Tensor, target_column: torch.Tensor
    ) -> torch.Tensor:
        """Return the vectors of a batch's distinct items, [u, dim]; arguments as of `forward`."""
        if self.fixed_vectors is not None:
            return self.fixed_vectors.to(items.device)[items]
        pooled = self.pooled[items]
        if self.reads_text:
            fresh = {
                "all": torch.arange(len(items), device=items.device),
                "candidates": candidates,
                "targets": candidates[torch.unique(target_column)],
            }[self.fresh_texts]
            pooled = pooled.index_copy(0, fresh, self._read(items[fresh]))
        return self.item_tower.project(pooled)

    def _read(self, items: torch.Tensor) -> torch.Tensor:
        """Return the items' pooled vectors from their texts, [u, dim]; each process reads some."""
        share = items[self.processes.share(len(items))]
        return self.processes.gathered(self.reading.items(share.cpu().numpy()), len(items))

    @torch.no_grad()
    def fit_temperature(self, batches: Sequence[dict[str, torch.Tensor]]) -> None:
        """Set the temperature to the best of a grid on these batches.

        A temperature that is far too low makes the loss larger than a guess would: the first
        steps would then flatten the vectors instead of moving them.
        """
        self.eval()
        device = self.log_scale.device
        here = [{name: part.to(device) for name, part in batch.items()} for batch in batches]
        losses = []
        for temperature in TEMPERATURES:
            self.set_temperature(temperature)
            losses.append(sum(float(self(**batch)["loss"]) for batch in here))
        self.set_temperature(TEMPERATURES[int(np.argmin(losses))])


TEMPERATURES = (0.03, 0.04, 0.05, 0.07, 0.1, 0.14, 0.2, 0.28, 0.4)

"""How a training step reads texts: in passes of like length, and of as little as has to be read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.checkpoint import checkpoint

from longtail.retrieval.progress import Progress, silent
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.token_batches import token_batches
from longtail.retrieval.towers.text.tokens import TokenTable, pad_tokens
from longtail.training.towers.eval_mode import eval_mode
from longtail.training.towers.frozen_states import FrozenStates, read_frozen_states, states_gb
from longtail.training.towers.split_encoder import SplitEncoder
from longtail.training.trainer.step_clock import SILENT, StepClock

logger = logging.getLogger("longtail.training")

FreshTexts = Literal["targets", "candidates", "all"]
# Measured on two cores with MiniLM (docs/speed.md); a GPU wants enough work for a pass.
CPU_TOKENS_PER_PASS = 1_024
GPU_TOKENS_PER_PASS = 16_384
# Texts that are read both ways before the encoder is trusted to run from its middle.
TRIED_TEXTS = 8


class TextEncoding:
    """Reads texts with gradients, in passes of like length.

    With ``gradient_cache`` a pass keeps nothing for its gradient but its tokens: when the loss
    has handed back the gradient of the pass's vectors, the pass is run once more, with the same
    dropout, and the gradient goes on from there. Memory holds one pass at a time, and the loss
    sees all texts at once (Gao et al., "Scaling Deep Contrastive Learning Batch Size under Memory
    Limited Setup", RepL4NLP 2021, section 3). Loss and gradients are those of the usual way; it
    costs one more forward pass.
    """

    def __init__(
        self,
        item_tower: ItemTower,
        tokens: TokenTable,
        *,
        tokens_per_pass: int = 0,
        gradient_cache: bool = False,
    ) -> None:
        self.item_tower = item_tower
        self.tokens = tokens
        self.gradient_cache = gradient_cache
        self.clock: StepClock = SILENT
        self._tokens_per_pass = tokens_per_pass
        self._split: tuple[SplitEncoder, FrozenStates] | None = None

    def start_from(self, split: SplitEncoder, states: FrozenStates) -> None:
        """Read items from the states of their frozen layers from now on."""
        self._split = (split, states)

    def start_above_frozen(
        self, trained: int, most_gb: float, folder: Path, *, progress: Progress = silent
    ) -> None:
        """Read items from the states below the last ``trained`` layers, kept in ``folder``.

        Nothing changes where all layers train, where the states take more than ``most_gb``, or
        where the encoder can't be run from its middle.

        Raises:
            DiskFullError: see `read_frozen_states`.
        """
        tokens = self.tokens
        fits = 0 < states_gb(tokens, self.item_tower.dim_pooled) <= most_gb
        if trained < 0 or not fits or tokens.lengths.min() == 0:
            return
        tried = tokens.take(np.arange(min(TRIED_TEXTS, len(tokens))))
        split = SplitEncoder.of(self.item_tower, trained, tried)
        if split is None:
            logger.info("the text encoder can't be run from its middle: every step runs all layers")
            return
        states = read_frozen_states(
            split, tokens, folder, tokens_per_pass=self.tokens_per_pass, progress=progress
        )
        self.start_from(split, states)

    @property
    def starts_from_states(self) -> bool:
        """Whether the frozen layers are left out."""
        return self._split is not None

    @property
    def tokens_per_pass(self) -> int:
        """Tokens in a pass, padding included."""
        if self._tokens_per_pass:
            return self._tokens_per_pass
        on_gpu = next(self.item_tower.parameters()).device.type == "cuda"
        return GPU_TOKENS_PER_PASS if on_gpu else CPU_TOKENS_PER_PASS

    def items(self, rows: NDArray[np.int64]) -> torch.Tensor:
        """Return the vectors of items before the linear layer, float32 [n, dim]."""

        def read(part: NDArray[np.int64]) -> torch.Tensor:
            with self.clock.part("tokenise"):
                given = list(self.tokens.padded(rows[part]))
                self.clock.count(items=len(part), tokens=int(given[1].sum()))
                if self._split is not None:
                    given.append(self._split[1].padded(rows[part]))
            pool = self.item_tower.pool if self._split is None else self._split[0].pool
            return self._run(pool, *given)

        return self._in_passes(self.tokens.lengths[rows], read)

    def sequences(self, reader: ItemTower, texts: Sequence[NDArray[np.int32]]) -> torch.Tensor:
        """Return the vectors of token sequences that a tower reads, float32 [n, dim].

        These run through all layers: a joined history has states of its own.
        """

        def read(part: NDArray[np.int64]) -> torch.Tensor:
            with self.clock.part("tokenise"):
                given = pad_tokens([texts[i] for i in part], self.tokens.pad_id)
                self.clock.count(items=len(part), tokens=int(given[1].sum()))
            return self._run(reader.pool, *given)

        return self._in_passes(np.array([len(text) for text in texts], np.int64), read)

    @torch.no_grad()
    def catalog(self, progress: Progress = silent) -> NDArray[np.float32]:
        """Return the vectors of all items before the linear layer, float32 [n, dim]."""
        vectors = np.empty((len(self.tokens), self.item_tower.dim_pooled), np.float32)
        rows = np.argsort(-self.tokens.lengths, kind="stable")
        with eval_mode(self.item_tower):
            for start in range(0, len(rows), 2_048):
                part = rows[start : start + 2_048]
                vectors[part] = self.items(part).cpu().numpy()
                progress("reading item texts", start + len(part), len(rows))
        return vectors

    def _in_passes(
        self, lengths: NDArray[np.int64], read: Callable[[NDArray[np.int64]], torch.Tensor]
    ) -> torch.Tensor:
        parts = token_batches(lengths, self.tokens_per_pass)
        if not parts:
            # Of several processes one may have no text to read in a small step.
            device = next(self.item_tower.parameters()).device
            return torch.zeros((0, self.item_tower.dim_pooled), device=device)
        vectors = torch.cat([read(part) for part in parts])
        place = np.argsort(np.concatenate(parts))
        return vectors[torch.from_numpy(place).to(vectors.device)]

    def _run(self, pool: Callable[..., torch.Tensor], *given: torch.Tensor) -> torch.Tensor:
        device = next(self.item_tower.parameters()).device
        if self.gradient_cache and torch.is_grad_enabled():
            pool = partial(checkpoint, pool, use_reentrant=False)
        # On their device before `checkpoint` sees them: it replays that device's dropout.
        return pool(*(tensor.to(device) for tensor in given))

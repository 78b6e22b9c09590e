"""What the text stage sets up before its first step: adapters, and the frozen layers' states."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from longtail.retrieval.progress import Progress, silent
from longtail.retrieval.towers.text.tokens import TokenTable
from longtail.training.stages.stage_settings import TextStageSettings
from longtail.training.towers.frozen_states import read_frozen_states, states_gb
from longtail.training.towers.lora import Lora
from longtail.training.towers.split_encoder import SplitEncoder
from longtail.training.towers.two_tower import TwoTower
from longtail.training.trainer.trainer import planned_steps

logger = logging.getLogger("longtail.training")

# Texts that are read both ways before the encoder is trusted to run from its middle.
TRIED_TEXTS = 8


def add_lora(model: TwoTower, stage: TextStageSettings, *, seed: int) -> Lora | None:
    """Put adapters on the layers that train, if the settings ask for it and any do.

    Raises:
        LoraNotInstalledError: `peft` is absent.
    """
    if not stage.lora_rank or not model.reads_text:
        return None
    return Lora(model.item_tower.text_encoder, model.thawed, stage.lora_rank, seed=seed)


def start_from_frozen_states(
    model: TwoTower,
    stage: TextStageSettings,
    n_examples: int,
    folder: Path,
    *,
    processes: int = 1,
    progress: Progress = silent,
) -> None:
    """Let the model's steps start above the frozen layers where that pays and can be done.

    It pays when the stage reads more texts than the reading of all and the exact reading after
    the stage cost: a few steps over a large catalog are better off without.
    """
    tokens, tower = model.tokens, model.item_tower
    steps, between = planned_steps(stage, n_examples, processes)
    # Of histories one item an example is counted: most of the others occur twice in a batch.
    sides = 2 if stage.fresh_texts == "all" else 1
    a_batch = sides * stage.batch_size + stage.uniform_negatives
    read = steps * stage.gradient_accumulation * a_batch + steps // between * len(tokens)
    if not model.reads_text or stage.trainable_layers < 0 or read < 2 * len(tokens):
        return
    if not 0 < states_gb(tokens, tower.dim_pooled) <= stage.frozen_states_gb:
        return
    if tokens.lengths.min() == 0:
        return
    split = SplitEncoder.of(tower, stage.trainable_layers, _first_texts(tokens))
    if split is None:
        logger.info("the text encoder can't be run from its middle: every step runs all layers")
        return
    states = read_frozen_states(
        split, tokens, folder, tokens_per_pass=model.reading.tokens_per_pass, progress=progress
    )
    model.reading.start_from(split, states)


def _first_texts(tokens: TokenTable) -> TokenTable:
    return tokens.take(np.arange(min(TRIED_TEXTS, len(tokens))))

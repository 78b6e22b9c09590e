"""What the text stage sets up before its first step: adapters, and the frozen layers' states."""

from __future__ import annotations

from pathlib import Path

from longtail.retrieval.progress import Progress, silent
from longtail.training.stages.stage_settings import TextStageSettings
from longtail.training.towers.lora import Lora
from longtail.training.towers.two_tower import TwoTower
from longtail.training.trainer.trainer import planned_steps


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
    tokens = model.tokens
    steps, between = planned_steps(stage, n_examples, processes)
    # Of histories one item an example is counted: most of the others occur twice in a batch.
    sides = 2 if stage.fresh_texts == "all" else 1
    a_batch = sides * stage.batch_size + stage.uniform_negatives
    read = steps * stage.gradient_accumulation * a_batch + steps // between * len(tokens)
    if model.reads_text and read >= 2 * len(tokens):
        model.reading.start_above_frozen(
            stage.trainable_layers, stage.frozen_states_gb, folder, progress=progress
        )

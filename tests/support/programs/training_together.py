"""One of several processes that train a few steps together; run as a process of its own.

The environment says which one it is, as `torchrun` would. The first process writes what came
out: for each case the joint loss before the first step, and all parameters after the last. Each
writes what `Processes.gathered` made of its rows, and of their gradient.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import save_file
from toy_shop import settings_for, shop_catalog, shop_split

from longtail.retrieval.progress import silent
from longtail.training.losses.loss_settings import LossSettings
from longtail.training.prepare import prepare_training
from longtail.training.processes import Processes, ProcessLostError, joined_processes
from longtail.training.profile import UNMEASURED
from longtail.training.settings import TrainingSettings
from longtail.training.stages.stages import Stage
from longtail.training.trainer.trainer import StageContext, run_stage

JOINT_BATCH, STEPS = 30, 3
LOST = 3
# Stage, user tower, and whether texts of past items are read anew.
CASES: dict[str, tuple[Stage, str, dict[str, Any]]] = {
    "history": ("history", "vectors", {}),
    "encoder": ("encoder", "vectors", {}),
    "text": ("text", "vectors", {}),
    "text of candidates": ("text", "vectors", {"fresh_texts": "candidates"}),
    "text of targets": ("text", "vectors", {"fresh_texts": "targets", "gradient_cache": True}),
    "text tower": ("text", "text", {"gradient_cache": True}),
}


def settings_of(bert: Path, processes: int) -> TrainingSettings:
    """Return settings without dropout whose joint batch is always the same."""
    stage = {
        "epochs": 2,
        "max_steps": STEPS,
        "batch_size": JOINT_BATCH // processes,
        "uniform_negatives": 20,
    }
    text = {"trainable_layers": 1, "text_encoder_lr": 1e-3, "item_linear_lr": 1e-3}
    settings = settings_for(
        bert,
        history=stage,
        encoder=stage,
        text={**stage, **text},
        loss=LossSettings(temperature=0.2, logq_strength=0.5),
    )
    return settings.changed(user_tower=settings.user_tower.changed(dropout=0.0))


def train(bert: Path, out: Path, case: str, processes: Processes) -> dict[str, torch.Tensor]:
    """Return the joint loss of the first examples, and the parameters after a few steps."""
    name, kind, changes = CASES[case]
    settings = settings_of(bert, processes.count)
    settings = settings.changed(user_tower=settings.user_tower.changed(kind=kind))
    catalog = shop_catalog()
    stages = prepare_training(
        catalog,
        shop_split(catalog),
        settings,
        out,
        resume=False,
        vector_cache=None,
        progress=silent,
        profile=UNMEASURED,
        processes=processes,
    )
    _without_dropout(stages.item_tower)
    _without_dropout(stages.user_tower)
    stage = getattr(settings, name).changed(**changes)
    model = stages._model(name, stage)
    collator = stages._collator(stage)
    model.processes = processes
    # Not all shares alike: 29 examples.
    loss = model(**collator(list(range(29))))["loss"].detach()
    if processes.count > 1:
        dist.all_reduce(loss)
    growing: Iterator[float] = (float(n) for n in range(1, 1000))
    run_stage(
        name,
        model,
        collator,
        stage,
        StageContext(out, processes=processes),
        # Whatever was learned is kept.
        balance=lambda: {"balance": next(growing)},
        refresh=lambda: None,
    )
    learned = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}
    return {"loss": loss / processes.count, **learned}


def gather(processes: Processes) -> dict[str, torch.Tensor]:
    """Return gathered rows, and the gradient of this process's share of them.

    The losses of the processes weigh the rows 1, 2, ... times as much, so a gradient from one of
    them alone, or for other rows, is another one.
    """
    whole = torch.arange(10.0).reshape(5, 2)
    own = whole[processes.share(len(whole))].clone().requires_grad_()
    rows = processes.gathered(own, len(whole))
    (rows * whole * (1 + processes.rank)).sum().backward()
    assert own.grad is not None
    return {"rows": rows.detach(), "gradient": own.grad}


def _without_dropout(module: torch.nn.Module) -> None:
    for part in module.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
        if hasattr(part, "dropout_prob"):
            part.dropout_prob = 0.0


def main(bert: Path, folder: Path) -> None:
    """Train every case; without a folder to write to, leave while the others wait."""
    rank = os.environ.get("RANK", "0")
    try:
        with joined_processes() as processes:
            save_file(gather(processes), folder / f"gathered-{rank}.safetensors")
            for number, case in enumerate(CASES):
                found = train(bert, folder / f"run-{rank}" / str(number), case, processes)
                if processes.first:
                    save_file(found, folder / f"{case}.safetensors")
            # The last process is gone before its time.
            if not processes.first:
                os._exit(LOST)
            processes.tell("are you there?")
            processes.tell("are you still there?")
    except ProcessLostError as error:
        (folder / "lost.txt").write_text(str(error))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""The library's trainer with our model selection: ranking on validation, overall and tail."""

from __future__ import annotations

import copy
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import EarlyStoppingCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from transformers.trainer_utils import get_last_checkpoint

from retrieval.progress import Progress
from training.batches import ContrastiveCollator
from training.bfloat16 import uses_bfloat16
from training.table_refresh import TableRefresh
from training.text_reading import FreshTexts
from training.two_tower import TwoTower

logger = logging.getLogger("longtail.training")


@dataclass(frozen=True)
class StageSettings:
    """One pass of training; `transformers.TrainingArguments` explains the rest.

    Attributes:
        epochs: passes over the examples; 0 leaves the stage out.
        max_steps: stop after so many steps, -1 for no limit.
        batch_size: examples a step and device.
        uniform_negatives: evenly drawn candidates beside the batch's targets; as many as the
            catalog holds make it a full softmax.
        offsets_lr, user_tower_lr, item_linear_lr, text_encoder_lr: peak learning rates of the
            history offsets (and the temperature), the rest of the user tower, the item tower's
            linear layer (0 leaves it as it is) and its text encoder.
        warmup_share: share of the steps over which the rates rise.
        evaluations_per_epoch: how often validation is measured.
        patience: evaluations without a gain before the stage ends.
        least_gain: relative gain of the validation balance below which the stage is undone: the
            best of several evaluations is always a little too good.
        trainable_layers: last layers of the text encoder that train, -1 for all of it.
        fresh_texts: which texts a step reads anew: those of its ``targets``, of its ``candidates``
            (uniform negatives too), or ``all`` (histories too). The others come from the table of
            the last reading of the catalog, without a gradient.
        refresh_steps: steps after which that table is read again; 0: at evaluations only.
        tokens_per_pass: texts of like length are read together, so many tokens at once, padding
            included; 0: 1,024 on a CPU, 16,384 on a GPU.
        gradient_cache: keep no pass over texts for its gradient, but run each once more. Memory
            then holds one pass instead of the whole batch, for a third more time.
        frozen_states_gb: the frozen layers below ``trainable_layers`` are run once for each text
            of the catalog and kept in a file of at most so many gigabytes; larger catalogs run
            them in every step.
        lora_rank: train low-rank changes of the last layers' matrices (LoRA) instead of all their
            numbers, and add them up at the end; 0: all numbers. Needs `longtail[lora]`.
        bf16: multiply in bfloat16, ``auto``: where the hardware does.
        report_to: e.g. ``tensorboard``, ``wandb``.
    """

    epochs: float = 2.0
    max_steps: int = -1
    batch_size: int = 256
    uniform_negatives: int = 20_000
    offsets_lr: float = 2e-4
    user_tower_lr: float = 1e-4
    item_linear_lr: float = 1e-4
    text_encoder_lr: float = 2e-5
    weight_decay: float = 0.01
    warmup_share: float = 0.1
    evaluations_per_epoch: float = 1.0
    patience: int = 2
    least_gain: float = 0.005
    trainable_layers: int = 0
    fresh_texts: FreshTexts = "all"
    refresh_steps: int = 0
    tokens_per_pass: int = 0
    gradient_cache: bool = False
    frozen_states_gb: float = 4.0
    lora_rank: int = 0
    gradient_accumulation: int = 1
    bf16: bool | Literal["auto"] = False
    report_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class StageResult:
    """Validation measures of one stage, the untrained one first, and whether it was kept."""

    evaluations: list[dict[str, float]]
    kept: bool

    @property
    def after(self) -> dict[str, float]:
        """The measures of the model as the stage left it."""
        if not self.kept:
            return self.evaluations[0]
        return max(self.evaluations, key=lambda measures: measures["balance"])


def planned_steps(stage: StageSettings, n_examples: int) -> tuple[int, int]:
    """Return how many steps a stage takes at most, and after how many it is evaluated."""
    steps_per_epoch = max(1, n_examples // (stage.batch_size * stage.gradient_accumulation))
    total = stage.max_steps if stage.max_steps > 0 else round(stage.epochs * steps_per_epoch)
    return total, max(1, min(total, round(steps_per_epoch / stage.evaluations_per_epoch)))


class TwoTowerTrainer(Trainer):  # type: ignore[misc]
    """`transformers.Trainer` that is steered by ranking quality instead of a loss."""

    def __init__(self, *args: Any, balance: Callable[[], dict[str, float]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.balance = balance

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Return the validation measures, and tell callbacks and logs."""
        metrics = {f"eval_{name}": value for name, value in self.balance().items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Return AdamW with a learning rate for each part of the model."""
        if self.optimizer is None:
            self.optimizer = torch.optim.AdamW(self.parameter_groups())
        optimizer: torch.optim.Optimizer = self.optimizer
        return optimizer

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return trainable parameters by part; vectors and scalars are not decayed."""
        stage: StageSettings = self.stage
        rates = {
            "item_tower.sentence_transformer.0": stage.text_encoder_lr,
            "item_tower": stage.item_linear_lr,
            "user_tower.own_reader.sentence_transformer.0": stage.text_encoder_lr,
            "user_tower.offsets": stage.offsets_lr,
            "user_tower.log_recency": 10 * stage.offsets_lr,
            "user_tower": stage.user_tower_lr,
            # One number that everything else waits for: it may move ten times as fast.
            "log_scale": 10 * stage.offsets_lr,
        }
        groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad:
                rate = next(rate for prefix, rate in rates.items() if name.startswith(prefix))
                decay = stage.weight_decay if parameter.ndim > 1 else 0.0
                groups.setdefault((rate, decay), []).append(parameter)
        return [
            {"params": parameters, "lr": rate, "weight_decay": decay}
            for (rate, decay), parameters in groups.items()
        ]

    stage: StageSettings
    control: Any
    optimizer: Any


def run_stage(
    name: str,
    model: TwoTower,
    collator: ContrastiveCollator,
    stage: StageSettings,
    *,
    balance: Callable[[], dict[str, float]],
    refresh: Callable[[], None],
    work: Path,
    resume: bool,
    seed: int,
    progress: Progress,
) -> StageResult:
    """Train the model in place and return what validation said of it.

    The model ends as the best of all evaluations, or as it was when none of them gained enough:
    a stage never makes validation worse. Checkpoints in ``work`` let ``resume`` go on.
    """
    total, every = planned_steps(stage, len(collator.examples))
    checkpoints = work / "checkpoints" / name
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=stage.epochs,
        max_steps=stage.max_steps,
        per_device_train_batch_size=stage.batch_size,
        gradient_accumulation_steps=stage.gradient_accumulation,
        warmup_steps=round(stage.warmup_share * total),
        lr_scheduler_type="cosine",
        max_grad_norm=1.0,
        bf16=uses_bfloat16(stage.bf16),
        eval_strategy="steps",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=1,
        load_best_model_at_end=True,
        metric_for_best_model="eval_balance",
        greater_is_better=True,
        logging_steps=max(1, every // 4),
        dataloader_drop_last=len(collator.examples) > stage.batch_size,
        dataloader_pin_memory=torch.cuda.is_available(),
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to=list(stage.report_to) or "none",
        seed=seed,
        use_cpu=not torch.cuda.is_available(),
    )
    before = balance()
    start = copy.deepcopy(_trainable_state(model))
    trainer = TwoTowerTrainer(
        model=model,
        args=arguments,
        train_dataset=collator.examples,
        eval_dataset=collator.examples,
        data_collator=collator,
        balance=balance,
        callbacks=[
            EarlyStoppingCallback(early_stopping_patience=stage.patience),
            TableRefresh(refresh, stage.refresh_steps),
            _Report(name, progress),
        ],
    )
    trainer.stage = stage
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=_last_whole_checkpoint(checkpoints) if resume else None)
    history = [before] + [
        {k.removeprefix("eval_"): v for k, v in entry.items() if k.startswith("eval_")}
        for entry in trainer.state.log_history
        if "eval_balance" in entry
    ]
    best = max(range(len(history)), key=lambda i: history[i]["balance"])
    kept = history[best]["balance"] >= (1.0 + stage.least_gain) * before["balance"]
    if not kept:
        logger.warning("stage %s brought no gain on validation and is undone", name)
        model.load_state_dict(start, strict=False)
    return StageResult(history, kept)


def _last_whole_checkpoint(folder: Path) -> str | None:
    """Return the newest checkpoint that was written to its end, and remove those that weren't."""
    if not folder.is_dir():
        return None
    for checkpoint in folder.glob("checkpoint-*"):
        # The trainer writes its state last.
        if not (checkpoint / "trainer_state.json").is_file():
            shutil.rmtree(checkpoint)
    found: str | None = get_last_checkpoint(str(folder))
    return found


def _trainable_state(model: TwoTower) -> dict[str, torch.Tensor]:
    return {n: p.detach() for n, p in model.named_parameters() if p.requires_grad}


class _Report(TrainerCallback):  # type: ignore[misc]
    """Hands the trainer's steps to our progress bar and its measures to the log."""

    def __init__(self, name: str, progress: Progress) -> None:
        self.name, self.progress = name, progress

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.progress(f"training {self.name}", state.global_step, state.max_steps)

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any
    ) -> None:
        shown = {k: round(v, 4) for k, v in (logs or {}).items() if isinstance(v, float)}
        logger.info("%s step %d: %s", self.name, state.global_step, shown)

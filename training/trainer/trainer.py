"""The library's trainer with our model selection: ranking on validation, overall and tail."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate.data_loader import prepare_data_loader
from torch.utils.data import DataLoader, RandomSampler
from transformers import EarlyStoppingCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from longtail.retrieval.progress import Progress, silent
from longtail.training.processes import ALONE, Processes
from longtail.training.stages.finished_stages import StageResult
from longtail.training.stages.stage_settings import StageSettings, TextStageSettings
from longtail.training.towers.bfloat16 import uses_bfloat16
from longtail.training.towers.table_refresh import TableRefresh
from longtail.training.towers.two_tower import TwoTower
from longtail.training.tracking.tracker import UNTRACKED, Tracker
from longtail.training.trainer.batches import ContrastiveCollator
from longtail.training.trainer.checkpoints import last_whole_checkpoint
from longtail.training.trainer.step_clock import SILENT, StepClock

logger = logging.getLogger("longtail.training")


def planned_steps(stage: StageSettings, n_examples: int, processes: int = 1) -> tuple[int, int]:
    """Return how many steps a stage takes at most, and after how many it is evaluated."""
    a_step = stage.batch_size * processes * stage.gradient_accumulation
    steps_per_epoch = max(1, n_examples // a_step)
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

    def get_train_dataloader(self) -> Any:
        """Return the batches; several processes all get the same joint ones."""
        if self.processes.count == 1:
            return super().get_train_dataloader()
        loader = DataLoader(
            self.train_dataset,
            batch_size=self._train_batch_size * self.processes.count,
            sampler=RandomSampler(self.train_dataset),
            collate_fn=self.data_collator,
            drop_last=self.args.dataloader_drop_last,
            pin_memory=self.args.dataloader_pin_memory,
        )
        return prepare_data_loader(
            loader,
            self.args.device,
            num_processes=1,
            process_index=0,
            put_on_device=True,
            use_seedable_sampler=True,
            data_seed=self.args.seed,
        )

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> Any:
        """Return the next step's batches: here a step begins."""
        self.clock.begin()
        with self.clock.part("wait"):
            return super().get_batch_samples(*args, **kwargs)

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Return the loss of one batch after going forward and backward."""
        with self.clock.part("backward"):
            loss: torch.Tensor = super().training_step(*args, **kwargs)
        return loss

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Return AdamW with a learning rate for each part of the model."""
        if self.optimizer is None:
            self.optimizer = torch.optim.AdamW(self.parameter_groups())
        optimizer: torch.optim.Optimizer = self.optimizer
        return optimizer

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return trainable parameters by part; vectors and scalars are not decayed."""
        stage: StageSettings = self.stage
        rates = stage.learning_rates()
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
    processes: Processes = ALONE
    clock: StepClock = SILENT
    control: Any
    optimizer: Any


@dataclass(frozen=True)
class StageContext:
    """What a stage shares with the others of its training.

    Attributes:
        work: the working folder; checkpoints in it let ``resume`` go on.
        seed: of the order of batches and of dropout.
    """

    work: Path
    resume: bool = False
    seed: int = 0
    progress: Progress = silent
    processes: Processes = ALONE
    clock: StepClock = SILENT
    tracker: Tracker = UNTRACKED


def run_stage(
    name: str,
    model: TwoTower,
    collator: ContrastiveCollator,
    stage: StageSettings,
    context: StageContext,
    *,
    balance: Callable[[], dict[str, float]],
    refresh: Callable[[], None],
) -> StageResult:
    """Train the model in place and return what validation said of it.

    The model ends as the best of all evaluations, or as it was when none of them gained enough:
    a stage never makes validation worse. ``balance`` measures it; ``refresh`` brings the table of
    vectors to the model's weights, see `TableRefresh`. All processes call this together.
    """
    processes, clock = context.processes, context.clock
    joint_batch = stage.batch_size * processes.count
    total, every = planned_steps(stage, len(collator.examples), processes.count)
    checkpoints = (context.work / "checkpoints" / name).resolve()
    refresh_steps = stage.refresh_steps if isinstance(stage, TextStageSettings) else 0
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
        dataloader_drop_last=len(collator.examples) > joint_batch,
        dataloader_pin_memory=torch.cuda.is_available(),
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to=list(stage.report_to) or "none",
        seed=context.seed,
        use_cpu=not torch.cuda.is_available(),
        ddp_backend="gloo" if processes.count > 1 and not torch.cuda.is_available() else None,
        # Nothing in the buffers moves while a step runs, and the catalog's vectors are large.
        ddp_broadcast_buffers=False,
        # A BERT stack has parts that nobody reads: a pooler, word embeddings of a vectors tower.
        ddp_find_unused_parameters=name != "history",
        restore_callback_states_from_checkpoint=True,
    )
    # A process has one GPU. Without this a single process that sees several would let
    # `DataParallel` cut the batch, whose parts aren't aligned.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    processes.send_(model.state_dict().values())
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
            TableRefresh(refresh, refresh_steps),
            _Report(name, context.progress, context.tracker),
            _Steps(clock),
        ],
    )
    trainer.stage, trainer.processes, trainer.clock = stage, processes, clock
    model.trains_with(processes, clock)
    trainer.remove_callback(PrinterCallback)
    if processes.count > 1:
        # Each process drops out other places of its share.
        torch.manual_seed(context.seed + processes.rank)
    interrupted = last_whole_checkpoint(checkpoints, processes) if context.resume else None
    if interrupted is not None and interrupted.complete:
        interrupted.load_best(model)
        log = interrupted.log
    else:
        with warnings.catch_warnings():
            # accelerate knows no other name for it yet.
            warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
            trainer.train(resume_from_checkpoint=str(interrupted.folder) if interrupted else None)
        log = trainer.state.log_history
    history = [before] + [
        {k.removeprefix("eval_"): v for k, v in entry.items() if k.startswith("eval_")}
        for entry in log
        if "eval_balance" in entry
    ]
    best = max(range(len(history)), key=lambda i: history[i]["balance"])
    gained = history[best]["balance"] >= (1.0 + stage.least_gain) * before["balance"]
    # The trainer left the best of its own evaluations, which isn't the state before the stage.
    kept = best > 0 and gained
    if not kept:
        logger.warning("stage %s brought no gain on validation and is undone", name)
        model.load_state_dict(start, strict=False)
    return StageResult(history, kept)


def _trainable_state(model: TwoTower) -> dict[str, torch.Tensor]:
    return {n: p.detach() for n, p in model.named_parameters() if p.requires_grad}


class _Report(TrainerCallback):  # type: ignore[misc]
    """Hands the trainer's steps to our progress bar, its measures to the log and the tracker."""

    def __init__(self, name: str, progress: Progress, tracker: Tracker) -> None:
        self.name, self.progress, self.tracker = name, progress, tracker

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.progress(f"training {self.name}", state.global_step, state.max_steps)

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any
    ) -> None:
        shown = {k: round(v, 4) for k, v in (logs or {}).items() if isinstance(v, float)}
        logger.info("%s step %d: %s", self.name, state.global_step, shown)
        told = {k: float(v) for k, v in (logs or {}).items() if isinstance(v, int | float)}
        self.tracker.metrics({f"{self.name}/{k}": v for k, v in told.items()}, state.global_step)


class _Steps(TrainerCallback):  # type: ignore[misc]
    """Ends the clock's steps."""

    def __init__(self, clock: StepClock) -> None:
        self.clock = clock

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.clock.end()

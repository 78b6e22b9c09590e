"""What each stage of training can be told: a stage has only the settings that it reads."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from longtail.retrieval.settings import Settings
from longtail.training.towers.text_encoding import FreshTexts

Epochs = Annotated[
    float, Field(ge=0, description="passes over the examples; 0 leaves the stage out")
]
MaxSteps = Annotated[int, Field(ge=-1, description="stop after so many steps, -1 for no limit")]
UniformNegatives = Annotated[
    int,
    Field(
        ge=0,
        description="evenly drawn candidates beside the batch's targets; as many as the catalog "
        "holds make it a full softmax",
    ),
]
UserTowerRate = Annotated[
    float, Field(ge=0, description="peak learning rate of the user tower's BERT stack")
]


class StageSettings(Settings):
    """What all stages read; `transformers.TrainingArguments` explains the rest."""

    epochs: Epochs = 2.0
    max_steps: MaxSteps = -1
    batch_size: Annotated[
        int, Field(ge=1, description="examples a step and process (`torchrun` starts one a GPU)")
    ] = 256
    uniform_negatives: UniformNegatives = 20_000
    offsets_lr: Annotated[
        float,
        Field(
            ge=0,
            description="peak learning rate of the history offsets; recency weights and "
            "temperature take ten times as much",
        ),
    ] = 2e-4
    weight_decay: Annotated[
        float, Field(ge=0, description="AdamW's weight decay, of matrices alone")
    ] = 0.01
    warmup_share: Annotated[
        float, Field(ge=0, le=1, description="share of the steps over which the rates rise")
    ] = 0.1
    evaluations_per_epoch: Annotated[
        float, Field(ge=0.01, description="how often validation is measured")
    ] = 1.0
    patience: Annotated[
        int, Field(ge=1, description="evaluations without a gain before the stage ends")
    ] = 2
    least_gain: Annotated[
        float,
        Field(
            ge=0,
            description="relative gain of the validation balance below which the stage is undone: "
            "the best of several evaluations is always a little too good",
        ),
    ] = 0.005
    gradient_accumulation: Annotated[
        int, Field(ge=1, description="batches whose gradients make one step")
    ] = 1
    bf16: Annotated[
        bool | Literal["auto"],
        Field(description="multiply in bfloat16; auto: where the hardware does"),
    ] = False
    report_to: Annotated[
        tuple[str, ...], Field(description="trackers, e.g. `tensorboard` or `wandb`")
    ] = ()

    def learning_rates(self) -> dict[str, float]:
        """Return the peak rate of each part that the stage trains, by the start of its names.

        The longest start that fits a parameter's name comes first.
        """
        return {
            "user_tower.offsets": self.offsets_lr,
            "user_tower.log_recency": 10 * self.offsets_lr,
            # One number that everything else waits for: it may move ten times as fast.
            "log_scale": 10 * self.offsets_lr,
        }


class HistoryStageSettings(StageSettings):
    """Stage 1: recency weights and history offsets."""

    uniform_negatives: UniformNegatives = 4_096


class EncoderStageSettings(StageSettings):
    """Stage 2: the user tower's BERT stack."""

    epochs: Epochs = 0.0
    max_steps: MaxSteps = 100
    uniform_negatives: UniformNegatives = 1_024
    offsets_lr: Annotated[
        float, Field(ge=0, description="a tenth of the temperature's peak learning rate")
    ] = 2e-4
    user_tower_lr: UserTowerRate = 1e-4

    def learning_rates(self) -> dict[str, float]:
        return {**super().learning_rates(), "user_tower": self.user_tower_lr}


class TextStageSettings(StageSettings):
    """Stage 3: the item tower's text encoder, and the user tower with it."""

    epochs: Epochs = 0.0
    user_tower_lr: UserTowerRate = 1e-4
    item_linear_lr: Annotated[
        float,
        Field(
            ge=0,
            description="peak learning rate of the item tower's linear layer; 0 leaves it as it is",
        ),
    ] = 1e-4
    text_encoder_lr: Annotated[
        float, Field(ge=0, description="peak learning rate of the text encoder")
    ] = 2e-5
    trainable_layers: Annotated[
        int, Field(ge=-1, description="last layers of the text encoder that train, -1 for all")
    ] = 0
    fresh_texts: Annotated[
        FreshTexts,
        Field(
            description="which texts a step reads anew: those of its targets, of its candidates "
            "(uniform negatives too), or all (histories too); the others come from the table of "
            "the last reading of the catalog, without a gradient"
        ),
    ] = "all"
    refresh_steps: Annotated[
        int,
        Field(
            ge=0,
            description="steps after which that table is read again; 0: at evaluations only",
        ),
    ] = 0
    tokens_per_pass: Annotated[
        int,
        Field(
            ge=0,
            description="texts of like length are read together, so many tokens at once, padding "
            "included; 0: 1,024 on a CPU, 16,384 on a GPU",
        ),
    ] = 0
    gradient_cache: Annotated[
        bool,
        Field(
            description="keep no pass over texts for its gradient, but run each once more: memory "
            "then holds one pass instead of the whole batch, for a third more time"
        ),
    ] = False
    frozen_states_gb: Annotated[
        float,
        Field(
            ge=0,
            description="the frozen layers below `trainable_layers` are run once for each text of "
            "the catalog and kept in a file of at most so many gigabytes; larger catalogs run "
            "them in every step",
        ),
    ] = 4.0
    lora_rank: Annotated[
        int,
        Field(
            ge=0,
            description="train low-rank changes of the last layers' matrices (LoRA) instead of "
            "all their numbers, and add them up at the end; 0: all numbers. Needs "
            "`longtail[lora]`",
        ),
    ] = 0

    def learning_rates(self) -> dict[str, float]:
        return {
            "item_tower.sentence_transformer.0": self.text_encoder_lr,
            "item_tower": self.item_linear_lr,
            "user_tower.own_reader.sentence_transformer.0": self.text_encoder_lr,
            **super().learning_rates(),
            "user_tower": self.user_tower_lr,
        }

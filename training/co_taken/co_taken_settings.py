"""What the item tower's training on co-takers can be told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from longtail.retrieval.settings import Settings


class CoTakenSettings(Settings):
    """Before all stages: the item tower learns whom each item is taken with (docs/fine-tuning.md).

    The tuned tower lies beside the pretrained one; undone where validation doesn't gain.
    """

    epochs: Annotated[
        int, Field(ge=0, description="passes over the texts at most; 0 leaves the stage out")
    ] = 3
    batch_size: Annotated[
        int, Field(ge=1, description="texts a step, each against the whole catalog")
    ] = 96
    uniform_negatives: Annotated[
        int,
        Field(
            ge=1,
            description="of a catalog above 200,000 items a step has so many evenly drawn ones",
        ),
    ] = 20_000
    trainable_layers: Annotated[
        int, Field(ge=-1, description="last layers of the text encoder that train, -1 for all")
    ] = 2
    encoder_lr: Annotated[float, Field(ge=0, description="peak learning rate of these layers")] = (
        2e-4
    )
    linear_lr: Annotated[
        float, Field(ge=0, description="peak learning rate of the item tower's linear layer")
    ] = 3e-4
    warmup_share: Annotated[
        float, Field(ge=0, le=1, description="share of the steps over which the rates rise")
    ] = 0.06
    weight_decay: Annotated[float, Field(ge=0, description="AdamW's weight decay")] = 0.01
    patience: Annotated[
        int, Field(ge=1, description="epochs without a gain before the stage ends")
    ] = 1
    least_gain: Annotated[
        float,
        Field(
            ge=0,
            description="relative gain of the validation balance below which the stage is undone",
        ),
    ] = 0.005
    bf16: Annotated[
        bool | Literal["auto"],
        Field(description="multiply in bfloat16; auto: where the hardware does"),
    ] = "auto"
    tokens_per_pass: Annotated[
        int,
        Field(
            ge=0,
            description="texts are read together, so many tokens at once, padding included; "
            "0: 1,024 on a CPU, 16,384 on a GPU",
        ),
    ] = 0
    gradient_cache: Annotated[
        bool,
        Field(
            description="keep no pass over texts for its gradient, but run each once more: less "
            "memory, for a third more time"
        ),
    ] = False
    frozen_states_gb: Annotated[
        float,
        Field(
            ge=0,
            description="the layers below are run once for each text and kept in a file of at most "
            "so many gigabytes; larger catalogs run them in every step",
        ),
    ] = 4.0

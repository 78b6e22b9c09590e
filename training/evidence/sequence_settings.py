"""What the fit of sequence towers can be told."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from longtail.retrieval.settings import Settings


class SequenceSettings(Settings):
    """Transformers over the history, one for each of ``popularity_strengths``: more evidence."""

    popularity_strengths: Annotated[
        tuple[Annotated[float, Field(ge=0)], ...],
        Field(
            description="each trains a tower with that multiple of log(1 + count) added to the "
            "logits (logit adjustment, Menon et al., ICLR 2021): at 0 it learns what is probable, "
            "at 1 popularity is left to the added term and the tower learns the rest; []: none"
        ),
    ] = (0.0, 1.0)
    dim: Annotated[int, Field(ge=1, description="width of the tower, a multiple of `heads`")] = 128
    layers: Annotated[int, Field(ge=1, description="layers of the tower")] = 2
    heads: Annotated[int, Field(ge=1, description="attention heads of a layer")] = 2
    dropout: Annotated[float, Field(ge=0, le=0.99, description="dropout while it trains")] = 0.3
    max_history: Annotated[int, Field(ge=1, description="past items read")] = 20
    epochs: Annotated[
        int, Field(ge=0, description="at most: it stops when users kept aside lose")
    ] = 12
    max_events: Annotated[
        int, Field(ge=0, description="targets seen in all; a large log has fewer epochs")
    ] = 1_200_000
    patience: Annotated[
        int, Field(ge=0, description="epochs without a better loss on the users kept aside")
    ] = 1
    events_per_batch: Annotated[int, Field(ge=1, description="targets a step")] = 1_280
    learning_rate: Annotated[float, Field(ge=0, description="learning rate of AdamW")] = 1e-3
    weight_decay: Annotated[float, Field(ge=0, description="weight decay of AdamW")] = 1e-4
    negatives: Annotated[
        int,
        Field(
            ge=1,
            description="catalogs with more items are sampled down to this many uniform negatives "
            "a step beside the batch's own items, corrected for how often each is drawn",
        ),
    ] = 6_000
    max_items: Annotated[int, Field(ge=0, description="larger catalogs have no sequence tower")] = (
        200_000
    )

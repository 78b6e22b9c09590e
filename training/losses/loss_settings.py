"""What the contrastive loss can be told."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from longtail.retrieval.settings import Settings


class LossSettings(Settings):
    """The contrastive loss."""

    temperature: Annotated[
        float,
        Field(
            ge=0,
            description="where the learned temperature of the cosine starts; 0 fits it first",
        ),
    ] = 0.0
    logq_strength: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="0 learns relevance with popularity taken out, 1 the most probable item",
        ),
    ] = 0.0
    shuffled_share: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="share of examples put in random order first, target included: they teach "
            "what belongs together, the others what comes next",
        ),
    ] = 0.0
    history_dropout: Annotated[
        float, Field(ge=0, le=0.99, description="share of past items left out of a history")
    ] = 0.0

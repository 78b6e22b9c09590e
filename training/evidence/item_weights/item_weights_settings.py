"""What the fit of item-to-item weights can be told (docs/behaviour.md has what each gives)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from longtail.retrieval.settings import Settings


class ClosedFormSettings(Settings):
    """How item-to-item weights are fitted, but for what validation always chooses."""

    kept: Annotated[
        int, Field(ge=1, description="entries kept of each row, those of the largest magnitude")
    ] = 200
    text_kernel: Annotated[
        float, Field(ge=0, description="weight of the text kernel in the closed form")
    ] = 60.0
    # In float32 the matrix of a catalog with untaken items has no inverse much below 1.
    ridge: Annotated[
        float,
        Field(
            ge=1,
            description="ridge of the closed form; half and twice as much are tried on validation",
        ),
    ] = 100.0
    first_order_kernel: Annotated[
        float, Field(ge=0, description="weight of the text kernel in the first-order term")
    ] = 5.0
    # An item that nobody took and nothing reads like is divided by it.
    first_order_ridge: Annotated[
        float, Field(ge=0.001, description="ridge of the first-order term")
    ] = 20.0
    text_neighbours: Annotated[
        int,
        Field(ge=0, description="nearest items by text that the first-order term knows of each"),
    ] = 100
    closed_form_limit: Annotated[
        int,
        Field(
            ge=0,
            description="catalogs with more items have the first-order term alone; up to it the "
            "closed form takes n * n * 4 bytes of main memory",
        ),
    ] = 30_000


class ItemWeightsSettings(ClosedFormSettings):
    """The same with what training chooses on validation: the first-order term, amounts."""

    # Half of the least one is tried.
    ridge: Annotated[float, Field(gt=0, description="ridge of the closed form")] = 100.0
    first_order: Annotated[
        float,
        Field(ge=0, description="weight of the first-order term that is added to the closed form"),
    ] = 0.25
    amounts: Annotated[
        bool, Field(description="how often or how much was taken counts as a confidence")
    ] = False

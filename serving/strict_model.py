"""What all that a client sends is held to: no silent defaults, and a bounded list of faults."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class StrictModel(BaseModel):
    """A misspelt field, or a number in quotes, is an error and never a silent default.

    Of unknown fields one is told: each fault is an object of its own, and a body of a megabyte
    can hold a hundred thousand of them, which keeps the service from everything else for seconds.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _of_unknown_ones_the_first(cls, values: Any) -> Any:
        if not isinstance(values, dict) or len(values) <= len(cls.model_fields):
            return values
        known = {name: values[name] for name in cls.model_fields if name in values}
        unknown = next(name for name in values if name not in cls.model_fields)
        return {**known, unknown: values[unknown]}


def several(most: int, *, least: int = 0) -> Any:
    """Return the bounds of a list, of whose wrong entries the first is told."""
    return Field(min_length=least or None, max_length=most, fail_fast=True)

"""What every group of settings is: frozen, checked whenever it is made, without further keys."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A group of settings; each field carries its allowed range and what it means.

    Raises:
        pydantic.ValidationError: a value has the wrong type or is out of its range, or a key is
            none of the group's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def changed(self, **changes: Any) -> Self:
        """Return a copy with other values, which are checked as the first ones were."""
        return type(self).model_validate({**dict(self), **changes})

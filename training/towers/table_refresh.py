"""When the table that cached negatives and histories come from is read again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback


class TableRefresh(TrainerCallback):  # type: ignore[misc]
    """Calls ``refresh`` every so many steps; 0 leaves it to the evaluations.

    Also once before the first step: a resumed training begins with the weights of its checkpoint,
    and the table must be theirs.
    """

    def __init__(self, refresh: Callable[[], None], every: int) -> None:
        self._refresh, self._every = refresh, every

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Bring the table to the weights that training begins with."""
        self._refresh()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Bring the table to the weights of now when its time has come."""
        if self._every and state.global_step % self._every == 0:
            self._refresh()

"""Training that gives the same bits every time, also with several threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def repeatable() -> Iterator[None]:
    """Let torch take only ways that add up in one order; its settings are restored afterwards.

    Without it the gradient of a vector that is read several times in a batch is added up by all
    threads as they come: at one seed, another result each time. Where an operation has no such
    way (some on CUDA) torch warns, and goes on.
    """
    memory: Any = torch.utils.deterministic
    before = torch.are_deterministic_algorithms_enabled()
    warned_only = torch.is_deterministic_algorithms_warn_only_enabled()
    filled = memory.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Meant for finding reads of memory that nobody wrote; it costs a pass over every tensor.
    memory.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warned_only)
        memory.fill_uninitialized_memory = filled

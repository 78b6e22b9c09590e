"""Whether a stage multiplies in bfloat16."""

from __future__ import annotations

import logging
from typing import Literal

import torch

from longtail.retrieval.towers.backends.names import bfloat16_is_fast

logger = logging.getLogger("longtail.training")


def uses_bfloat16(setting: bool | Literal["auto"]) -> bool:
    """Return whether to train under bfloat16 autocast on this machine.

    ``auto`` asks the hardware. ``True`` is obeyed, but a machine that only imitates bfloat16
    takes several times as long, and the log says so.
    """
    if setting is False:
        return False
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    fast = bfloat16_is_fast(device)
    if setting == "auto":
        return fast
    if not fast:
        logger.warning(
            "bf16 is true, but this machine's hardware doesn't multiply bfloat16: training is "
            "slower with it; bf16: auto uses it only where it is faster"
        )
    return True

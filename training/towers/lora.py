"""Low-rank changes of a text encoder's matrices, trained in place of the matrices."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from longtail.index.errors import LongtailError

# Changes are scaled by alpha / rank: a rate that suits one rank then suits the others.
ALPHA_PER_RANK = 2


class LoraNotInstalledError(LongtailError):
    """LoRA was asked for, and the library for it is absent."""


def check_lora_installed() -> None:
    """Raise where `peft` is absent.

    Raises:
        LoraNotInstalledError: with the command that installs it.
    """
    if find_spec("peft") is None:
        raise LoraNotInstalledError(
            "lora_rank needs the package peft; install it with `pip install 'longtail[lora]'`, "
            "or set lora_rank to 0"
        )


class Lora:
    """Adapters on the linear layers of some modules of an encoder, which alone train.

    Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022: a matrix W becomes
    W + (alpha / rank) B A, where B starts at zero, so that before the first step nothing changes.
    """

    def __init__(
        self, encoder: nn.Module, modules: Sequence[nn.Module], rank: int, *, seed: int
    ) -> None:
        """Put adapters on every linear layer within ``modules``, which are parts of ``encoder``.

        Raises:
            LoraNotInstalledError: `peft` is absent.
        """
        check_lora_installed()
        from peft import LoraConfig, LoraModel

        inside = {id(part) for module in modules for part in module.modules()}
        names = [
            name
            for name, part in encoder.named_modules()
            if isinstance(part, nn.Linear) and id(part) in inside
        ]
        config = LoraConfig(r=rank, lora_alpha=ALPHA_PER_RANK * rank, target_modules=names)
        # Of its own seed: a resumed training has drawn other numbers before it comes here.
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self._model: Any = LoraModel(encoder, config, "default")

    def merge(self) -> None:
        """Add the changes to the matrices and take the adapters away: a plain encoder again."""
        self._model.merge_and_unload()

"""Weights on the disk are as large as the settings beside them say, asked before any is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn


def check_stored_shapes(build: Callable[[], nn.Module], path: Path, *, layers: int = 0) -> None:
    """Compare the weights in a file with those that a module is about to have.

    Settings that ask for a network of gigabytes cost nothing: it is built without numbers.

    Raises:
        ValueError: they differ.
    """
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        stored = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    if layers > len(stored):
        raise ValueError(f"{layers} layers, and {path.name} holds {len(stored)} weights")
    with torch.device("meta"):
        built = {name: tuple(weight.shape) for name, weight in build().state_dict().items()}
    if built != stored:
        raise ValueError(f"{path.name} holds weights of other shapes than its settings say")

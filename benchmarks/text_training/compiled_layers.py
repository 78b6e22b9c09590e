"""What `torch.compile` makes of the layers that the text stage trains.

Run:  python benchmarks/text_training/compiled_layers.py [--layers 2] [--texts 32] [--tokens 32]
      [--threads 1]

Prints processor seconds of compiling for one shape, and of a step (forward and backward through
the last layers of MiniLM), compiled and not, alternately. What was found stands in
docs/decisions/0011-reading-texts-in-training.md.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.weights import DEFAULT_ENCODER
from longtail.training.towers.frozen_layers import thaw_last_layers

STEPS, ROUNDS = 20, 3


class LastLayers(nn.Module):
    """The layers one after another, from hidden states."""

    def __init__(self, layers: tuple[nn.Module, ...]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return the last hidden states, [b, length, width]."""
        for layer in self.layers:
            found = layer(states)
            states = found[0] if isinstance(found, tuple) else found
        return states


def processor_seconds() -> float:
    """Return what this process and its ended children (compilers) have used."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, who))


def step(model: Callable[[torch.Tensor], torch.Tensor], states: torch.Tensor) -> None:
    """Go forward and backward once."""
    model(states).square().mean().backward()  # type: ignore[no-untyped-call]


def milliseconds(model: Callable[[torch.Tensor], torch.Tensor], states: torch.Tensor) -> float:
    """Return the median of some steps, in processor time."""
    found = []
    for _ in range(STEPS):
        began = time.process_time()
        step(model, states)
        found.append(time.process_time() - began)
    return 1000 * statistics.median(found)


def main() -> None:
    """Measure one shape."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("layers", 2), ("texts", 32), ("tokens", 32), ("threads", 1)):
        arguments.add_argument(f"--{name}", type=int, default=default)
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    tower = ItemTower.from_pretrained(DEFAULT_ENCODER, given.tokens)
    layers = LastLayers(thaw_last_layers(tower, given.layers)).train()
    states = torch.randn(given.texts, given.tokens, tower.dim_pooled)
    step(layers, states)
    # What an earlier run compiled must not be found.
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
        compiled: Any = torch.compile(layers, dynamic=False)
        began = processor_seconds()
        step(compiled, states)
        print(f"compiling: {processor_seconds() - began:.1f} processor seconds")  # noqa: T201
        for _ in range(ROUNDS):
            print(  # noqa: T201
                f"a step: {milliseconds(layers, states):.1f} ms, "
                f"compiled {milliseconds(compiled, states):.1f} ms"
            )


if __name__ == "__main__":
    main()

"""A text encoder in two parts: the layers that are frozen, and those above them that train."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import torch
from torch import nn

from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.tokens import TokenTable
from longtail.training.towers.eval_mode import eval_mode
from longtail.training.towers.frozen_layers import LayerStack

# Rounding moves the entries of a unit vector by less, a wrong way by far more.
TOLERANCE = 1e-3


class Handing(nn.Module):
    """In a layer's place: hands on the states that it holds, or else what comes in.

    Some encoders' layers return the hidden states, some a tuple that begins with them.
    """

    def __init__(self, *, in_tuple: bool, states: torch.Tensor | None = None) -> None:
        super().__init__()
        self.in_tuple = in_tuple
        self.states = states

    def forward(self, hidden_states: torch.Tensor, *_: Any, **__: Any) -> Any:
        """Return the hidden states, [b, length, width]."""
        handed_on = hidden_states if self.states is None else self.states
        return (handed_on,) if self.in_tuple else handed_on


class SplitEncoder:
    """An item tower whose text encoder can be run from its middle.

    The encoder's own forward pass is used for both parts, with `Handing` in place of the layers
    of the other part: masks and positions are whatever it makes of them.
    """

    def __init__(self, item_tower: ItemTower, trained: int, *, in_tuple: bool) -> None:
        self.item_tower = item_tower
        self.trained = trained
        self._in_tuple = in_tuple
        self._stack = LayerStack.of(item_tower.text_encoder)

    @classmethod
    @torch.no_grad()
    def of(cls, item_tower: ItemTower, trained: int, tried: TokenTable) -> SplitEncoder | None:
        """Return the encoder split below its last ``trained`` layers.

        None where no layer is frozen, or where the texts of ``tried``, read from the middle, get
        other vectors than in a whole pass: an encoder may ask of its layers what no other has.
        """
        layers = LayerStack.of(item_tower.text_encoder).layers
        if not 0 < trained < len(layers):
            return None
        device = next(item_tower.parameters()).device
        ids, mask = (part.to(device) for part in tried.padded(np.arange(len(tried))))
        with eval_mode(item_tower):
            output, whole = _output_and_pooled(item_tower, layers[-trained - 1], ids, mask)
            split = cls(item_tower, trained, in_tuple=isinstance(output, tuple))
            try:
                again = split.pool(ids, mask, split.states(ids, mask))
            except (AttributeError, IndexError, RuntimeError, TypeError, ValueError):
                return None
        return split if bool((again - whole).abs().max() < TOLERANCE) else None

    @torch.no_grad()
    def states(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return what the frozen layers make of tokens, float32 [b, length, width]."""
        layers = self._stack.layers
        lower = layers[: -self.trained]
        upper = [Handing(in_tuple=self._in_tuple)] * self.trained
        with self._stack.replaced([*lower, *upper]):
            output, _ = _output_and_pooled(self.item_tower, lower[-1], ids, mask)
        states: torch.Tensor = output[0] if self._in_tuple else output
        return states.float()

    def pool(self, ids: torch.Tensor, mask: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """Return what `ItemTower.pool` does, float32 [b, dim], from the frozen layers' states."""
        layers = self._stack.layers
        given = Handing(in_tuple=self._in_tuple, states=states.float())
        passed = Handing(in_tuple=self._in_tuple)
        lower = [given, *([passed] * (len(layers) - self.trained - 1))]
        with self._stack.replaced([*lower, *layers[-self.trained :]]):
            return self.item_tower.pool(ids, mask)

    def fingerprint(self) -> str:
        """Return a sha256 of the frozen part: its states are the same while this is."""
        digest = hashlib.sha256(f"{self.item_tower.max_tokens} {self.trained}".encode())
        upper = self._stack.layers[-self.trained :]
        moving = {id(tensor) for layer in upper for tensor in layer.parameters()}
        for name, tensor in sorted(self.item_tower.text_encoder.named_parameters()):
            if id(tensor) not in moving:
                digest.update(name.encode())
                digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()


def _output_and_pooled(
    item_tower: ItemTower, layer: nn.Module, ids: torch.Tensor, mask: torch.Tensor
) -> tuple[Any, torch.Tensor]:
    """Return what a layer gives within a pass, and the pass's vectors."""
    seen: list[Any] = []
    hook = layer.register_forward_hook(lambda _module, _given, output: seen.append(output))
    try:
        pooled = item_tower.pool(ids, mask)
    finally:
        hook.remove()
    return seen[0], pooled

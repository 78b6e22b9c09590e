"""Which layers of a text encoder train, and which are left as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from torch import nn

from longtail.retrieval.towers.item_tower import ItemTower


@dataclass(frozen=True)
class LayerStack:
    """The list of an encoder's layers, and the module that it hangs on.

    Attributes:
        parent: the module that calls the layers one after another.
        name: what the list is called there.
        layers: from the lowest to the highest.
    """

    parent: nn.Module
    name: str
    layers: tuple[nn.Module, ...]

    @classmethod
    def of(cls, encoder: nn.Module) -> LayerStack:
        """Return the longest list of modules in an encoder; without one, a stack of no layers."""
        longest = cls(encoder, "", ())
        for parent in encoder.modules():
            for name, child in parent.named_children():
                if isinstance(child, nn.ModuleList) and len(child) > len(longest.layers):
                    longest = cls(parent, name, tuple(child))
        return longest

    @contextmanager
    def replaced(self, layers: Sequence[nn.Module]) -> Iterator[None]:
        """Let the encoder run through other layers, as many as it has."""
        before = getattr(self.parent, self.name)
        setattr(self.parent, self.name, nn.ModuleList(layers))
        try:
            yield
        finally:
            setattr(self.parent, self.name, before)


def thaw_last_layers(item_tower: ItemTower, count: int) -> tuple[nn.Module, ...]:
    """Freeze the text encoder except its last ``count`` layers, and return what trains.

    -1 trains all of it, embeddings included. Of an encoder that holds no list of layers either
    all trains or nothing.
    """
    encoder = item_tower.text_encoder
    layers = LayerStack.of(encoder).layers
    encoder.requires_grad_(False)
    thawed = layers[len(layers) - min(count, len(layers)) :] if count >= 0 else (encoder,)
    for module in thawed:
        module.requires_grad_(True)
    return thawed

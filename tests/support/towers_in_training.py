"""Both towers over the toy shop as a model that trains, and batches for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.popularity import Popularity
from longtail.retrieval.data.splits import Split
from longtail.retrieval.towers.backends.torch_backend import TorchBackend
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.encoding import encode_pooled
from longtail.retrieval.towers.text_user_tower import TextUserTower, TextUserTowerShape
from longtail.retrieval.towers.user_tower import UserTower
from longtail.retrieval.towers.vector_user_tower import VectorUserTower, VectorUserTowerShape
from longtail.training.losses.logq import expected_draws
from longtail.training.losses.loss_settings import LossSettings
from longtail.training.towers.two_tower import TextTraining, TwoTower
from longtail.training.trainer.batches import ContrastiveCollator
from longtail.training.trainer.examples import NextItemExamples, taken_matrix

USER_TOWERS = ["vectors", "text", "text, own weights"]


@dataclass(frozen=True)
class ShopInTraining:
    """The model and a collator over the toy shop's examples."""

    model: TwoTower
    collator: ContrastiveCollator

    def step(self, numbers: list[int], *, seed: int = 0) -> tuple[float, dict[str, torch.Tensor]]:
        """Return the loss of these examples and its gradient by parameter; dropout by the seed."""
        torch.manual_seed(seed)
        self.model.zero_grad()
        loss = self.model(**self.collator(numbers))["loss"]
        loss.backward()
        gradients = {
            name: parameter.grad.clone()
            for name, parameter in self.model.named_parameters()
            if parameter.grad is not None
        }
        return float(loss.detach()), gradients


def shop_in_training(
    item_tower: ItemTower,
    catalog: Catalog,
    split: Split,
    *,
    user_tower: str = "vectors",
    dropout: float = 0.0,
    uniform_negatives: int = 5,
    **options: Any,
) -> ShopInTraining:
    """Return the toy shop's towers, in training mode; ``options`` are `TextTraining`'s."""
    for module in item_tower.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout
    histories = Histories.from_interactions(split.train)
    examples = NextItemExamples.from_histories(histories, 6)
    tokens = item_tower.tokenise(catalog.texts())
    popularity = Popularity.from_counts(
        split.train.user_counts(len(catalog)), catalog.item_ids, "items:0.2"
    )
    torch.manual_seed(1)
    user: UserTower
    if user_tower == "vectors":
        user = VectorUserTower(VectorUserTowerShape(item_tower.dim, items=len(catalog), layers=0))
    else:
        shape = TextUserTowerShape(
            item_tower.dim, max_history=4, max_tokens=50, shared_weights="own" not in user_tower
        )
        user = TextUserTower(shape, item_tower)
    share = torch.full((len(catalog),), 1 / len(catalog))
    model = TwoTower(
        item_tower,
        user,
        tokens,
        encode_pooled(TorchBackend(item_tower), tokens),
        popularity,
        expected_draws(share, 32, uniform_negatives, len(catalog)),
        LossSettings(temperature=0.1),
        TextTraining(**{"trainable_layers": -1, **options}),
    )
    collator = ContrastiveCollator(
        examples,
        taken_matrix(histories, len(catalog)),
        uniform_negatives=uniform_negatives,
        shuffled_share=0.0,
        history_dropout=0.0,
        seed=0,
    )
    return ShopInTraining(model.train(), collator)

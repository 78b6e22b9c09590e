"""The catalog's text vectors as the pretrained encoder makes them, for the baselines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.index.vector_index import VectorIndex
from longtail.retrieval.progress import Progress
from longtail.retrieval.run.bundle import Bundle
from longtail.retrieval.towers.backends.choice import choose_for_update, sample_rows
from longtail.retrieval.towers.backends.names import backend_of_run
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.paired_item_tower import PairedItemTower
from longtail.retrieval.towers.text.encoding import encode_pooled
from longtail.retrieval.towers.text.prompts import OWN
from longtail.retrieval.towers.whitening import USUAL_POWER, unit_rows


def frozen_vectors(bundle: Bundle, index: VectorIndex, progress: Progress) -> NDArray[np.float32]:
    """Return the vectors of a run's catalog before any fine-tuning, unit rows, float32 [n, d].

    Where training left the item tower as it began, or beside a tuned one, they are in the run's
    own index; otherwise the texts are read, which takes as long as at the start of a training.
    """
    settings: Mapping[str, Any] = bundle.config["item_tower"]
    tower = bundle.item_tower
    trained = any(stage["stage"] == "text" and stage["kept"] for stage in bundle.summary["stages"])
    beside = isinstance(tower, PairedItemTower)
    if (beside or not trained) and settings["whitening_power"] == USUAL_POWER:
        vectors = index.vectors(np.arange(len(bundle.catalog)))
        return unit_rows(vectors[:, : tower.pretrained.dim]) if beside else vectors
    prompts = tower.prompts
    tower = ItemTower.from_pretrained(
        settings["encoder"],
        settings["max_tokens"],
        prompt=prompts.item,
        query_prompt=prompts.query,
        layers=_number(settings.get("layers")),
        dims=_number(settings.get("dims")),
        pooling=settings.get("pooling", OWN),
    )
    pieces = tower.pieces(bundle.catalog.texts(), settings.get("long_texts", "cut"))
    tokens = pieces.tokens
    sample = tokens.take(sample_rows(len(tokens)))
    name = backend_of_run(bundle.summary)
    backend = choose_for_update(tower, name, sample, len(tokens)).backend
    pooled = pieces.average(encode_pooled(backend, tokens, progress=progress))
    return tower.whitening_of(pooled).apply(pooled)


def _number(setting: Any) -> int | None:
    """Return how many; None: all, as runs of before the setting have it too."""
    return setting if isinstance(setting, int) else None

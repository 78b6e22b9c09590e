"""The backend that reads a training's texts: chosen once, also across an interruption."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from longtail.index.files import read_json, write_json_atomically
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.towers.backends.choice import Choice, choose_backend, sample_rows
from longtail.retrieval.towers.backends.names import backend_named
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.tokens import TokenTable
from longtail.training.settings import TrainingSettings


def choose_encoder_backend(
    tower: ItemTower, catalog: Catalog, settings: TrainingSettings, work: Path
) -> Choice:
    """Return the backend of a training; one that goes on keeps what it began with.

    What `auto` measures differs from run to run, and vectors of two backends don't mix.

    Raises:
        BackendError, ParityError: see `choose_backend`.
    """
    kept = work / "text_backend.json"
    begun = read_json(kept) if kept.is_file() else None
    sample = tower.tokenise(catalog.texts(sample_rows(len(catalog))))
    choice = choose_backend(
        tower,
        settings.item_tower.backend if begun is None else backend_named(begun["backend"]),
        sample,
        len(catalog),
        will_train=settings.text.epochs > 0,
    )
    if begun is not None:
        return replace(
            choice, texts_per_second=begun["texts_per_second"], left_out=begun["left_out"]
        )
    write_json_atomically(kept, choice.report())
    return choice


def renewed(reading: Choice, tower: ItemTower, tokens: TokenTable) -> Choice:
    """Return the same backend over a tower that has been trained, once more through the gate.

    Raises:
        ParityError: it gives other vectors now.
    """
    sample = tokens.take(sample_rows(len(tokens)))
    name = backend_named(reading.backend.name)
    choice = choose_backend(tower, name, sample, len(tokens))
    return replace(reading, backend=choice.backend, parity=choice.parity)

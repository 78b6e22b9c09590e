"""A run's index made again: of the catalog as it is served now, or as trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from longtail.files.new_items import forget_texts, read_texts
from longtail.index.errors import (
    DamagedFileError,
    ForeignIndexError,
    MissingVersionError,
    UnsupportedFormatError,
)
from longtail.index.storage.store import save_index
from longtail.retrieval.progress import Progress
from longtail.retrieval.run.bundle import Bundle, open_bundle, read_manifest
from longtail.retrieval.run.checks.other_version import OtherVersionError, written_by
from longtail.retrieval.run.index_build import IndexSettings, build_index, check_structure
from longtail.retrieval.run.lease import changing
from longtail.retrieval.run.quarantine import withheld
from longtail.retrieval.run.served_run import laid_out, open_trained, read_state, with_index


@dataclass(frozen=True)
class Rebuilt:
    """The new version, its number of items, and whether their texts were read for it."""

    version: str
    items: int
    texts_read: bool


def rebuild(
    run: Path,
    chosen: Mapping[str, Any],
    *,
    trained_catalog: bool,
    reread: bool = False,
    vector_cache: Path | None = None,
    progress: Progress,
) -> Rebuilt:
    """Publish a new index version.

    Items that were removed have no row in it. Vectors come from the index that is served, where
    it is whole; the texts are read where it isn't, for the ``trained_catalog``, with ``reread``,
    and where the new index is to be more exact. ``chosen`` are index settings that differ from
    those of the training. ``vector_cache`` is a folder in which vectors of texts may lie.

    Raises:
        DamagedFileError: what has changed in the catalog since training can't be read.
        LockedIndexError: somebody else is writing.
        VectorIndexError: the structure can't be built.
    """
    with changing(run):
        trained = open_bundle(run) if trained_catalog else open_trained(run)
        settings = _as_trained(trained, run).changed(**chosen)
        check_structure(settings.structure, trained.item_tower.dim)
        try:
            state = None if trained_catalog else read_state(run)
            if state is not None:
                state = state.take(np.flatnonzero(~state.removed))
            bundle, _ = laid_out(trained, state)
        except (DamagedFileError, MissingVersionError, ValueError) as error:
            raise DamagedFileError(
                f"the changes to the catalog since training can't be read ({error}); go back with "
                f"`longtail index rollback {run}`, or give them up with `longtail index build "
                f"{run} --trained-catalog`"
            ) from error
        catalog = bundle.catalog
        served = None if reread or trained_catalog else _served_vectors(trained, run, settings)
        vectors = served
        if vectors is None:
            vectors = read_texts(
                trained, catalog.texts, len(catalog), run, progress, vector_cache=vector_cache
            )
        index = build_index(bundle, vectors, settings)
        if state is not None:
            index = withheld(index, state)
        attach = None if state is None else state.save
        version = save_index(index, run / "index", attach=attach)
        forget_texts(run)
    return Rebuilt(version, len(catalog), texts_read=served is None)


def _as_trained(trained: Bundle, run: Path) -> IndexSettings:
    stored = trained.config.get("index", {})
    try:
        return IndexSettings(**stored)
    except ValidationError as error:
        first = error.errors()[0]
        fault = f"index.{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise OtherVersionError(run, written_by(read_manifest(run)), fault) from error


def _served_vectors(
    trained: Bundle, run: Path, settings: IndexSettings
) -> NDArray[np.float32] | None:
    """Return the vectors of the served items, removed ones left out, float32 [n, d].

    None where the index can't be opened, or holds less of a number than the new one will.
    """
    try:
        # Mapped: the vectors are copied once as it is.
        served = with_index(trained, run, memory_map=True)
    except (DamagedFileError, ForeignIndexError, MissingVersionError, UnsupportedFormatError):
        return None
    if served.index.storage == "float16" and settings.storage != "float16":
        return None
    return served.index.vectors(np.flatnonzero(~served.state.removed))

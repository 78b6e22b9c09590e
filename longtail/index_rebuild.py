"""A run's index made again from its texts: the catalog as it is served now, or as trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from index.errors import DamagedFileError, MissingVersionError
from index.lock import index_lock
from index.store import save_index
from longtail.new_items import forget_texts, read_texts
from retrieval.bundle import open_bundle
from retrieval.index_build import IndexSettings, build_index, check_structure
from retrieval.progress import Progress
from retrieval.served import laid_out, read_state


def rebuild(
    run: Path,
    chosen: Mapping[str, Any],
    *,
    trained_catalog: bool,
    vector_cache: Path | None = None,
    progress: Progress,
) -> tuple[str, int]:
    """Publish a new index version; return its name and the number of items.

    Items that were removed have no row in it. ``chosen`` are index settings that differ from
    those of the training. ``vector_cache`` is a folder in which vectors of texts may lie.

    Raises:
        DamagedFileError: what has changed in the catalog since training can't be read.
        LockedIndexError: somebody else is writing.
        VectorIndexError: the structure can't be built.
    """
    trained = open_bundle(run)
    settings = replace(IndexSettings(**trained.config.get("index", {})), **chosen)
    check_structure(settings.structure, trained.item_tower.dim)
    with index_lock(run / "index"):
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
        vectors = read_texts(
            trained, catalog.texts, len(catalog), run, progress, vector_cache=vector_cache
        )
        index = build_index(bundle, vectors, settings)
        attach = None if state is None else state.save
        version = save_index(index, run / "index", attach=attach)
        forget_texts(run)
    return version, len(catalog)

"""The index of a bundle's catalog, searched in the way that suits its size."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from longtail.index.ann.ann_index import AnnIndex
from longtail.index.ann.space import width_for
from longtail.index.ann_build import AnnSettings, build_ann, with_ann
from longtail.index.errors import VectorIndexError
from longtail.index.faiss_runtime import load_faiss
from longtail.index.search.segment import Segment
from longtail.index.vector_index import VectorIndex
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TRAIN
from longtail.retrieval.run.bundle import Bundle
from longtail.retrieval.settings import Settings
from longtail.retrieval.towers.user_tower import ItemSource

NAMED_STRUCTURES = ("auto", "exact", "ivf", "hnsw")
# Structures are tuned on the vectors of this many users.
TUNING_USERS = 1_000


class IndexSettings(Settings):
    """How the vectors are stored and searched."""

    structure: Annotated[
        str,
        Field(
            description="auto: exact, and from some 200,000 items a pool on an inverted file; "
            "else exact, ivf, hnsw, or a FAISS factory string"
        ),
    ] = "auto"
    # 1 is what `exact` is for.
    target_recall: Annotated[
        float,
        Field(
            ge=0.5,
            le=0.999,
            description="share of the exact first answers that a structure must find, on user "
            "vectors",
        ),
    ] = 0.98
    storage: Annotated[
        Literal["float32", "float16"],
        Field(description="of the vectors, on the disk and in memory; float16 takes half of it"),
    ] = "float32"


def build_index(
    bundle: Bundle, vectors: NDArray[np.float32], settings: IndexSettings
) -> VectorIndex:
    """Return the index of a bundle's catalog, none of which is removed; vectors float32 [n, d].

    Raises:
        VectorIndexError: a vector isn't finite, or the structure can't be built.
    """
    index = VectorIndex.build(
        vectors,
        bundle.popularity.centred,
        bundle.popularity.bucket,
        item_ids=list(bundle.catalog.item_ids),
        tower_fingerprint=bundle.item_tower.fingerprint(),
        storage=settings.storage,
    )
    if settings.structure == "exact":
        return index
    return with_ann(
        index,
        AnnSettings(settings.structure, target=settings.target_recall),
        user_vectors=user_queries(bundle, index),
    )


def check_structure(structure: str, dim: int) -> None:
    """Refuse a structure that FAISS can't make for vectors [dim], before hours are spent on them.

    Raises:
        VectorIndexError: see above.
    """
    if structure in NAMED_STRUCTURES:
        return
    faiss = load_faiss()
    try:
        faiss.index_factory(width_for(dim), structure, faiss.METRIC_INNER_PRODUCT)
    except RuntimeError as error:
        reason = " ".join(str(error).split()).rsplit(": ", 1)[-1]
        raise VectorIndexError(
            f"FAISS makes no index of {structure!r} for {width_for(dim)} dimensions ({reason}); "
            f"use one of {', '.join(NAMED_STRUCTURES)}, or another factory string"
        ) from error


def restructured(bundle: Bundle, before: VectorIndex, after: VectorIndex) -> VectorIndex:
    """Return the index in which pools that were written anew have the structure that they had.

    ``bundle`` is of the rows ``after``.
    """
    had = {s.pool: s for s in before.segments if s.ann is not None}
    kept = {id(segment.vectors) for segment in before.segments}
    new = [s for s in after.segments if s.pool in had and id(s.vectors) not in kept]
    # What an update adds to a pool is small, and read exactly.
    new = [s for s in new if s.ann is None and 2 * len(s) > len(had[s.pool])]
    if not new:
        return after
    queries = user_queries(bundle, after)

    def made(segment: Segment) -> Segment:
        if not any(segment is other for other in new):
            return segment
        former = had[segment.pool].ann
        assert former is not None
        ann = build_ann(segment.vectors, _settings_of(former), queries, name=segment.name)
        return replace(segment, ann=ann)

    return replace(after, segments=tuple(made(segment) for segment in after.segments))


def user_queries(
    bundle: Bundle, index: VectorIndex, *, most: int = TUNING_USERS, seed: int = 0
) -> NDArray[np.float32] | None:
    """Return queries of up to ``most`` users of the training part, float32 [m, d].

    They are drawn evenly from the users with a history; None where there is no such user.
    """
    log = bundle.log
    train = log if log.part is None else log.select(log.part == TRAIN)
    histories = Histories.from_interactions(train)
    users = np.flatnonzero(np.diff(histories.offsets) > 0)
    if not len(users):
        return None
    if len(users) > most:
        users = np.sort(np.random.default_rng(seed).choice(users, most, replace=False))
    chosen, tower = histories.take(users), bundle.user_tower
    rows, _ = chosen.last(tower.max_history)
    # Of a large catalog, what these users took is little.
    needed = np.unique(rows[rows >= 0]).astype(np.int64)
    tokens = None
    if tower.reads_tokens:
        tokens = bundle.item_tower.tokenise(bundle.catalog.texts(needed))
    source = ItemSource(torch.from_numpy(index.vectors(needed)), torch.from_numpy(needed), tokens)
    places = np.searchsorted(needed, chosen.items).astype(np.int32)
    encoded = tower.encode(replace(chosen, items=places), source)
    return encoded / np.float32(bundle.serving.temperature)


def _settings_of(former: AnnIndex) -> AnnSettings:
    named = former.kind in ("ivf", "hnsw")
    return AnnSettings(former.kind if named else former.factory, target=former.target)

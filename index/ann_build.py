"""Which structure a segment gets, and its making."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from longtail.index.ann.ann_index import ADDED_AT_ONCE, AnnIndex
from longtail.index.ann.setting import Setting
from longtail.index.ann.space import Space, width_for
from longtail.index.ann.tuning import tuned
from longtail.index.errors import VectorIndexError
from longtail.index.faiss_runtime import load_faiss
from longtail.index.vectors.stored_vectors import StoredVectors

if TYPE_CHECKING:
    from longtail.index.vector_index import VectorIndex

EXACT_BELOW = 200_000
POINTS_PER_LIST = 50
ROUNDS_OF_CLUSTERING = 10
TUNING_QUERIES = 800
USER_VECTORS = "user vectors"
PERTURBED_ITEMS = "perturbed item vectors"


@dataclass(frozen=True)
class AnnSettings:
    """What structure segments get.

    Attributes:
        structure: ``auto`` (by size), ``exact``, ``ivf``, ``hnsw``, or a FAISS factory string,
            which every segment with enough items for it gets.
        exact_below: segments with fewer items stay exact under ``auto``, ``ivf`` and ``hnsw``.
        target: share of the exact answers to be found.
        ks: numbers of answers to tune for, ascending.
        device: ``cpu``, or ``gpu`` for structures that FAISS has for GPUs.
    """

    structure: str = "auto"
    exact_below: int = EXACT_BELOW
    target: float = 0.98
    ks: tuple[int, ...] = (10, 100)
    device: Literal["cpu", "gpu"] = "cpu"

    def __post_init__(self) -> None:
        if not 0.0 < self.target <= 1.0:
            raise VectorIndexError(f"target must be above 0 and at most 1, not {self.target}")
        if not self.ks or min(self.ks) < 1:
            raise VectorIndexError(f"ks must be one or more numbers from 1 on, not {self.ks}")
        if self.exact_below < 0:
            raise VectorIndexError(f"exact_below must be 0 or more, not {self.exact_below}")


def with_ann(
    index: VectorIndex,
    settings: AnnSettings | None = None,
    *,
    user_vectors: NDArray[np.float32] | None = None,
) -> VectorIndex:
    """Return the index with a structure for every segment that is large enough for one.

    ``user_vectors``, float32 [m, d], are queries as the index will get them; without them the
    structures are tuned on perturbed item vectors, which are easier to search for than users.

    Raises:
        VectorIndexError: the factory string is none that FAISS knows, or gives an index that
            can't be used here.
    """
    settings = settings or AnnSettings()
    queries = None
    if user_vectors is not None and len(user_vectors):
        if user_vectors.ndim != 2 or user_vectors.shape[1] != index.dim:
            raise VectorIndexError(
                f"user vectors must be [m, {index.dim}], not {list(user_vectors.shape)}"
            )
        step = max(1, len(user_vectors) // TUNING_QUERIES)
        queries = np.ascontiguousarray(user_vectors[::step][:TUNING_QUERIES], np.float32)
    segments = tuple(
        replace(
            segment,
            ann=build_ann(segment.vectors, settings, queries, name=segment.name),
        )
        for segment in index.segments
    )
    return replace(index, segments=segments)


def build_ann(
    vectors: StoredVectors,
    settings: AnnSettings,
    queries: NDArray[np.float32] | None = None,
    *,
    name: str = "segment",
) -> AnnIndex | None:
    """Return a trained, filled and tuned structure over the vectors, or None for exact search.

    ``queries`` are float32 [m, d].
    """
    factory = factory_for(len(vectors), vectors.dim, settings)
    if factory is None:
        return None
    vectors.gather_in_huge_pages()
    rng = np.random.default_rng(0)
    sample = vectors.read(_some(len(vectors), _training_size(factory, len(vectors)), rng))
    space = Space.of(sample)
    index = _made(factory, space.width, name)
    _train(index, space.items(sample), vectors.dim, name)
    for start in range(0, len(vectors), ADDED_AT_ONCE):
        index.add(space.items(vectors.read(slice(start, start + ADDED_AT_ONCE))))
    if int(index.ntotal) != len(vectors):
        raise VectorIndexError(f"{factory!r} keeps {index.ntotal} of {len(vectors)} vectors")
    tuned_on = USER_VECTORS
    if queries is None:
        queries, tuned_on = perturbed_items(vectors, rng), PERTURBED_ITEMS
    kind = settings.structure if settings.structure in ("ivf", "hnsw") else "factory"
    kind = "ivf" if settings.structure == "auto" else kind
    fresh = AnnIndex(
        index, kind, factory, space, (Setting(1, 0.0, 1, 1, 0.0),), settings.target, tuned_on
    )
    return tuned(fresh, vectors, queries, settings.ks, settings.target)


def factory_for(n_items: int, dim: int, settings: AnnSettings) -> str | None:
    """Return the FAISS factory string for a segment of this size, or None for exact search.

    >>> factory_for(50_000, 384, AnnSettings())
    >>> factory_for(1_000_000, 384, AnnSettings())
    'RR392,IVF2048,PQ98x4fs'
    >>> factory_for(1_000_000, 384, AnnSettings(device="gpu"))
    'IVF2048,SQfp16'
    >>> factory_for(1_000_000, 384, AnnSettings("hnsw"))
    'HNSW32,SQfp16'
    """
    if settings.structure not in ("auto", "ivf", "hnsw", "exact"):
        # A few items can't be clustered; as they can be read in no time, exact search has them.
        lists = _lists_in(settings.structure)
        return settings.structure if n_items >= max(1, lists) and n_items > 16 else None
    if settings.structure == "exact" or n_items < max(settings.exact_below, 64):
        return None
    if settings.structure == "hnsw":
        return "HNSW32,SQfp16"
    lists = 2 ** max(2, round(float(np.log2(2.0 * np.sqrt(n_items)))))
    if settings.device == "gpu":
        return f"IVF{min(lists, 65_536)},SQfp16"
    # Above some thousand lists a graph finds the nearest of them faster than reading them all.
    coarse = f"IVF{lists}_HNSW32" if lists > 8_192 else f"IVF{lists}"
    # Without the random rotation the first dimensions, which carry most, are told apart worst.
    width = width_for(dim)
    return f"RR{width},{coarse},PQ{width // 4}x4fs"


def perturbed_items(vectors: StoredVectors, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return item vectors with noise half as long as they are, float32 [m, d]."""
    items = vectors.read(_some(len(vectors), TUNING_QUERIES, rng))[:, :-1]
    noise = rng.standard_normal(items.shape, dtype=np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    lengths = np.linalg.norm(items, axis=1, keepdims=True)
    return np.ascontiguousarray(items + np.float32(0.5) * lengths * noise)


def _some(n: int, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return ``size`` of n positions, ascending, each once; all of them where n is smaller."""
    if size >= n:
        return np.arange(n, dtype=np.int64)
    return np.sort(rng.choice(n, size, replace=False)).astype(np.int64)


def _lists_in(factory: str) -> int:
    match = re.search(r"IVF(\d+)", factory)
    return int(match[1]) if match else 0


def _training_size(factory: str, n_items: int) -> int:
    return min(n_items, max(65_536, POINTS_PER_LIST * _lists_in(factory)))


def _made(factory: str, width: int, name: str) -> Any:
    faiss = load_faiss()
    try:
        return faiss.index_factory(width, factory, faiss.METRIC_INNER_PRODUCT)
    except RuntimeError as error:
        raise VectorIndexError(
            f"FAISS makes no index of {factory!r} for {width} dimensions (segment {name}: the "
            f"vectors, the popularity, and zeros up to a multiple of 8): {_reason(error)}"
        ) from error


def _train(index: Any, items: NDArray[np.float32], place: int, name: str) -> None:
    """Train on ``items``, whose dimension ``place`` is the popularity.

    The lists are made without it: most queries don't ask for popularity, and lists of one
    popularity each would spread every one of their answers over all lists.
    """
    faiss = load_faiss()
    try:
        inverted = faiss.try_extract_index_ivf(index)
        if inverted is not None:
            alike = items.copy()
            alike[:, place] = 0.0
            # With its lists given, FAISS's own training leaves them as they are.
            inverted.quantizer.add(_centroids(_through_transforms(index, items, alike), inverted))
        index.train(items)
    except RuntimeError as error:
        raise VectorIndexError(
            f"the structure of segment {name} can't be trained on {len(items)} items; choose "
            f"another factory string, or exact: {_reason(error)}"
        ) from error


def _through_transforms(
    index: Any, items: NDArray[np.float32], alike: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Train the index's transforms on ``items``; return ``alike`` as the lists will see it."""
    faiss = load_faiss()
    outer = faiss.downcast_index(index)
    while isinstance(outer, faiss.IndexRefine):
        outer = faiss.downcast_index(outer.base_index)
    if isinstance(outer, faiss.IndexPreTransform):
        for number in range(outer.chain.size()):
            transform = faiss.downcast_VectorTransform(outer.chain.at(number))
            if not transform.is_trained:
                transform.train(items)
            items, alike = transform.apply(items), transform.apply(alike)
    return alike


def _centroids(items: NDArray[np.float32], inverted: Any) -> NDArray[np.float32]:
    means = load_faiss().Kmeans(
        items.shape[1],
        int(inverted.nlist),
        niter=ROUNDS_OF_CLUSTERING,
        spherical=True,
        min_points_per_centroid=1,
        max_points_per_centroid=POINTS_PER_LIST,
    )
    means.train(np.ascontiguousarray(items))
    return np.asarray(means.centroids, np.float32)


def _reason(error: RuntimeError) -> str:
    """Return FAISS's message in one line, without the place in its source."""
    text = " ".join(str(error).split())
    return text.rsplit(": ", 1)[-1] if ": " in text else text

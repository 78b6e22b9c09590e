"""A FAISS index that proposes candidates, with the settings that its target needs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.index.ann.faiss_files import read_faiss, write_faiss
from longtail.index.ann.gpu_copy import GPU_MOST, GpuCopy, fits_gpu
from longtail.index.ann.parameters import inverted_lists, search_parameters
from longtail.index.ann.quick_lists import QuickLists
from longtail.index.ann.setting import Setting, setting_for
from longtail.index.ann.space import Space
from longtail.index.faiss_runtime import exactly_threads, load_faiss
from longtail.index.vectors.stored_vectors import StoredVectors

# A query takes 0.1 to 0.3 ms: fewer a thread don't pay for waking it.
QUERIES_PER_THREAD = 12
ADDED_AT_ONCE = 65_536
# Where the items have changed since the settings were chosen.
BEFORE_UPDATE = ", before an update"
# Made search parameters that are kept.
MOST_PARAMETERS = 64


@dataclass(frozen=True, eq=False)
class AnnIndex:
    """Proposes candidates of one segment; the segment scores them exactly.

    Attributes:
        index: the FAISS index over the items in ``space``.
        kind: ``ivf``, ``hnsw`` or ``factory``.
        factory: the FAISS factory string it was built from.
        space: how items and queries are laid out for it.
        settings: by k, ascending; at least one.
        target: the recall that the settings were chosen for.
        tuned_on: what the tuning queries were.
        on_gpu: a copy on the GPUs, or None.
    """

    index: Any = field(repr=False)
    kind: str
    factory: str
    space: Space
    settings: tuple[Setting, ...]
    target: float
    tuned_on: str
    on_gpu: GpuCopy | None = None
    _parameters: dict[int, Any] = field(default_factory=dict, init=False, repr=False)

    def levels(self, queries: NDArray[np.float32], k: int) -> NDArray[np.float64]:
        """Return which ratio's settings serve each query ``[q ; w]``, float64 [m].

        Infinite where none does: popularity weighs more in it than in any tuning query, or k
        is so near the number of items that a structure doesn't pay.
        """
        if k * 4 > len(self):
            return np.full(len(queries), np.inf)
        if not queries[:, -1].any():
            return np.full(len(queries), self._popularity_weight_ratios[0])
        # Float32 weights may weigh a hair more than the number that they were made from.
        level = np.searchsorted(
            self._popularity_weight_ratios[:-1],
            self.space.popularity_weight_ratios(queries) * (1 - 1e-5),
        )
        return self._popularity_weight_ratios[level]

    def setting_of_all(self, queries: NDArray[np.float32], k: int) -> Setting | None:
        """Return the setting that serves all of these queries, or None where none does."""
        if not queries[:, -1].any():
            # As most questions are: nothing to tell apart.
            return (
                self.setting_for(k, self._popularity_weight_ratios[0])
                if k * 4 <= len(self)
                else None
            )
        levels = self.levels(queries, k)
        first = float(levels[0])
        alike = bool((levels == first).all())
        return self.setting_for(k, first) if alike and first < np.inf else None

    def setting_for(self, k: int, level: float) -> Setting:
        """Return the setting for k answers at a level of `levels`."""
        return setting_for(self.settings, k, level)

    def propose(
        self,
        queries: NDArray[np.float32],
        setting: Setting,
        *,
        more: int = 0,
        effort: int = 1,
        share: float = 1.0,
        allowed: NDArray[np.int64] | None = None,
    ) -> NDArray[np.int64]:
        """Return candidate positions of each query, int64 [m, candidates], padded with -1.

        Args:
            queries: ``[q ; w]``, float32 [m, d + 1], all of the setting's level.
            setting: how far to look.
            more: how many further candidates may turn out to be excluded.
            effort: how many times further to look than tuned.
            share: part of the positions that may be answered.
            allowed: positions to keep to, ascending; without it all are proposed. Only where
                `scanned` isn't None.
        """
        filtered = allowed is not None
        candidates, nprobe = setting.reach(
            len(self), self.lists, more=more, effort=effort, share=share, filtered=filtered
        )
        in_space = self.space.queries(queries)
        if self.on_gpu is not None and not filtered and max(candidates, nprobe) <= GPU_MOST:
            return self.on_gpu.search(in_space, candidates, nprobe)
        if len(queries) < QUERIES_PER_THREAD and not filtered and self._quick is not None:
            with exactly_threads(1):
                proposed = self._quick.search(in_space, candidates, nprobe)
            if proposed is not None:
                return proposed
        bits, selector = None, None
        if allowed is not None:
            faiss = load_faiss()
            mask = np.zeros(len(self), bool)
            mask[allowed] = True
            # The C++ selector keeps a raw pointer into `bits`, which must outlive the search.
            bits = np.packbits(mask, bitorder="little")
            selector = faiss.IDSelectorBitmap(bits)
            parameters = search_parameters(self.index, nprobe, selector)
        else:
            parameters = self._parameters_for(nprobe)
        with exactly_threads(self._threads(len(queries))):
            _, local = self.index.search(in_space, candidates, params=parameters)
        del bits
        return np.asarray(local, np.int64)

    def __len__(self) -> int:
        return int(self.index.ntotal)

    @cached_property
    def _popularity_weight_ratios(self) -> NDArray[np.float64]:
        """The ratios there are settings for, ascending, and infinity."""
        return np.append(
            np.unique([setting.popularity_weight_ratio for setting in self.settings]), np.inf
        )

    def _parameters_for(self, nprobe: int) -> Any:
        """Return search parameters without a selector; making them takes a third of a search."""
        parameters = self._parameters.get(nprobe)
        if parameters is None:
            parameters = search_parameters(self.index, nprobe, None)
            if len(self._parameters) < MOST_PARAMETERS:
                self._parameters[nprobe] = parameters
        return parameters

    @cached_property
    def _quick(self) -> QuickLists | None:
        """The way of a few queries, made when it is first asked for."""
        return QuickLists.of(self.index)

    @cached_property
    def lists(self) -> int:
        """Number of inverted lists, 0 for other kinds of index."""
        return inverted_lists(self.index)

    @property
    def scanned(self) -> float | None:
        """The share of the items that a search looks through, or None for no inverted lists.

        Only structures with lists may be asked with ``allowed``: graphs lose their way through
        what is filtered out, and fast-scan and product quantisers without lists throw.
        """
        return min(1.0, self.settings[0].nprobe / self.lists) if self.lists else None

    @property
    def fits_gpu(self) -> bool:
        """Whether `to_gpus` can copy it."""
        return fits_gpu(self.index)

    def to_gpus(self, turn: threading.Lock) -> AnnIndex:
        """Return the structure searching on all GPUs; ``turn`` is held while they do."""
        return replace(self, on_gpu=GpuCopy.of(self.index, turn))

    def to_cpu(self) -> AnnIndex:
        """Return the structure searching in main memory."""
        return replace(self, on_gpu=None)

    def refilled(self, vectors: StoredVectors) -> AnnIndex:
        """Return the structure over other vectors, with its training and its settings.

        Nothing is trained or measured again: ``tuned_on`` says that the recall is that of what
        it held before.
        """
        faiss = load_faiss()
        # FAISS's own clone of a mapped index keeps pointing into the file, and crashes when reset.
        index = faiss.deserialize_index(faiss.serialize_index(self.index))
        index.reset()
        for start in range(0, len(vectors), ADDED_AT_ONCE):
            index.add(self.space.items(vectors.read(slice(start, start + ADDED_AT_ONCE))))
        tuned_on = self.tuned_on.removesuffix(BEFORE_UPDATE) + BEFORE_UPDATE
        return replace(self.to_cpu(), index=index, tuned_on=tuned_on)

    def write(self, path: Path) -> None:
        """Write the FAISS index; `report` holds the rest.

        Raises:
            OSError: among others, the disk is full.
        """
        write_faiss(self.index, path)

    def report(self) -> dict[str, Any]:
        """Return everything but the FAISS index, as JSON holds it.

        The first setting stands at the top, since most readers ask for that one.
        """
        first = self.settings[0]
        return {
            "kind": self.kind,
            "factory": self.factory,
            "nprobe": first.nprobe,
            "depth": first.candidates,
            "k": first.k,
            "recall": first.recall,
            "target": self.target,
            "tuned_on": self.tuned_on,
            "settings": [setting.to_json() for setting in self.settings],
            "space": asdict(self.space),
        }

    def _threads(self, n_queries: int) -> int:
        available = int(load_faiss().omp_get_max_threads())
        return max(1, min(available, n_queries // QUERIES_PER_THREAD))


def read_ann(path: Path, report: Mapping[str, Any], *, mmap: bool = False) -> AnnIndex:
    """Return the structure that `write` put into the file and `report` into a manifest.

    With ``mmap`` the inverted lists stay in the file until they are read.

    Raises:
        KeyError, TypeError, ValueError, RuntimeError: the report or the file isn't whole.
    """
    index = read_faiss(path, memory_map=mmap)
    space = Space(**report["space"])
    settings = tuple(Setting.of_json(setting) for setting in report["settings"])
    if int(index.d) != space.width or not settings:
        raise ValueError(f"{path.name} has {index.d} dimensions, not {space.width}")
    return AnnIndex(
        index,
        str(report["kind"]),
        str(report["factory"]),
        space,
        settings,
        float(report["target"]),
        str(report["tuned_on"]),
    )

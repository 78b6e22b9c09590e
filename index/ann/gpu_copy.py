"""A structure's index on the GPUs."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.index.ann.parameters import core_of, search_parameters
from longtail.index.faiss_runtime import gpu_count, load_faiss

# The classic GPU indexes stop here, in answers and in lists.
GPU_MOST = 2_048


@dataclass(frozen=True, eq=False)
class GpuCopy:
    """A copy of an index on all GPUs, each holding its share of the items.

    Attributes:
        index: the index that was copied.
        copy: the copy.
        turn: held while the GPUs search: their scratch memory serves one search at a time.
    """

    index: Any = field(repr=False)
    copy: Any = field(repr=False)
    turn: threading.Lock = field(repr=False)

    @classmethod
    def of(cls, index: Any, turn: threading.Lock) -> GpuCopy:
        """Return a copy of this index, which `fits_gpu`."""
        faiss = load_faiss()
        options = faiss.GpuMultipleClonerOptions()
        options.shard = gpu_count() > 1
        return cls(index, faiss.index_cpu_to_all_gpus(index, co=options), turn)

    def search(
        self, queries: NDArray[np.float32], candidates: int, nprobe: int
    ) -> NDArray[np.int64]:
        """Return the ``candidates`` nearest in so many lists, both at most `GPU_MOST`."""
        parameters = search_parameters(self.index, nprobe, None)
        with self.turn:
            _, local = self.copy.search(queries, candidates, params=parameters)
        return np.asarray(local, np.int64)


def fits_gpu(index: Any) -> bool:
    """Return whether FAISS has this kind for GPUs: inverted lists without fast-scan."""
    faiss = load_faiss()
    kinds = (faiss.IndexIVFFlat, faiss.IndexIVFPQ, faiss.IndexIVFScalarQuantizer)
    return isinstance(core_of(index), kinds)

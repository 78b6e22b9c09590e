"""Vectors in float16, whose popularity keeps every bit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.index.errors import VectorIndexError
from longtail.index.faiss_runtime import load_faiss

# FAISS decodes float16 by SIMD only where the dimensions are a multiple of this.
FLOAT16_STEP = 16
# A float32 is the sum of three float16, the later ones scaled up out of float16's smallest
# numbers, which FAISS flushes to 0: the popularity keeps every bit.
PART_SCALES = np.array([1.0, 2.0**8, 2.0**16], np.float32)
FLOAT16_LARGEST = float(np.finfo(np.float16).max)


def float16_width(dim: int) -> int:
    """Return the dimensions that vectors of ``dim`` and their popularity take.

    >>> float16_width(384)
    400
    """
    return -(-(dim + len(PART_SCALES)) // FLOAT16_STEP) * FLOAT16_STEP


def empty_float16(dim: int) -> Any:
    """Return an ``IndexScalarQuantizer`` for vectors of ``dim`` dimensions, without any."""
    faiss = load_faiss()
    return faiss.IndexScalarQuantizer(
        float16_width(dim), faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )


def is_float16(flat: Any, dim: int) -> bool:
    """Return whether it is an index that `empty_float16` makes."""
    faiss = load_faiss()
    return bool(
        isinstance(flat, faiss.IndexScalarQuantizer)
        and flat.d == float16_width(dim)
        and flat.sq.qtype == faiss.ScalarQuantizer.QT_fp16
        and flat.metric_type == faiss.METRIC_INNER_PRODUCT
    )


def float16_columns(blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Yield vectors, the popularity in three parts that float16 holds, and zeros.

    Raises:
        VectorIndexError: a number is too large for float16.
    """
    for stored in blocks:
        if len(stored) and np.abs(stored).max() > FLOAT16_LARGEST:
            raise VectorIndexError(
                f"a vector or popularity exceeds {FLOAT16_LARGEST:.0f}, the largest float16; "
                "store this index as float32"
            )
        dim = stored.shape[1] - 1
        wide = np.zeros((len(stored), float16_width(dim)), np.float32)
        # Rounded here, to the nearest: FAISS cuts the last bits off.
        wide[:, :dim] = stored[:, :-1].astype(np.float16)
        rest = stored[:, -1].copy()
        for part, scale in enumerate(PART_SCALES):
            wide[:, dim + part] = (rest * scale).astype(np.float16)
            rest -= wide[:, dim + part] / scale
        yield wide


def float16_queries(queries: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return queries ``[q ; w]`` [m, d + 1] in the dimensions of the stored columns."""
    dim = queries.shape[1] - 1
    wide = np.zeros((len(queries), float16_width(dim)), np.float32)
    wide[:, :dim] = queries[:, :-1]
    wide[:, dim : dim + len(PART_SCALES)] = queries[:, -1:] / PART_SCALES
    return wide


def decoded(flat: Any, codes: NDArray[np.uint8], dim: int) -> NDArray[np.float32]:
    """Return ``[vector ; popularity]`` of these codes [c, code size], float32 [c, d + 1]."""
    if not len(codes):
        return np.empty((0, dim + 1), np.float32)
    wide = flat.sa_decode(np.ascontiguousarray(codes))
    stored = np.ascontiguousarray(wide[:, : dim + 1])
    parts = wide[:, dim : dim + len(PART_SCALES)] / PART_SCALES
    # The small parts first: then no bit of the popularity is rounded away.
    stored[:, -1] = parts[:, 0] + (parts[:, 1] + parts[:, 2])
    return stored

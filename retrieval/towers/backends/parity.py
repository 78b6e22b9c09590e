"""The gate before a faster backend: does it give the vectors that float32 gives?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.errors import ParityError
from longtail.retrieval.towers.backends.backend import TextBackend

ITEMS = 1_000
NEIGHBOURS = 100
# Mean cosine to float32, and share of the nearest items that stay, by number format.
LIMITS = {
    "float32": (0.9999, 0.99),
    "bfloat16": (0.999, 0.95),
    "float16": (0.999, 0.95),
    "int8": (0.99, 0.8),
}


@dataclass(frozen=True)
class Parity:
    """How near a backend comes to PyTorch in float32 on the same texts.

    Attributes:
        backend: its name.
        items: how many texts were read.
        cosine: mean over the texts of the cosine between both vectors.
        cosine_p1: the 1st percentile.
        cosine_min: the worst text.
        overlap: share of a text's 100 nearest others (all others, where there are fewer)
            that the backend's vectors find too.
        cosine_limit: least mean cosine that passes.
        overlap_limit: least overlap that passes.
    """

    backend: str
    items: int
    cosine: float
    cosine_p1: float
    cosine_min: float
    overlap: float
    cosine_limit: float
    overlap_limit: float

    @property
    def passed(self) -> bool:
        """Whether both numbers reach their limits; what isn't a number doesn't."""
        return self.cosine >= self.cosine_limit and self.overlap >= self.overlap_limit

    def report(self) -> dict[str, Any]:
        """Return the numbers as plain data, rounded."""
        plain = asdict(self) | {"passed": self.passed}
        return {k: round(v, 5) if isinstance(v, float) else v for k, v in plain.items()}

    def __str__(self) -> str:
        return (
            f"cosine to float32 {self.cosine:.4f} on {self.items:,} texts (least "
            f"{self.cosine_min:.4f}; asked {self.cosine_limit:g}), {self.overlap:.1%} of the "
            f"nearest {NEIGHBOURS} alike (asked {self.overlap_limit:.0%})"
        )


def measure_parity(
    backend: TextBackend, reference: NDArray[np.float32], vectors: NDArray[np.float32]
) -> Parity:
    """Return how near the vectors ``vectors`` by a backend are to the reference, both [n, dim]."""
    cosine_limit, overlap_limit = LIMITS[backend.name.rpartition("-")[2]]
    exact, near = _unit(reference), _unit(vectors)
    cosines = np.einsum("nd,nd->n", exact, near)
    return Parity(
        backend=backend.name,
        items=len(cosines),
        cosine=float(cosines.mean()),
        cosine_p1=float(np.percentile(cosines, 1)),
        cosine_min=float(cosines.min()),
        overlap=neighbour_overlap(exact, near),
        cosine_limit=cosine_limit,
        overlap_limit=overlap_limit,
    )


def require(parity: Parity) -> None:
    """Raise where the gate is closed.

    Raises:
        ParityError: with the numbers.
    """
    if not parity.passed:
        raise ParityError(
            f"{parity.backend} reads these texts too differently: {parity}; use "
            "item_tower.backend: auto or torch-float32"
        )


def neighbour_overlap(
    reference: NDArray[np.floating], vectors: NDArray[np.floating], k: int = NEIGHBOURS
) -> float:
    """Return the share of each row's k nearest other rows that both sets of vectors agree on.

    >>> vectors = np.array([[1, 0], [0.9, 0.1], [0, 1]])
    >>> neighbour_overlap(vectors, vectors, k=1)
    1.0
    """
    k = min(k, len(reference) - 1)
    if k < 1:
        return 1.0
    near, also = _nearest(reference, k), _nearest(vectors, k)
    return float(np.mean([len(np.intersect1d(a, b)) / k for a, b in zip(near, also, strict=True)]))


def _nearest(vectors: NDArray[np.floating], k: int) -> NDArray[np.int64]:
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    return np.argpartition(-scores, k - 1, axis=1)[:, :k]


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """In double precision: in single, a cosine of one comes out as a little more or less."""
    wide = vectors.astype(np.float64)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12))

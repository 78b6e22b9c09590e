"""The contract of a scorer: evidence in, log-odds out."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray


class Scorer(Protocol):
    """Turns evidence on pairs into raw log-odds that the pair's item is taken."""

    kind: ClassVar[str]

    @property
    def columns(self) -> int:
        """Columns of the evidence that it reads."""
        ...

    def logits(self, evidence: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return raw log-odds [p] of evidence [p, f]."""
        ...

    def save(self, folder: Path) -> None:
        """Write everything into an existing folder, no pickle."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return what `save` wrote."""
        ...

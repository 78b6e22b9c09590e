"""What retrieval hands over to be put in order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.errors import QueryError

PAGE = 10
"""Items a reader takes in at once: the length of list by which the modes weigh.

One length for all, so that k only says where a list is cut: the first 10 of 100 are the list of 10.
"""


@dataclass(frozen=True)
class Candidates:
    """What retrieval handed over for m users, c places each.

    A place counts when its row isn't -1 and its logit is finite; what else stands in a place that
    doesn't count is never read.

    Attributes:
        rows: catalog rows, -1 where there is none, int64 [m, c]; no row twice for a user.
        logits: log-odds of relevance, float32 [m, c].
        log_p: log-popularity less its catalog mean, float32 [m, c].
        bands: popularity band, int8 [m, c]; only ``profile`` reads it.
        vectors: unit item vectors, float32 [m, c, d]; only diversity reads them.

    Raises:
        QueryError: the shapes don't fit one another.
    """

    rows: NDArray[np.int64]
    logits: NDArray[np.float32]
    log_p: NDArray[np.float32]
    bands: NDArray[np.int8] | None = None
    vectors: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        shape = self.rows.shape
        for name, part in vars(self).items():
            fits = part is None or (
                part.shape[:2] == shape and part.ndim == 2 + (name == "vectors")
            )
            if not fits or len(shape) != 2:
                raise QueryError(
                    f"candidates' {name} are {list(part.shape)}, rows {list(shape)}; "
                    "give users by candidates"
                )

    def present(self) -> NDArray[np.bool_]:
        """Return which places hold a candidate, bool [m, c]."""
        return (self.rows >= 0) & np.isfinite(self.logits)

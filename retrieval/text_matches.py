"""How like a user's past items a candidate is, by their texts: the loop over pairs, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieval.compiled import compiled_sums

COLUMNS = ("cosine", "recent", "last", "second", "best", "mean")


@compiled_sums
def text_matches(
    vectors: NDArray[np.float32],
    place: NDArray[np.int64],
    users: NDArray[np.float32],
    matches: NDArray[np.float32],
    lengths: NDArray[np.int32],
    recency: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Fill out [len(COLUMNS), m, c] with what each user's candidates have in common with them.

    ``vectors`` [u, d] holds the candidates' unit vectors, candidate j of user i at
    ``place[i, j]``; ``users`` [m, d]; ``matches`` [m, l, d] the unit vectors of the last items,
    newest first, ``lengths`` [m] of them; ``recency`` [l] what each is worth in ``recent``.
    Without a past item the best match is -1 and the others are 0; a history of one has its only
    item as the second, too.
    """
    m, c = place.shape
    d = vectors.shape[1]
    for i in range(m):
        length = lengths[i]
        for j in range(c):
            row = place[i, j]
            cosine = np.float32(0.0)
            for x in range(d):
                cosine += vectors[row, x] * users[i, x]
            recent = total = last = second = np.float32(0.0)
            best = np.float32(-1.0)
            for h in range(length):
                match = np.float32(0.0)
                for x in range(d):
                    match += vectors[row, x] * matches[i, h, x]
                recent += recency[h] * match
                total += match
                if h == 0:
                    last = second = match
                elif h == 1:
                    second = match
                if match > best:
                    best = match
            out[0, i, j] = cosine
            out[1, i, j] = recent
            out[2, i, j] = last
            out[3, i, j] = second
            out[4, i, j] = best
            out[5, i, j] = total / max(length, 1)

"""How like a user's past items a candidate is, by their texts: the loop over pairs, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.kernels.compiled import compiled_sums

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
    cosine, recent, last, second, best, total = out
    for i in range(m):
        for j in range(0, c, 4):
            # Four candidates at a time, the last one again where there are fewer: each number of
            # the user's is then fetched once for four products.
            v0 = vectors[place[i, j]]
            v1 = vectors[place[i, min(j + 1, c - 1)]]
            v2 = vectors[place[i, min(j + 2, c - 1)]]
            v3 = vectors[place[i, min(j + 3, c - 1)]]
            end = min(j + 4, c)
            recent[i, j:end] = last[i, j:end] = second[i, j:end] = total[i, j:end] = 0.0
            best[i, j:end] = -1.0
            for h in range(-1, lengths[i]):
                key = users[i] if h < 0 else matches[i, h]
                p0 = p1 = p2 = p3 = np.float32(0.0)
                for x in range(len(key)):
                    p0 += v0[x] * key[x]
                    p1 += v1[x] * key[x]
                    p2 += v2[x] * key[x]
                    p3 += v3[x] * key[x]
                for k in range(j, end):
                    product = p0 if k == j else p1 if k == j + 1 else p2 if k == j + 2 else p3
                    if h < 0:
                        cosine[i, k] = product
                        continue
                    recent[i, k] += recency[h] * product
                    total[i, k] += product
                    if h == 0:
                        last[i, k] = second[i, k] = product
                    elif h == 1:
                        second[i, k] = product
                    best[i, k] = max(best[i, k], product)
            for k in range(j, end):
                total[i, k] /= max(lengths[i], 1)

"""What the relevance head sees of one (history, candidate) pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

COUNT_BLIND = (
    "cosine",
    "last_match",
    "best_match",
    "mean_match",
    "log_history_length",
    "history_popularity",
)
FROM_COUNTS = ("log_count", "log_count_difference", "is_cold")


def feature_names(*, counts: bool) -> tuple[str, ...]:
    """Return the names of the scalar features, in their order.

    With ``counts`` off nothing derived from the candidate's training count is among them: on a
    log that was filtered by its own future, counts give away what is to come (docs/model.md).
    """
    return COUNT_BLIND + FROM_COUNTS if counts else COUNT_BLIND


@dataclass(frozen=True)
class Evidence:
    """Evidence on m users times c candidates.

    Attributes:
        scalars: float32 [m, c, f], in the order of `feature_names`.
        users: unit user vectors, float32 [m, d].
        items: candidates' unit vectors, float32 [m, c, d].
    """

    scalars: torch.Tensor
    users: torch.Tensor
    items: torch.Tensor


def gather_evidence(
    users: NDArray[np.float32],
    history_vectors: NDArray[np.float32],
    history_lengths: NDArray[np.int32],
    history_log_counts: NDArray[np.float32],
    candidates: NDArray[np.float32],
    candidate_counts: NDArray[np.int64],
    *,
    counts: bool,
) -> Evidence:
    """Return the evidence of every (user, candidate) pair.

    Shapes: ``users`` [m, d]; ``history_vectors`` [m, l, d], newest first, zero rows as padding;
    ``history_lengths`` [m]; ``history_log_counts`` [m], the mean of log(1 + count) over each
    history; ``candidates`` [m, c, d]; ``candidate_counts`` [m, c].
    """
    filled = np.arange(history_vectors.shape[1]) < history_lengths[:, None]
    match = np.matmul(candidates, history_vectors.transpose(0, 2, 1))
    hidden = np.where(filled[:, None, :], match, -1.0)
    lengths = np.maximum(history_lengths, 1)[:, None]
    columns = {
        "cosine": np.matmul(candidates, users[:, :, None])[..., 0],
        "last_match": match[..., 0],
        "best_match": hidden.max(-1),
        "mean_match": (match * filled[:, None, :]).sum(-1) / lengths,
        "log_history_length": np.log1p(history_lengths)[:, None],
        "history_popularity": history_log_counts[:, None],
    }
    if counts:
        log_count = np.log1p(candidate_counts)
        columns["log_count"] = log_count
        columns["log_count_difference"] = log_count - history_log_counts[:, None]
        columns["is_cold"] = candidate_counts == 0
    shape = candidates.shape[:2]
    scalars = np.stack(
        [np.broadcast_to(columns[name], shape) for name in feature_names(counts=counts)], axis=-1
    )
    return Evidence(
        torch.from_numpy(scalars.astype(np.float32)),
        torch.from_numpy(users),
        torch.from_numpy(candidates),
    )

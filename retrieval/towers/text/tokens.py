"""Token ids of many texts, back to back in one array, cut once at the tower's limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


@dataclass(frozen=True)
class TokenTable:
    """Token ids with their special tokens; text i is ``ids[offsets[i]:offsets[i + 1]]``.

    Attributes:
        ids: int32 [total].
        offsets: int64 [n + 1].
        pad_id: the id that fills short rows of a batch.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    pad_id: int

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens in each text, int64 [n]."""
        return np.diff(self.offsets)

    def padded(self, positions: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return ids and attention mask of these texts, both int64 [len(positions), longest]."""
        return pad_tokens([self[int(p)] for p in positions], self.pad_id)

    def take(self, positions: NDArray[np.int64]) -> TokenTable:
        """Return the table of these texts, in this order."""
        return TokenTable.of([self[int(p)] for p in positions], self.pad_id)

    @classmethod
    def of(cls, texts: Sequence[NDArray[np.int32]], pad_id: int) -> TokenTable:
        """Return the table of texts that are given one by one."""
        offsets = np.concatenate([[0], np.cumsum([len(text) for text in texts])]).astype(np.int64)
        return cls(np.concatenate(texts) if texts else np.empty(0, np.int32), offsets, pad_id)

    def __getitem__(self, position: int) -> NDArray[np.int32]:
        return self.ids[self.offsets[position] : self.offsets[position + 1]]

    def joined(
        self, rows: NDArray[np.int64], max_tokens: int, *, starts: bool = True
    ) -> NDArray[np.int32]:
        """Return several texts as one, in this order, cut at ``max_tokens``.

        Each text carries its own start and end token. The end token stays, as a separator;
        the start token is kept only once, since encoders read the whole as one sequence. Texts
        of a decoder may have none (``starts`` false).

        >>> table = TokenTable(np.array([1, 7, 2, 1, 8, 9, 2], np.int32), np.array([0, 3, 7]), 0)
        >>> table.joined(np.array([1, 0]), max_tokens=5).tolist()
        [1, 8, 9, 2, 7]
        """
        parts = [self[int(row)][int(i > 0 and starts) :] for i, row in enumerate(rows)]
        whole = np.concatenate(parts) if parts else np.empty(0, np.int32)
        return whole[:max_tokens]


def pad_tokens(
    sequences: Sequence[NDArray[np.int32]], pad_id: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids and attention mask, both int64 [n, longest].

    An empty sequence becomes one attended padding token: attention over nothing is NaN.
    """
    longest = max((len(s) for s in sequences), default=0) or 1
    ids = np.full((len(sequences), longest), pad_id, np.int64)
    mask = np.zeros((len(sequences), longest), np.int64)
    for i, sequence in enumerate(sequences):
        ids[i, : len(sequence)] = sequence
        mask[i, : max(len(sequence), 1)] = 1
    return torch.from_numpy(ids), torch.from_numpy(mask)


def join_tables(tables: Sequence[TokenTable]) -> TokenTable:
    """Return the texts of all tables, which have one ``pad_id``, one table after the other."""
    starts = np.cumsum([0, *(len(table.ids) for table in tables)])
    offsets = [table.offsets[1:] + start for table, start in zip(tables, starts, strict=False)]
    return TokenTable(
        np.concatenate([table.ids for table in tables]),
        np.concatenate([np.zeros(1, np.int64), *offsets]),
        tables[0].pad_id,
    )


def tokenise(tokenizer: Any, texts: Sequence[str], max_tokens: int | None) -> TokenTable:
    """Return the token ids of the texts, special tokens included.

    Each is cut at ``max_tokens``, or whole where that is None.
    """
    tokens: list[NDArray[np.int32]] = []
    # In slices: the tokenizer's Python lists take about 30 times the memory of the array.
    for start in range(0, len(texts), 20_000):
        read = tokenizer(
            list(texts[start : start + 20_000]),
            truncation=max_tokens is not None,
            max_length=max_tokens,
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )["input_ids"]
        tokens.extend(np.asarray(ids, np.int32) for ids in read)
    pad_id = tokenizer.pad_token_id
    return TokenTable.of(tokens, 0 if pad_id is None else int(pad_id))


def special_tokens(tokenizer: Any) -> tuple[int, int]:
    """Return how many special tokens the tokenizer puts before and after a text."""
    mask = tokenizer("a", return_special_tokens_mask=True)["special_tokens_mask"]
    before = mask.index(0) if 0 in mask else len(mask)
    return before, len(mask) - before - mask.count(0)


def token_counts(tokenizer: Any, texts: Sequence[str]) -> NDArray[np.int64]:
    """Return how many tokens each whole text would need, special tokens included, int64 [n]."""
    return tokenise(tokenizer, texts, None).lengths

"""How many tokens a text encoder needs for a text, without loading its weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.describe import TokenCounter
from longtail.retrieval.towers.text.weights import resolve_encoder


def token_counter(encoder: str) -> TokenCounter:
    """Return a function from texts to their token counts, special tokens included.

    Raises:
        ModelNotFoundError: the encoder is in none of the places of `resolve_encoder`.
    """
    location = Path(resolve_encoder(encoder).location)
    if (location / "tokenizer.json").is_file():
        from tokenizers import Tokenizer

        fast = Tokenizer.from_file(str(location / "tokenizer.json"))
        fast.no_truncation()
        fast.no_padding()

        def count(texts: Sequence[str]) -> NDArray[np.int64]:
            return np.array([len(e.ids) for e in fast.encode_batch(list(texts))], np.int64)

        return count

    from transformers import AutoTokenizer

    from longtail.retrieval.towers.text.tokens import token_counts

    tokenizer = AutoTokenizer.from_pretrained(location, local_files_only=True)
    return lambda texts: token_counts(tokenizer, texts)

"""Whether a text encoder knows the scripts that texts are written in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.languages.scripts import script_of
from longtail.retrieval.towers.text.weights import (
    MULTILINGUAL_ENCODER,
    SHORT_NAMES,
    encoder_at_hand,
    resolve_encoder,
)

SAMPLED_TEXTS = 2_000
# From these shares of all tokens on there is a warning.
MUCH_UNKNOWN, MUCH_SPELT = 0.05, 0.2
# Tokens a letter from which a script's words have fallen apart. Chinese has a word a character,
# and a Korean letter is a syllable, which falls apart into two or three.
_SPELT = {"Korean": 1.2}
_USUALLY_SPELT = 0.7
# Kana a Han character from which the latter are kanji.
_KANA_OF_JAPANESE = 0.2
_NEVER_SPELT = ("", "Latin", "Chinese")


@dataclass(frozen=True)
class TokenCoverage:
    """What an encoder's tokeniser makes of a sample of texts; special tokens aren't counted.

    Attributes:
        tokens: their number.
        unknown: unknown tokens by script, most first; "" for signs that are no letters.
        spelt: tokens by script of words that fall apart into single letters or less, most first.
    """

    tokens: int
    unknown: dict[str, int]
    spelt: dict[str, int]

    @property
    def unknown_share(self) -> float:
        """Unknown tokens among all."""
        return sum(self.unknown.values()) / max(self.tokens, 1)

    @property
    def spelt_share(self) -> float:
        """Tokens of words that fall apart among all."""
        return sum(self.spelt.values()) / max(self.tokens, 1)

    def line(self) -> str:
        """Return the shares in words.

        >>> TokenCoverage(200, {"Chinese": 150, "": 2}, {}).line()
        '76.0% (Chinese 75.0%, signs 1.0%)'
        """
        scripts = ", ".join(
            f"{script or 'signs'} {n / max(self.tokens, 1):.1%}"
            for script, n in list(self.unknown.items())[:3]
        )
        return f"{self.unknown_share:.1%}" + (f" ({scripts})" if scripts else "")

    def warning(self, encoder: str) -> str | None:
        """Return what is to be said of the encoder that tokens were counted with, None: nothing."""
        if self.unknown_share >= MUCH_UNKNOWN:
            scripts, share = self.unknown, self.unknown_share
            what = f"{share:.0%} of the tokens of the item texts are unknown to {encoder}"
        elif self.spelt_share >= MUCH_SPELT:
            scripts, share = self.spelt, self.spelt_share
            what = f"{share:.0%} of the tokens of the item texts are single letters to {encoder}"
        else:
            return None
        names = [script or "signs" for script in list(scripts)[:3]]
        if not any(scripts) or SHORT_NAMES.get(encoder, encoder) == MULTILINGUAL_ENCODER:
            return f"{what} ({', '.join(names)})"
        way_out = "--set item_tower.encoder=multilingual"
        if encoder_at_hand("multilingual") is None:
            way_out += " after pip install 'longtail[multilingual]'"
        return (
            f"{what} ({', '.join(names)}), so it hardly tells them apart; one that knows: {way_out}"
        )


def catalog_coverage(encoder: str, catalog: Catalog) -> TokenCoverage:
    """Return what the encoder makes of a sample of a catalog's texts.

    Raises:
        ModelNotFoundError: the encoder is in none of the places of `resolve_encoder`.
    """
    n = min(len(catalog), SAMPLED_TEXTS)
    rows = np.linspace(0, len(catalog) - 1, n).round().astype(np.int64)
    return token_coverage(encoder, catalog.texts(rows))


def token_coverage(encoder: str, texts: Sequence[str]) -> TokenCoverage:
    """Return what the encoder's own tokeniser makes of the texts; its weights stay unread.

    Raises:
        ModelNotFoundError: the encoder is in none of the places of `resolve_encoder`.
    """
    tokenizer, unknown_id = _tokenizer_of(Path(resolve_encoder(encoder).location))
    total = 0
    unknown: Counter[str] = Counter()
    tokens_of: Counter[str] = Counter()
    letters_of: Counter[str] = Counter()
    for text, read in zip(
        texts, tokenizer.encode_batch(list(texts), add_special_tokens=False), strict=True
    ):
        total += len(read.ids)
        if text.isascii() and unknown_id not in read.ids:
            continue
        letters_of.update(filter(None, map(script_of, text)))
        for token, (start, end) in zip(read.ids, read.offsets, strict=True):
            script = next(filter(None, map(script_of, text[start:end])), "")
            if token == unknown_id:
                unknown[script] += 1
            else:
                tokens_of[script] += 1
    if letters_of["Japanese"] > _KANA_OF_JAPANESE * letters_of["Chinese"]:
        unknown["Japanese"] += unknown.pop("Chinese", 0)
    spelt = {
        script: n
        for script, n in tokens_of.most_common()
        if script not in _NEVER_SPELT
        and n >= _SPELT.get(script, _USUALLY_SPELT) * letters_of[script]
    }
    return TokenCoverage(total, {s: n for s, n in unknown.most_common() if n}, spelt)


def _tokenizer_of(folder: Path) -> tuple[Any, int | None]:
    """Return a tokeniser of the library ``tokenizers`` and its id of what is unknown, if any."""
    if (folder / "tokenizer.json").is_file():
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        unknown = _unknown_token(folder)
    else:
        from transformers import AutoTokenizer

        whole = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        tokenizer, unknown = whole.backend_tokenizer, whole.unk_token
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer, None if unknown is None else tokenizer.token_to_id(unknown)


def _unknown_token(folder: Path) -> str | None:
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (folder / name).is_file():
            token = json.loads((folder / name).read_text("utf-8")).get("unk_token")
            if token:
                return str(token["content"]) if isinstance(token, dict) else str(token)
    return None

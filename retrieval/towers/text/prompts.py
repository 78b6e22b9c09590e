"""What an encoder wants to stand before a text: one thing before items, another before queries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from longtail.retrieval.errors import EncoderError

# A setting of that value asks for the model's own.
OWN: Final = "auto"
# In the order in which `SentenceTransformer.encode_document` looks.
_OF_ITEMS = ("document", "passage", "corpus")
_OF_QUERIES = ("query",)
# Trained with these, though their files on the hub name none (Wang et al., "Text Embeddings by
# Weakly-Supervised Contrastive Pre-training", 2022).
_E5 = re.compile(r"(^|/)(multilingual-)?e5-(small|base|large)(-v2)?$")


@dataclass(frozen=True)
class Prompts:
    """Texts before an item's text and before a free-text query, as sentence-transformers has them.

    Attributes:
        item: the prompt ``document``, ``passage`` or ``corpus``.
        query: the prompt ``query``.
    """

    item: str = ""
    query: str = ""

    @classmethod
    def of(cls, named: Mapping[str, str], default: str | None, encoder: str = "") -> Prompts:
        """Return a model's prompts, given its own by name, which is the default, and its name.

        >>> Prompts.of({"query": "query: ", "passage": "passage: "}, None)
        Prompts(item='passage: ', query='query: ')
        >>> Prompts.of({"query": "", "document": ""}, None, "intfloat/multilingual-e5-small").item
        'passage: '
        """
        given = {name: text for name, text in named.items() if text}
        usual = given.get(default or "", "")
        if not given and _E5.search(encoder):
            return cls("passage: ", "query: ")
        item = next((given[name] for name in _OF_ITEMS if name in given), usual)
        query = next((given[name] for name in _OF_QUERIES if name in given), usual)
        return cls(item, query)

    def replaced(self, item: str = OWN, query: str = OWN) -> Prompts:
        """Return them with those of the settings in their place, where they aren't `OWN`."""
        return Prompts(self.item if item == OWN else item, self.query if query == OWN else query)

    def given_to(self, sentence_transformer: Any) -> None:
        """Make them a model's own, so that ``encode`` without a name reads an item."""
        sentence_transformer.prompts = {"query": self.query, "document": self.item}
        sentence_transformer.default_prompt_name = "document" if self.item else None

    @property
    def identity(self) -> bytes:
        """Bytes to tell vectors by; none without prompts, as before there were any."""
        return f"{self.item}\0{self.query}".encode() if self.item or self.query else b""


def check_prompts(prompts: Prompts, tokenizer: Any, max_tokens: int) -> None:
    """Refuse a prompt behind which no token of a text would be read.

    Raises:
        EncoderError: it takes all tokens that the tower reads.
    """
    for setting, prompt in (("prompt", prompts.item), ("query_prompt", prompts.query)):
        taken = len(tokenizer(prompt.rstrip(), verbose=False)["input_ids"]) if prompt else 0
        if taken >= max_tokens:
            raise EncoderError(
                f"item_tower.{setting} takes {taken:,} tokens, and the tower reads {max_tokens:,}: "
                "no text would be read behind it; set a shorter one, or item_tower.max_tokens"
            )

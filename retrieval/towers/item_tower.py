"""The item-description tower: text in, unit vector out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from longtail.retrieval.towers.pretrained.leading_dims import chosen_dims
from longtail.retrieval.towers.pretrained.open_encoder import open_encoder
from longtail.retrieval.towers.text.prompts import OWN, Prompts, check_prompts
from longtail.retrieval.towers.text.quiet_loading import quiet_transformers, quietly_load
from longtail.retrieval.towers.text.text_pieces import LongTexts, TextPieces, read_pieces
from longtail.retrieval.towers.text.token_batches import token_batches
from longtail.retrieval.towers.text.tokens import TokenTable, tokenise
from longtail.retrieval.towers.text.weights import resolve_encoder
from longtail.retrieval.towers.tower_folder import check_tower_folder
from longtail.retrieval.towers.whitening import USUAL_POWER, Whitening, fit_partial_whitening

PoolingSetting = Literal["auto", "mean", "first", "last"]
# The library's names of them.
_POOLING = {"mean": "mean", "first": "cls", "last": "lasttoken"}
# Of `ItemTower.encode`.
TOKENS_AT_ONCE = 1_024


class ItemTower(nn.Module):
    """A text encoder, pooling, a linear layer set to the catalog's whitening, and unit length.

    It is a ``SentenceTransformer`` of five modules (encoder, pooling, normalise, dense,
    normalise) and is saved as one: ``SentenceTransformer(folder)`` gives the same vectors.
    """

    def __init__(self, modules: Any, max_tokens: int, first_dims: int | None = None) -> None:
        super().__init__()
        self.sentence_transformer = modules
        self.max_tokens = max_tokens
        # Of which first coordinates axes are taken: of an untrained tower alone.
        self._first_dims = first_dims

    @classmethod
    def from_pretrained(
        cls,
        name: str,
        max_tokens: int,
        *,
        prompt: str = OWN,
        query_prompt: str = OWN,
        layers: int | None = None,
        dims: int | None = None,
        pooling: PoolingSetting = OWN,
    ) -> ItemTower:
        """Return an untrained tower over a pretrained encoder; its linear layer is the identity.

        Args:
            prompt, query_prompt: stand before each item's text and before each query; those of
                the model's own settings where they are `OWN`.
            layers: of the encoder, its first ones; None: all.
            dims: of an item vector, see `whitening_of`; None: as many as the encoder has.
            pooling: makes one vector of those of the tokens.

        Raises:
            ModelNotFoundError: the encoder is in none of the places of `resolve_encoder`, or
                what lies there can't be read as one.
            EncoderError: it has fewer layers or dimensions, or a prompt leaves no room for a text.
        """
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling

        source = resolve_encoder(name)
        encoder = open_encoder(source, layers)
        head = [m for m in encoder if not isinstance(m, Normalize)][:2]
        size = int(head[1].get_embedding_dimension())
        if pooling != OWN:
            head[1] = Pooling(size, _POOLING[pooling])
        length, first = chosen_dims(encoder, dims)
        unit = torch.eye(length, size)
        dense = Dense(size, length, activation_function=nn.Identity(), init_weight=unit)
        nn.init.zeros_(dense.linear.bias)
        modules = [*head, Normalize(), dense, Normalize()]
        tower = SentenceTransformer(modules=modules, device="cpu")
        tower.max_seq_length = min(max_tokens, encoder.max_seq_length or max_tokens)
        own = Prompts.of(encoder.prompts, encoder.default_prompt_name, source.name)
        prompts = own.replaced(prompt, query_prompt)
        prompts.given_to(tower)
        check_prompts(prompts, tower.tokenizer, int(tower.max_seq_length))
        return cls(tower, int(tower.max_seq_length), first)

    @classmethod
    def load(cls, folder: Path) -> ItemTower:
        """Return a tower that `save` wrote.

        Raises:
            DamagedFileError: the folder holds something else; no library has read it.
        """
        check_tower_folder(folder)
        tower = quietly_load(str(folder))
        return cls(tower, int(tower.max_seq_length))

    def save(self, folder: Path) -> None:
        """Write the tower in the sentence-transformers layout (safetensors and JSON)."""
        with quiet_transformers():
            self.sentence_transformer.save_pretrained(str(folder), create_model_card=False)

    @property
    def dim(self) -> int:
        """Length of an item vector."""
        return int(self.dense.linear.out_features)

    @property
    def text_encoder(self) -> nn.Module:
        """The transformer stack that reads tokens."""
        module: nn.Module = self.sentence_transformer[0]
        return module

    @property
    def dense(self) -> Any:
        """The linear layer behind the pooling."""
        return self.sentence_transformer[3]

    @property
    def tokenizer(self) -> Any:
        """The encoder's own tokenizer."""
        return self.sentence_transformer.tokenizer

    @property
    def prompts(self) -> Prompts:
        """What stands before item texts and before queries."""
        modules = self.sentence_transformer
        return Prompts.of(modules.prompts, modules.default_prompt_name)

    def tokenise(self, texts: list[str]) -> TokenTable:
        """Return item texts as this tower reads them, behind its prompt, cut at its limit."""
        prompt = self.prompts.item
        return tokenise(self.tokenizer, [prompt + text for text in texts], self.max_tokens)

    def pieces(self, texts: list[str], long_texts: LongTexts = "cut") -> TextPieces:
        """Return item texts as this tower reads them, longer ones cut or in pieces.

        The prompt stands before each piece.
        """
        return read_pieces(
            self.tokenizer, texts, self.max_tokens, long_texts, prompt=self.prompts.item
        )

    def whitening_of(self, pooled: NDArray[np.float32], power: float = USUAL_POWER) -> Whitening:
        """Return the partial whitening of a catalog's pooled vectors that this tower has room for.

        With fewer dimensions than the encoder's it keeps those axes that hold most of the catalog;
        of a Matryoshka model, axes of its first coordinates.
        """
        dims = None if self.dim == self.dim_pooled else self.dim
        return fit_partial_whitening(pooled, power, dims=dims, first=self._first_dims)

    def set_whitening(self, whitening: Whitening) -> None:
        """Set the linear layer, e.g. to the partial whitening of a catalog's pooled vectors."""
        with torch.no_grad():
            self.dense.linear.weight.copy_(torch.from_numpy(whitening.weight))
            self.dense.linear.bias.copy_(torch.from_numpy(whitening.bias))

    def pool(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the unit vectors before the linear layer, float32 [b, dim]."""
        return self.pool_with(self.text_encoder, ids, mask)

    def project(self, pooled: torch.Tensor) -> torch.Tensor:
        """Return item vectors from pooled ones: linear layer and unit length, [b, dim]."""
        return nn.functional.normalize(self.dense.linear(pooled), dim=-1)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return unit item vectors of tokenised texts, [b, dim]."""
        return self.project(self.pool(ids, mask))

    def pool_with(self, encoder: nn.Module, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return what `pool` does, read with another encoder of the same shape."""
        features = encoder({"input_ids": ids, "attention_mask": mask, "modality": "text"})
        pooled = self.sentence_transformer[1](features)["sentence_embedding"].float()
        return nn.functional.normalize(pooled, dim=-1)

    @property
    def dim_pooled(self) -> int:
        """Length of a vector before the linear layer."""
        return int(self.dense.linear.in_features)

    @torch.no_grad()
    def project_all(self, pooled: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return item vectors from pooled ones, float32 [n, dim]."""
        device = self.dense.linear.weight.device
        out = np.empty((len(pooled), self.dim), np.float32)
        for start in range(0, len(pooled), 8192):
            part = torch.from_numpy(pooled[start : start + 8192]).to(device)
            out[start : start + 8192] = self.project(part).cpu().numpy()
        return out

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """Return unit item vectors of a few texts, float32 [n, dim]; many: `encode_pooled`."""
        return self._encode(self.tokenise(texts))

    def encode_queries(self, texts: list[str]) -> NDArray[np.float32]:
        """Return unit vectors of free-text queries, float32 [n, dim]."""
        prompt = self.prompts.query
        queries = [prompt + text for text in texts]
        return self._encode(tokenise(self.tokenizer, queries, self.max_tokens))

    @torch.no_grad()
    def _encode(self, tokens: TokenTable) -> NDArray[np.float32]:
        out = np.empty((len(tokens), self.dim), np.float32)
        was_training = self.training
        self.eval()
        device = self.dense.linear.weight.device
        for batch in token_batches(tokens.lengths, TOKENS_AT_ONCE):
            ids, mask = tokens.padded(batch)
            out[batch] = self(ids.to(device), mask.to(device)).cpu().numpy()
        self.train(was_training)
        return out

    def text_fingerprint(self) -> str:
        """Return a sha256 over what pooled vectors depend on: encoder, pooling, prompts, limit."""
        digest = hashlib.sha256(str(self.max_tokens).encode() + self.prompts.identity)
        pooling = self.sentence_transformer[1].get_config_dict()
        digest.update(json.dumps(pooling, sort_keys=True).encode())
        for part in _weights(self.text_encoder):
            digest.update(part)
        return digest.hexdigest()

    def fingerprint(self) -> str:
        """Return a sha256 over all weights, prompts and the token limit: what tells this tower."""
        digest = hashlib.sha256(str(self.max_tokens).encode() + self.prompts.identity)
        for part in _weights(self):
            digest.update(part)
        return digest.hexdigest()


def _weights(module: nn.Module) -> Iterator[bytes]:
    """Yield the name and the numbers of every weight, in the order of the names."""
    for name, tensor in sorted(module.state_dict().items()):
        yield name.encode()
        yield tensor.detach().cpu().contiguous().float().numpy().tobytes()

"""The default user tower: a BERT stack over the history's item vectors."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Literal

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from longtail.retrieval.towers.layers.bert_stack import bert_states
from longtail.retrieval.towers.layers.stored_shapes import check_stored_shapes
from longtail.retrieval.towers.user_tower import ItemSource, UserTower


@dataclass(frozen=True)
class VectorUserTowerShape:
    """Sizes of the tower.

    Attributes:
        dim: length of item and user vectors.
        items: catalog rows that have history offsets; 0 leaves the offsets out.
        max_history: past items read.
        decay: where the learned recency weights start: ``decay ** age``.
        layers, hidden, heads, dropout: of the BERT stack; 0 layers leave it out.
    """

    dim: int
    items: int = 0
    max_history: int = 20
    decay: float = 0.8
    layers: int = 2
    hidden: int = 128
    heads: int = 4
    dropout: float = 0.1


class VectorUserTower(UserTower):
    """A recency-weighted sum over past items plus what a BERT encoder adds to it.

    A past item enters as its item vector plus its *history offset*: what the log knows of the
    people who took it and the text doesn't say. Items without training
    events and items added later have none of their own: they borrow (`with_lent_offsets`), or
    their text speaks alone. Offsets live on the history's side only: a candidate is its text, so a
    cold item is scored like any other.

    The encoder's projection and the offsets start at zero. Before the first step the tower is
    content-kNN (the decayed sum), and training moves away from there only for a reason.
    """

    kind: ClassVar[str] = "vectors"
    reads_tokens = False

    def __init__(self, shape: VectorUserTowerShape) -> None:
        from transformers import BertConfig, BertModel

        super().__init__()
        self.shape = shape
        self.max_history = shape.max_history
        ages = torch.arange(shape.max_history, dtype=torch.float32)
        self.log_recency = nn.Parameter(ages * torch.log(torch.tensor(shape.decay)))
        self.offsets = nn.Parameter(torch.zeros(shape.items, shape.dim))
        if shape.layers == 0:
            return
        self.inward = nn.Linear(shape.dim, shape.hidden)
        self.bert = BertModel(
            BertConfig(
                vocab_size=1,  # it is fed vectors, never tokens
                hidden_size=shape.hidden,
                num_hidden_layers=shape.layers,
                num_attention_heads=shape.heads,
                intermediate_size=4 * shape.hidden,
                max_position_embeddings=shape.max_history,
                hidden_dropout_prob=shape.dropout,
                attention_probs_dropout_prob=shape.dropout,
                pad_token_id=0,
            ),
            add_pooling_layer=False,
        )
        self.outward = nn.Linear(shape.hidden, shape.dim)
        nn.init.zeros_(self.outward.weight)
        nn.init.zeros_(self.outward.bias)

    def forward(self, rows: torch.Tensor, source: ItemSource) -> torch.Tensor:
        rows = rows[:, : self.max_history]
        inside = rows >= 0
        positions = rows.clamp(min=0)
        vectors = (self.history_vectors(source)[positions]) * inside[..., None]
        recency = self.log_recency[: rows.shape[1]].exp()
        user = nn.functional.normalize((vectors * recency[:, None]).sum(1), dim=-1)
        if self._encodes():
            user = nn.functional.normalize(user + self._encoded(vectors, inside), dim=-1)
        return user * inside.any(1, keepdim=True)

    def train_only(self, part: Literal["history", "encoder", "text"]) -> None:
        """Let only recency and offsets train, or only the BERT stack, or all of it.

        The parts are trained one after another: trained together, the stack takes from the
        offsets what it then generalises worse (docs/model.md).
        """
        for name, parameter in self.named_parameters():
            of_history = name in ("log_recency", "offsets")
            trained = part == "text" or (part == "history") == of_history
            # A tower without offsets has an empty table, which never gets a gradient.
            parameter.requires_grad_(trained and parameter.numel() > 0)

    def history_vectors(self, source: ItemSource) -> torch.Tensor:
        """Return the source's items as the history's side sees them, [n, dim]."""
        if not self.shape.items:
            return source.vectors
        known = source.rows < self.shape.items
        offsets = self.offsets[source.rows.clamp(max=self.shape.items - 1)]
        return source.vectors + offsets * known[:, None]

    def _encodes(self) -> bool:
        """Whether the stack has anything to add, or is about to learn to."""
        if not self.shape.layers:
            return False
        return self.outward.weight.requires_grad or bool(self.outward.weight.any())

    def _encoded(self, vectors: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
        # Attention over nothing is NaN: an empty history attends to its (zero) first place,
        # and the caller sets its answer to zero.
        attended = inside.clone()
        attended[:, 0] |= ~inside.any(1)
        entered = self.inward(vectors)
        if self.training:
            mask = attended.long()
            hidden = self.bert(inputs_embeds=entered, attention_mask=mask).last_hidden_state
        else:
            hidden = bert_states(self.bert, entered, attended)
        share = attended / attended.sum(1, keepdim=True)
        # The scale keeps the stack's first steps small beside a base of length 1.
        encoded: torch.Tensor = self.outward((hidden * share[..., None]).sum(1))
        return encoded.div(self.shape.hidden**0.5)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(
            json.dumps({"kind": self.kind, "shape": asdict(self.shape)}, indent=2)
        )
        save_file(
            {k: v.detach().cpu().contiguous() for k, v in self.state_dict().items()},
            folder / "model.safetensors",
        )

    @classmethod
    def load(cls, folder: Path) -> VectorUserTower:
        """Return a tower that `save` wrote."""
        config = json.loads((folder / "config.json").read_text())
        shape = VectorUserTowerShape(**config["shape"])
        check_stored_shapes(lambda: cls(shape), folder / "model.safetensors", layers=shape.layers)
        tower = cls(shape)
        tower.load_state_dict(load_file(folder / "model.safetensors"))
        return tower.requires_grad_(False)

"""A BERT stack over vectors in few calls: for one history, its modules cost more than the work."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

linear = nn.functional.linear


def bert_states(bert: Any, entered: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
    """Return the last states of a ``transformers.BertModel`` without dropout, [b, length, hidden].

    ``entered`` [b, length, hidden] stands in the place of word vectors; ``attended`` bool
    [b, length] says which places are read, at least one in each row. The same operations as
    ``bert(inputs_embeds=entered, attention_mask=attended)``, on its weights as they are.
    """
    embeddings = bert.embeddings
    # The type of all places is the first: there is no second sentence.
    places = embeddings.position_embeddings.weight[: entered.shape[1]]
    states = entered + (places + embeddings.token_type_embeddings.weight[0])
    states = _normal(embeddings.LayerNorm, states)
    mask = None if bool(attended.all()) else attended[:, None, None, :]
    for layer in bert.encoder.layer:
        states = _layer(layer, states, mask)
    return states


def _layer(layer: Any, states: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    attention, after = layer.attention.self, layer.attention.output
    by_head = (*states.shape[:2], attention.num_attention_heads, -1)
    queries, keys, values = (
        linear(states, part.weight, part.bias).view(by_head).transpose(1, 2)
        for part in (attention.query, attention.key, attention.value)
    )
    looked = nn.functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    looked = looked.transpose(1, 2).flatten(2)
    states = _normal(after.LayerNorm, linear(looked, after.dense.weight, after.dense.bias) + states)
    wide, narrow = layer.intermediate, layer.output
    inner = wide.intermediate_act_fn(linear(states, wide.dense.weight, wide.dense.bias))
    inner = linear(inner, narrow.dense.weight, narrow.dense.bias)
    return _normal(narrow.LayerNorm, inner + states)


def _normal(norm: Any, states: torch.Tensor) -> torch.Tensor:
    return nn.functional.layer_norm(states, norm.normalized_shape, norm.weight, norm.bias, norm.eps)

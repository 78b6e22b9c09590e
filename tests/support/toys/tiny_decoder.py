"""A random decoder that knows the toy shop's words, without a token to pad with."""

from __future__ import annotations

from pathlib import Path

import torch
from toy_shop import VOCABULARY


def save_tiny_decoder(folder: Path, *, layers: int = 3, dim: int = 32) -> Path:
    """Write a random Llama with a tokenizer of the shop's words, and return it.

    Its tokenizer marks neither start nor end of a text, and pads on the left, as decoders do that
    generate.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    pieces = ["<unk>", "<end>", *VOCABULARY, "."]
    tokenizer = Tokenizer(models.WordLevel({p: i for i, p in enumerate(pieces)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        eos_token="<end>",
        padding_side="left",
        model_max_length=64,
    ).save_pretrained(str(folder))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=len(pieces),
            hidden_size=dim,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            intermediate_size=2 * dim,
            max_position_embeddings=64,
            initializer_range=0.2,
            bos_token_id=None,
            eos_token_id=1,
        )
        LlamaForCausalLM(config).save_pretrained(str(folder))
    return folder

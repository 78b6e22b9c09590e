"""A pretrained encoder that can be an item tower, or one line that says why it can't."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from longtail.retrieval.errors import EncoderError, ModelNotFoundError
from longtail.retrieval.towers.text.quiet_loading import quiet_transformers, quietly_load
from longtail.retrieval.towers.text.weights import EncoderSource
from longtail.retrieval.towers.tower_folder import foreign_module

# Read by no tower, and so left out of many files.
_UNREAD = "pooler"
_SCORES_TEXTS = "ForSequenceClassification"
# Without any of them the library makes one up, to which all is unknown.
_TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")


def open_encoder(source: EncoderSource, layers: int | None = None) -> Any:
    """Return the encoder as a ``SentenceTransformer``, its first ``layers`` where they are named.

    Its tokeniser pads on the right, with some token or other where it names none.

    Raises:
        ModelNotFoundError: what lies there is no text encoder, or its files can't be read.
        EncoderError: it has fewer layers, or doesn't let any be left out.
    """
    from safetensors import SafetensorError

    where = f"{source.location} ({source.found_in})"
    folder = Path(source.location)
    foreign = foreign_module(folder)
    if foreign is not None:
        raise ModelNotFoundError(
            f"{where} has a module of type {foreign[:100]}, "
            "which isn't sentence-transformers' own; code of an encoder is not run"
        )
    if (kind := other_model(folder)) is not None:
        raise ModelNotFoundError(
            f"{where} is {kind}, which gives a text no vector; name an encoder of single texts"
        )
    try:
        encoder = quietly_load(source.location)
        _check_modules(encoder, folder, where)
        if layers is not None:
            encoder = _first_layers(encoder, source.location, layers)
        _check_weights(encoder[0], folder, where)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelNotFoundError(
            f"{where} can't be read as a text encoder "
            f"({reason}); it needs config.json, a tokenizer and model.safetensors"
        ) from error
    _set_padding(encoder.tokenizer, where)
    return encoder


def other_model(folder: Path) -> str | None:
    """Return what a folder holds in the place of an encoder of single texts, None: nothing else.

    A cross-encoder reads like a BERT, and its vectors would be of no use to anybody.
    """
    kind = _settings(folder / "config_sentence_transformers.json").get("model_type")
    if kind not in (None, "SentenceTransformer"):
        return f"of the type {str(kind)[:60]}"
    if (folder / "modules.json").is_file():
        return None
    named = _settings(folder / "config.json").get("architectures") or [""]
    if str(named[0]).endswith(_SCORES_TEXTS):
        return f"a cross-encoder or a classifier ({named[0][:60]})"
    return None


def count_layers(encoder: Any) -> int | None:
    """Return how many layers an encoder has, None where its settings don't say."""
    config = getattr(getattr(encoder[0], "auto_model", None), "config", None)
    number = getattr(config, "num_hidden_layers", None)
    return number if isinstance(number, int) else None


def _first_layers(encoder: Any, location: str, layers: int) -> Any:
    """Return the encoder read anew with its first layers alone.

    Its settings say how many there are, so the folder that a tower is saved to holds no others.
    """
    there = count_layers(encoder)
    if there is None:
        raise EncoderError(f"{location} has no layers to choose from; leave item_tower.layers")
    if layers > there:
        raise EncoderError(f"setting item_tower.layers is {layers}; {location} has {there} layers")
    if layers == there:
        return encoder
    changed: dict[str, Any] = {"num_hidden_layers": layers}
    # What some decoders say of each layer.
    if kinds := getattr(encoder[0].auto_model.config, "layer_types", None):
        changed["layer_types"] = list(kinds)[:layers]
    shorter = quietly_load(location, **changed)
    if count_weights(shorter) >= count_weights(encoder):
        raise EncoderError(f"{location} doesn't let layers be left out; leave item_tower.layers")
    return shorter


def count_weights(module: nn.Module) -> int:
    """Return how many numbers a module's weights hold."""
    return sum(weight.numel() for weight in module.parameters())


def _check_modules(encoder: Any, folder: Path, where: str) -> None:
    kinds = [type(module).__name__ for module in encoder]
    if kinds[:2] != ["Transformer", "Pooling"]:
        raise ModelNotFoundError(
            f"{where} consists of {', '.join(kinds) or 'nothing'}; an item tower is made of a "
            "Transformer and a Pooling"
        )
    place = folder / _place(folder)
    if not any(path for name in _TOKENIZERS for path in place.glob(name)):
        raise ModelNotFoundError(
            f"{where} has no tokenizer ({', '.join(_TOKENIZERS)}); copy the model's files again"
        )


def _check_weights(transformer: Any, folder: Path, where: str) -> None:
    """Refuse files that lack weights: the library would draw them at random, and only say so."""
    folder = folder / _place(folder)
    if (folder / "adapter_config.json").is_file():
        return
    model = transformer.auto_model
    # Read without numbers; what is drawn meanwhile must not change what is drawn later.
    with quiet_transformers(), torch.random.fork_rng(devices=[]):
        _, info = type(model).from_pretrained(
            folder,
            config=model.config,
            device_map="meta",
            output_loading_info=True,
            local_files_only=True,
        )
    missing = sorted(key for key in info["missing_keys"] if _UNREAD not in key)
    if missing:
        raise ModelNotFoundError(
            f"{where} lacks {len(missing):,} of the weights that its config.json asks for, "
            f"{missing[0]} first: they would be random; copy the model's files again"
        )


def _place(folder: Path) -> str:
    """Return where in the folder the transformer's files lie."""
    try:
        return str(json.loads((folder / "modules.json").read_bytes())[0]["path"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def _set_padding(tokenizer: Any, where: str) -> None:
    """Have it pad on the right: a decoder's positions are then those of the text alone.

    Which token it pads with is all one, since padding is never attended.
    """
    if tokenizer.padding_side != "right":
        tokenizer.padding_side = "right"
    if tokenizer.pad_token_id is not None:
        return
    token = tokenizer.eos_token or tokenizer.unk_token or tokenizer.convert_ids_to_tokens(0)
    if token is None:
        raise ModelNotFoundError(f"{where} has a tokenizer without a token to pad with")
    tokenizer.pad_token = token


def _settings(path: Path) -> dict[str, Any]:
    """Return a file's settings; none of one that can't be read: who reads it next says why."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}

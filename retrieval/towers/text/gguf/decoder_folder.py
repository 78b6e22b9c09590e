"""A decoder's GGUF file as a folder that sentence-transformers reads."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from longtail.retrieval.errors import ModelNotFoundError
from longtail.retrieval.towers.text.quiet_loading import quiet_transformers


def write_decoder_folder(file: Path, folder: Path) -> None:
    """Write weights (float16), tokeniser and settings of the model that the file holds.

    transformers spells the quantised weights out. The output layer, which names the next token,
    is left out: a tower reads the states below it.

    Raises:
        ModelNotFoundError: the file is none that transformers can read.
    """
    # Here: finding an encoder alone must not wait for it.
    import torch

    # What it draws meanwhile must not change what a training draws.
    with quiet_transformers(), torch.random.fork_rng(devices=[]):
        _write(file, folder)


def _write(file: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    given = {"gguf_file": file.name, "local_files_only": True}
    try:
        tokenizer = AutoTokenizer.from_pretrained(file.parent, **given)
        # Spelt out in float32, as the file means them, and only then rounded.
        model = AutoModel.from_pretrained(file.parent, dtype=torch.float32, **given)
    except (ImportError, OSError, ValueError, KeyError, RuntimeError, struct.error) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelNotFoundError(f"{file} can't be read as a GGUF model ({reason})") from error
    # The library keeps taking it for a quantised model, which it doesn't write.
    del model.config.quantization_config
    with torch.device("meta"):
        plain = type(model)(model.config)
    plain.load_state_dict(model.state_dict(), assign=True)
    plain.half().save_pretrained(folder)
    tokenizer.padding_side = "right"
    tokenizer.save_pretrained(folder)
    _write_modules(folder, model.config.hidden_size)


def _write_modules(folder: Path, size: int) -> None:
    """Write what makes it a ``SentenceTransformer``: the mean of its tokens' states.

    The last token's state is made to say what comes next; `item_tower.pooling` takes it all the
    same.
    """
    modules = ("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")
    listed = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(modules)
    ]
    (folder / "modules.json").write_text(json.dumps(listed, indent=2), "utf-8")
    for path, _ in modules[1:]:
        (folder / path).mkdir()
    pooling = {"word_embedding_dimension": size, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling, indent=2), "utf-8")
    (folder / "2_Normalize" / "config.json").write_text("{}", "utf-8")

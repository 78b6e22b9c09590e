"""Encoders and towers read by sentence-transformers, without its notes and bars on stderr."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any


def quietly_load(location: str, **config: Any) -> Any:
    """Return the ``SentenceTransformer`` of a folder; ``config`` stands over its own settings."""
    # Here: finding an encoder alone must not wait for it.
    import torch
    from sentence_transformers import SentenceTransformer

    with quiet_transformers():
        # float32 whatever the files hold: training and the fingerprint need one dtype.
        return SentenceTransformer(
            location,
            device="cpu",
            model_kwargs={"dtype": torch.float32},
            config_kwargs=config or None,
            local_files_only=True,
        )


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep the libraries' bars and notes (prompts, unread weights) off stderr, where ours are."""
    from transformers.utils import logging as bars

    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    notes = [logging.getLogger(name) for name in ("sentence_transformers", "transformers")]
    levels = [logger.level for logger in notes]
    for logger in notes:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(notes, levels, strict=True):
            logger.setLevel(level)
        if shown:
            bars.enable_progress_bar()

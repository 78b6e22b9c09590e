"""How many dimensions an encoder's vectors have, and which of them come first by training."""

from __future__ import annotations

from typing import Any

from longtail.retrieval.errors import EncoderError

# Under which names models' settings list the lengths that their vectors were trained at.
_NAMES = ("matryoshka_dimensions", "matryoshka_dims")


def chosen_dims(encoder: Any, dims: int | None) -> tuple[int, int | None]:
    """Return how long item vectors are, and of which first coordinates their axes are taken.

    The latter is None where all coordinates count. A Matryoshka model (Kusupati et al.,
    "Matryoshka Representation Learning", NeurIPS 2022) has learned to say as much as it can with
    the first ones: they are cut there before anything else, at the shortest of its lengths that
    isn't below ``dims``. Its settings say so by a list of lengths, or by one to cut at.

    Raises:
        EncoderError: its vectors are shorter.
    """
    size = int(encoder[1].get_embedding_dimension())
    cut = encoder.truncate_dim
    longest = size if cut is None else min(size, cut)
    if dims is not None and dims > longest:
        raise EncoderError(
            f"setting item_tower.dims is {dims}; the encoder's vectors have {longest}"
        )
    chosen = longest if dims is None else dims
    lengths = [length for length in (*_listed(encoder), longest) if chosen <= length <= longest]
    first = min(lengths)
    return chosen, None if first == size else first


def _listed(encoder: Any) -> list[int]:
    config = encoder[0].auto_model.config
    for name in _NAMES:
        lengths = getattr(config, name, None)
        if isinstance(lengths, list | tuple):
            return [length for length in lengths if isinstance(length, int)]
    return []

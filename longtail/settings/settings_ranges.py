"""Which numbers make sense for which training setting."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Range:
    """Allowed numbers, both ends included."""

    low: float
    high: float = math.inf

    def __str__(self) -> str:
        if self.high == math.inf:
            return f"at least {self.low:g}"
        return f"between {self.low:g} and {self.high:g}"


_SHARE, _COUNT, _POSITIVE = Range(0, 1), Range(0), Range(1)
# By the last part of the key: nearly every name means the same in every group.
RANGES = {
    "bags": _POSITIVE,
    "batch_size": _POSITIVE,
    "closed_form_limit": _COUNT,
    # Its logarithm is what trains.
    "decay": Range(0.001, 1),
    "debias_price": _SHARE,
    "dim": _POSITIVE,
    "dropout": Range(0, 0.99),
    "epochs": _COUNT,
    "evaluations_per_epoch": Range(0.01),
    "events_per_batch": _POSITIVE,
    "first_order": _COUNT,
    "first_order_kernel": _COUNT,
    # An item that nobody took and nothing reads like is divided by it.
    "first_order_ridge": Range(0.001),
    # A scorer is judged by users that it wasn't fitted on.
    "folds": Range(2),
    "frozen_states_gb": _COUNT,
    "gradient_accumulation": _POSITIVE,
    "heads": _POSITIVE,
    "hidden": _POSITIVE,
    "history_dropout": Range(0, 0.99),
    "item_linear_lr": _COUNT,
    "kept": _POSITIVE,
    "layers": _COUNT,
    "learning_rate": _COUNT,
    "least_gain": _COUNT,
    "logq_strength": _SHARE,
    "lora_rank": _COUNT,
    "max_events": _COUNT,
    "max_history": _POSITIVE,
    "max_items": _COUNT,
    "max_steps": Range(-1),
    # Two of them mark start and end of a text.
    "max_tokens": Range(3),
    "max_users": _POSITIVE,
    "negatives": _POSITIVE,
    "offsets_lr": _COUNT,
    "patience": _POSITIVE,
    "popularity_matched": _COUNT,
    "popularity_strengths": _COUNT,
    "popularity_weights": _COUNT,
    "refresh_steps": _COUNT,
    "ridge": _COUNT,
    "rounds": _POSITIVE,
    # The generators of NumPy and torch take nothing else.
    "seed": Range(0, 2**32 - 1),
    "shuffled_share": _SHARE,
    # 1 is what `exact` is for.
    "target_recall": Range(0.5, 0.999),
    # 0 would leave the tail's positives out.
    "tail_weights": Range(0.01),
    "temperature": _COUNT,
    "test_share": Range(0, 0.99),
    "text_encoder_lr": _COUNT,
    "text_kernel": _COUNT,
    "text_neighbours": _COUNT,
    "text_tokens": Range(3),
    "tokens_per_pass": _COUNT,
    "trainable_layers": Range(-1),
    "transitions_by_text_limit": _COUNT,
    "uniform_negatives": _COUNT,
    "user_tower_lr": _COUNT,
    "valid_share": Range(0, 0.99),
    "warmup_share": _SHARE,
    "weight_decay": _COUNT,
    "whitening_power": _SHARE,
}
# By the whole key: where the last part isn't enough, and before it.
RANGES_OF_KEYS = {
    # In float32 the matrix of a catalog with untaken items has no inverse much below.
    "behaviour.closed_form.ridge": Range(1),
    # Without a step the network would be a guess.
    "relevance.epochs": _POSITIVE,
    "sequence.layers": _POSITIVE,
    "sequence.patience": _COUNT,
}


def out_of_range(settings: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield a complaint for each setting whose number makes no sense, with its whole key.

    >>> list(out_of_range({"seed": 1, "history": {"batch_size": 0}}))
    ['setting history.batch_size is 0; it must be at least 1']
    """
    for key, value in settings.items():
        full = f"{path}{key}"
        if isinstance(value, Mapping):
            yield from out_of_range(value, f"{full}.")
            continue
        allowed = RANGES_OF_KEYS.get(full, RANGES.get(key))
        for number in value if isinstance(value, list | tuple) else (value,):
            if isinstance(number, bool) or not isinstance(number, int | float) or allowed is None:
                continue
            if not allowed.low <= number <= allowed.high or number == math.inf:
                yield f"setting {full} is {number:g}; it must be {allowed}"

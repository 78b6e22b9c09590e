"""Which backend reads the texts: the one named, or the fastest that passes the parity gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from longtail.retrieval.errors import BackendError
from longtail.retrieval.towers.backends.backend import TextBackend
from longtail.retrieval.towers.backends.names import (
    BACKENDS,
    EXACT,
    BackendName,
    BackendSetting,
    missing,
    not_worth_trying,
)
from longtail.retrieval.towers.backends.parity import ITEMS, Parity, measure_parity, require
from longtail.retrieval.towers.backends.torch_backend import TorchBackend
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.encoding import encode_pooled
from longtail.retrieval.towers.text.tokens import TokenTable

# Below, exporting and the gate take longer than they save; and the same bits come every time.
FEW_TEXTS = 4_000
# An export takes as long as reading a few thousand texts.
FEW_FOR_EXPORT = 20_000
# Less isn't worth other bits.
LEAST_GAIN = 1.15
# The measurement: about a second a backend on two cores.
_TIMED_TOKENS = 4_096


@dataclass(frozen=True)
class Choice:
    """A backend that may be used, and why it.

    Attributes:
        parity: what the gate measured; None for PyTorch in float32, the reference itself.
        texts_per_second: what `auto` measured, by backend; empty where it was named.
        left_out: why `auto` didn't take another one, by backend.
    """

    backend: TextBackend
    parity: Parity | None = None
    texts_per_second: Mapping[str, float] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    def report(self) -> dict[str, Any]:
        """Return all of it as plain data, as the manifest keeps it."""
        return {
            "backend": self.backend.name,
            "parity": None if self.parity is None else self.parity.report(),
            "texts_per_second": {n: round(v, 1) for n, v in self.texts_per_second.items()},
            "left_out": dict(self.left_out),
        }


def check_backend(setting: BackendSetting, device: torch.device) -> None:
    """Refuse a backend that this machine lacks something for, before work is spent.

    Raises:
        BackendError: with what is missing.
    """
    if setting != "auto" and (reason := missing(setting, device)):
        raise BackendError(
            f"{setting} can't be used here: {reason}; or use item_tower.backend: auto"
        )


def open_backend(tower: ItemTower, name: BackendName) -> TextBackend:
    """Return a backend over the tower as it is now; it hasn't passed the gate yet.

    Raises:
        BackendError: this machine lacks something for it, or the encoder can't be exported.
    """
    check_backend(name, _device(tower))
    if name.startswith("onnx"):
        from longtail.retrieval.towers.backends.onnx_backend import OnnxBackend

        return OnnxBackend(tower, int8=name == "onnx-int8")
    return TorchBackend(tower, getattr(torch, name.removeprefix("torch-")))


def choose_backend(
    tower: ItemTower,
    setting: BackendSetting,
    sample: TokenTable,
    n_texts: int,
    *,
    will_train: bool = False,
) -> Choice:
    """Return the backend that shall read ``n_texts`` texts, after the parity gate.

    ``sample`` are some of them, see `sample_rows`. `auto` measures what this machine offers and
    takes the fastest that passes; on few texts it is PyTorch in float32, unmeasured. With
    ``will_train`` it takes none that would have to be exported again after every evaluation.

    Raises:
        BackendError: the named one can't be used here.
        ParityError: the named one gives other vectors than float32.
    """
    exact = TorchBackend(tower)
    if setting == EXACT or not len(sample):
        return Choice(exact)
    if setting == "auto":
        return _fastest(tower, exact, sample, n_texts, will_train)
    backend = open_backend(tower, setting)
    parity = measure_parity(backend, encode_pooled(exact, sample), encode_pooled(backend, sample))
    require(parity)
    return Choice(backend, parity)


def choose_for_update(
    tower: ItemTower, name: BackendName, sample: TokenTable, n_texts: int
) -> Choice:
    """Return what reads texts that join those of a backend: it itself, or the exact one for few.

    The gate has shown that both give the same vectors, within its limits.

    Raises:
        BackendError, ParityError: see `choose_backend`.
    """
    return choose_backend(tower, EXACT if n_texts < FEW_TEXTS else name, sample, n_texts)


def sample_rows(n: int, most: int = ITEMS, seed: int = 0) -> NDArray[np.int64]:
    """Return which of n texts the gate reads, evenly drawn, ascending."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))


def _fastest(
    tower: ItemTower, exact: TextBackend, sample: TokenTable, n_texts: int, will_train: bool
) -> Choice:
    if n_texts < FEW_TEXTS:
        return Choice(exact, left_out={"others": f"fewer than {FEW_TEXTS:,} texts"})
    opened: dict[str, TextBackend] = {EXACT: exact}
    left_out: dict[str, str] = {}
    for name in BACKENDS[1:]:
        reason = not_worth_trying(name, _device(tower))
        if reason is None and name.startswith("onnx"):
            reason = _not_worth_exporting(n_texts, will_train)
        try:
            if reason is None:
                opened[name] = open_backend(tower, name)
                continue
        except BackendError as error:
            reason = str(error)
        left_out[name] = reason
    if len(opened) == 1:
        return Choice(exact, left_out=left_out)
    speeds = _speeds(opened, sample)
    reference: NDArray[np.float32] | None = None
    for rival in sorted(opened, key=lambda name: -speeds[name]):
        if speeds[rival] < LEAST_GAIN * speeds[EXACT]:
            break
        if reference is None:
            reference = encode_pooled(exact, sample)
        parity = measure_parity(opened[rival], reference, encode_pooled(opened[rival], sample))
        if parity.passed:
            return Choice(opened[rival], parity, speeds, left_out)
        left_out[rival] = str(parity)
    return Choice(exact, None, speeds, left_out)


def _not_worth_exporting(n_texts: int, will_train: bool) -> str | None:
    if will_train:
        return "the text encoder is going to be trained"
    return f"fewer than {FEW_FOR_EXPORT:,} texts" if n_texts < FEW_FOR_EXPORT else None


def _speeds(backends: Mapping[str, TextBackend], sample: TokenTable) -> dict[str, float]:
    """Return texts a second of each backend on the sample's beginning, the better of two runs."""
    timed = int(np.searchsorted(sample.offsets[1:], _TIMED_TOKENS, side="right"))
    part = sample.take(np.arange(min(max(timed, 1), len(sample))))
    speeds = dict.fromkeys(backends, 0.0)
    for backend in backends.values():
        encode_pooled(backend, part.take(np.arange(1)))
    # By turns, so that a busy second hits all of them.
    for _ in range(2):
        for name, backend in backends.items():
            began = perf_counter()
            encode_pooled(backend, part)
            speeds[name] = max(speeds[name], len(part) / max(perf_counter() - began, 1e-9))
    return speeds


def _device(tower: ItemTower) -> torch.device:
    return next(tower.parameters()).device

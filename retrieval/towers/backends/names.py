"""The ways of reading texts by name, and which of them a machine offers."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any, Literal, get_args

import torch

BackendName = Literal[
    "torch-float32", "torch-bfloat16", "torch-float16", "onnx-float32", "onnx-int8"
]
BackendSetting = Literal["auto", BackendName]
BACKENDS: tuple[BackendName, ...] = get_args(BackendName)

# The reference: what the others are compared with.
EXACT: BackendName = "torch-float32"
ONNX_PACKAGES = ("onnx", "onnxruntime", "onnxscript")


def backend_named(name: str) -> BackendName:
    """Return the backend of this name; one that this version doesn't know is read as exact.

    >>> backend_named("onnx-int8"), backend_named("of-later-days")
    ('onnx-int8', 'torch-float32')
    """
    return next((known for known in BACKENDS if known == name), EXACT)


def backend_of_run(summary: Mapping[str, Any]) -> BackendName:
    """Return which backend read a run's catalog, from the summary in its manifest.

    Runs of before backends had names are read exactly: their vectors are those of float32, or
    near enough to pass the gate.
    """
    return backend_named(summary.get("text_backend", {}).get("backend", EXACT))


def bfloat16_is_fast(device: torch.device) -> bool:
    """Return whether the hardware multiplies bfloat16; elsewhere it is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def missing(name: BackendName, device: torch.device) -> str | None:
    """Return what a backend lacks on this machine, as a clause; None where it can be used."""
    if name.startswith("onnx") and any(not importlib.util.find_spec(p) for p in ONNX_PACKAGES):
        return 'it needs `pip install "longtail[onnx]"`'
    if name == "torch-float16" and device.type != "cuda":
        return "processors don't multiply float16; it needs a GPU"
    return None


def not_worth_trying(name: BackendName, device: torch.device) -> str | None:
    """Return why `auto` leaves a backend out on this machine, as a clause, or None."""
    if reason := missing(name, device):
        return reason
    if name == "torch-bfloat16" and not bfloat16_is_fast(device):
        return "this hardware doesn't multiply bfloat16"
    if name == "onnx-int8":
        return "it costs a little quality, so it is for those who name it"
    if name.startswith("onnx") and device.type == "cuda":
        return "it runs on the processor, and the GPU is faster"
    return None

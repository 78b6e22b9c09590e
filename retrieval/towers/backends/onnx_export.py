"""A tower's text encoder, pooling and unit length as one ONNX file, in float32 or int8."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from longtail.retrieval.errors import BackendError
from longtail.retrieval.towers.backends.onnx_smoothing import smooth
from longtail.retrieval.towers.item_tower import ItemTower

# Protocol buffers end at 2 GiB; what is larger lies in a file beside.
_LARGEST_FILE_BYTES = 1_500_000_000
# From here on ONNX knows layer normalisation and GELU as one operation each.
_OPSET = 20


class _Pooled(nn.Module):
    """The tower up to its linear layer, as a function of two tensors."""

    def __init__(self, tower: ItemTower) -> None:
        super().__init__()
        # A copy of the whole: tracing sets the attention, and moves everything to the CPU.
        self.tower = copy.deepcopy(tower).cpu().float().eval().requires_grad_(False)
        for part in self.tower.text_encoder.modules():
            model = getattr(part, "auto_model", None)
            if model is not None:
                # One product and one softmax; the fused ones search for rows without a token.
                model.set_attn_implementation("eager")

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.tower.pool(ids, mask)


def export_float32(tower: ItemTower, path: Path) -> None:
    """Write the encoder with inputs ``ids`` and ``mask`` int64 [b, t], output float32 [b, dim].

    Raises:
        BackendError: PyTorch can't export this encoder.
    """
    module = _Pooled(tower)
    size = sum(p.numel() for p in module.parameters()) * 4
    example = torch.ones(2, 8, dtype=torch.int64)
    free = {0: torch.export.Dim("texts"), 1: torch.export.Dim("tokens", max=tower.max_tokens)}
    with _quietly():
        try:
            torch.onnx.export(
                module,
                (example, example.clone()),
                str(path),
                input_names=["ids", "mask"],
                output_names=["pooled"],
                dynamic_shapes=(free, free),
                opset_version=_OPSET,
                dynamo=True,
                external_data=size > _LARGEST_FILE_BYTES,
                verbose=False,
            )
        # The exporter fails in the ways of all that it calls; the person needs its reason.
        except Exception as error:
            reason = " ".join(str(error).split())[:160]
            raise BackendError(
                f"this text encoder can't be exported to ONNX ({reason}); "
                "use item_tower.backend: torch-float32"
            ) from error


def quantise(source: Path, path: Path) -> None:
    """Write the file anew with the linear layers in int8, by ONNX Runtime's own quantisation.

    Weights get a scale for each output; what comes in is scaled batch by batch. Weights use 7
    bits: without VNNI, sums of two products of 8 bits overflow, and so it's the same numbers on
    every processor. What comes in is smoothed before, see `smooth`.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = onnx.load(source)
    smooth(model)
    large = sum(len(tensor.raw_data) for tensor in model.graph.initializer) > _LARGEST_FILE_BYTES
    smoothed = path.with_suffix(".smooth.onnx")
    onnx.save(model, smoothed, save_as_external_data=large)
    with _quietly():
        quantize_dynamic(
            smoothed,
            path,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            use_external_data_format=large,
        )


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep what the exporters tell their developers away from users."""
    root = logging.getLogger()
    loud = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in (root, *loud)]
    try:
        for logger in (root, *loud):
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip((root, *loud), levels, strict=True):
            logger.setLevel(level)

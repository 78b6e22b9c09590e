"""The matrix products that a machine can do at most, by number format and library."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import torch

from longtail.retrieval.towers.backends.names import bfloat16_is_fast

# As in an encoder's widest layer, with rows enough that every library runs at its best.
ROWS, INNER, OUTER = 2_048, 1_536, 1_536
OPERATIONS = 2 * ROWS * INNER * OUTER


def products(threads: int) -> Iterator[tuple[str, str, Callable[[], object]]]:
    """Yield number format, library and one product of every way there is on this machine."""
    rng = np.random.default_rng(0)
    left = rng.standard_normal((ROWS, INNER), dtype=np.float32)
    right = rng.standard_normal((INNER, OUTER), dtype=np.float32)
    a, b = torch.from_numpy(left), torch.from_numpy(right)
    yield "float32", "numpy", lambda: left @ right
    yield "float32", "torch", lambda: a @ b
    if bfloat16_is_fast(torch.device("cpu")):
        half_a, half_b = a.bfloat16(), b.bfloat16()
        yield "bfloat16", "torch", lambda: half_a @ half_b
    try:
        import onnx
        import onnxruntime
    except ImportError:
        return
    values = rng.integers(0, 256, (ROWS, INNER), dtype=np.uint8)
    weights = rng.integers(-64, 64, (INNER, OUTER), dtype=np.int8)
    helper, kinds = onnx.helper, onnx.TensorProto
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["values", "weights"], ["sums"])],
        "product",
        [helper.make_tensor_value_info("values", kinds.UINT8, [ROWS, INNER])],
        [helper.make_tensor_value_info("sums", kinds.INT32, [ROWS, OUTER])],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    yield "int8", "onnxruntime", lambda: session.run(None, {"values": values})


class Ceilings:
    """The rates measured so far, thousand million operations a second."""

    def __init__(self, threads: int) -> None:
        self._products = list(products(threads))
        self.rates: dict[str, dict[str, list[float]]] = {}

    def measure(self, least_s: float = 0.3) -> None:
        """Measure each product once more, for this long at least."""
        for number, library, product in self._products:
            product()
            done, began = 0, time.perf_counter()
            while (took := time.perf_counter() - began) < least_s:
                product()
                done += 1
            rates = self.rates.setdefault(number, {}).setdefault(library, [])
            rates.append(1e-9 * OPERATIONS * done / took)

    def best(self) -> dict[str, float]:
        """Return the median rate of the fastest library, by number format."""
        return {
            number: max(float(np.median(rates)) for rates in by_library.values())
            for number, by_library in self.rates.items()
        }

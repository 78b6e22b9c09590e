"""Inputs of int8 products with channels of like size: SmoothQuant without reading a text."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# How much of what is hard to round goes from a layer's input to its weight; 0.5 and 0.9 do less.
MIGRATED = 0.7
# A channel behind a layer norm is taken to reach this many deviations from its mean.
DEVIATIONS = 3.0
_LEAST = 1e-5


def smooth(model: Any) -> int:
    """Scale what layer norms hand to linear layers, channel by channel, in an ``onnx.ModelProto``.

    Channel j of the input is divided, and row j of the weight multiplied, by
    ``max|x_j| ** a / max|w_j| ** (1 - a)`` (Xiao et al., "SmoothQuant", ICML 2023, equation 4).
    The product stays the same, and one scale for all channels of the input then loses less of the
    small ones. The largest input is told from the norm's own weight and bias, so no text is read
    for it. The division is an operation of its own: the residual needs the norm's output as it is.

    Returns:
        how many linear layers are smoothed; none where the encoder is built otherwise.
    """
    from onnx import helper, numpy_helper

    graph = model.graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    uses = Counter(name for node in graph.node for name in node.input)
    norms = {node.output[0]: node for node in graph.node if node.op_type == "LayerNormalization"}
    layers: dict[str, list[Any]] = defaultdict(list)
    for node in graph.node:
        behind = node.op_type == "MatMul" and node.input[0] in norms and node.input[1] in tensors
        # A weight of several layers would need a scale for each.
        if behind and uses[node.input[1]] == 1:
            layers[node.input[0]].append(node)
    before: dict[str, Any] = {}
    for entered, products in layers.items():
        of_norm = [np.abs(numpy_helper.to_array(tensors[i])) for i in norms[entered].input[1:]]
        weights = [numpy_helper.to_array(tensors[node.input[1]]) for node in products]
        scale = _scale(DEVIATIONS * of_norm[0] + sum(of_norm[1:]), weights)
        graph.initializer.append(numpy_helper.from_array(1 / scale, f"{entered}_smoothing"))
        for node, weight in zip(products, weights, strict=True):
            name = node.input[1]
            tensors[name].CopyFrom(numpy_helper.from_array(weight * scale[:, None], name))
            node.input[0] = f"{entered}_smooth"
        before[products[0].output[0]] = helper.make_node(
            "Mul", [entered, f"{entered}_smoothing"], [f"{entered}_smooth"]
        )
    _put_before(graph, before)
    return sum(map(len, layers.values()))


def _scale(
    largest_input: NDArray[np.float32], weights: Sequence[NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Return each channel's divisor, float32 [channels], with a geometric mean of one."""
    largest_weight = np.max([np.abs(weight).max(axis=1) for weight in weights], axis=0)
    logs = MIGRATED * np.log(np.maximum(largest_input, _LEAST))
    logs -= (1 - MIGRATED) * np.log(np.maximum(largest_weight, _LEAST))
    scale: NDArray[np.float32] = np.exp(logs - logs.mean()).astype(np.float32)
    return scale


def _put_before(graph: Any, new: dict[str, Any]) -> None:
    """Add nodes, each before the one of this output."""
    nodes = []
    for node in graph.node:
        if (added := new.get(node.output[0])) is not None:
            nodes.append(added)
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)

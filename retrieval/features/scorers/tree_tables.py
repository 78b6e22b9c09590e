"""Boosted trees laid out for fast reading: the same sums as the library's, several times faster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.kernels.tree_sums import FIRST_BIT, sum_leaves

MOST_LEAVES = 16


@dataclass(frozen=True, eq=False)
class TreeTables:
    """Trees of at most 16 leaves, as thresholds and leaf masks.

    QuickScorer (Lucchese et al., SIGIR 2015), in its form for several pairs at once (Lucchese et
    al., "Exploiting CPU SIMD extensions to speed-up document scoring with tree ensembles", SIGIR
    2016): a node whose test fails rules out the leaves of its left side; of those left once all
    nodes were asked, in any order, the first is the one that the tree leads to. No branch depends
    on the evidence, so 16 pairs are asked in one instruction.

    Attributes:
        edges: every feature's thresholds, ascending, padded with infinity to one length, a power
            of two, float32 [f, e]; evidence is read as the number of edges below it.
        feature, edge: what a node tests and against which edge, int32 and int16 [nodes].
        mask: the leaves that a failed test leaves, one bit each, uint16 [nodes].
        starts: tree t has the nodes ``starts[t]:starts[t + 1]``, int32 [trees + 1].
        models: model g has the trees ``models[g]:models[g + 1]``, int32 [g + 1].
        leaves: what they add to the log-odds, left to right, float64 [trees, 16].
    """

    edges: NDArray[np.float32]
    feature: NDArray[np.int32]
    edge: NDArray[np.int16]
    mask: NDArray[np.uint16]
    starts: NDArray[np.int32]
    models: NDArray[np.int32]
    leaves: NDArray[np.float64]

    @classmethod
    def of(cls, models: Sequence[dict[str, Any]]) -> Self | None:
        """Return the tables of models of one evidence, as LightGBM describes them itself.

        That is what ``Booster.dump_model`` gives. None if one has what tables can't hold: a tree
        of more than 16 leaves, a test other than "at most", or a value of its own for missing
        evidence.
        """
        nodes: list[tuple[int, float, int]] = []
        starts, leaves, ends = [0], [], [0]
        for model in models:
            for tree in model["tree_info"]:
                values: list[float] = []
                if not _walk(tree["tree_structure"], nodes, values) or len(values) > MOST_LEAVES:
                    return None
                starts.append(len(nodes))
                leaves.append(values + [0.0] * (MOST_LEAVES - len(values)))
            ends.append(len(leaves))
        feature = np.array([node[0] for node in nodes], np.int32)
        # Evidence is float32: it is at most a threshold if it is at most the largest float32
        # that is.
        threshold = _rounded_down(np.array([node[1] for node in nodes], np.float64))
        width = max((len(model["feature_names"]) for model in models), default=0)
        of_feature = [np.unique(threshold[feature == column]) for column in range(width)]
        longest = max((len(of_column) for of_column in of_feature), default=0)
        edges = np.full((width, 1 << longest.bit_length()), np.inf, np.float32)
        for column, of_column in enumerate(of_feature):
            edges[column, : len(of_column)] = of_column
        edge = [np.searchsorted(of_feature[f], t) for f, t in zip(feature, threshold, strict=True)]
        return cls(
            edges,
            feature,
            np.array(edge, np.int16),
            np.array([node[2] for node in nodes], np.uint16),
            np.array(starts, np.int32),
            np.array(ends, np.int32),
            np.array(leaves, np.float64).reshape(-1, MOST_LEAVES),
        )

    def sums(self, evidence: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return each model's sums of leaves, float64 [g, p], of evidence [p, f]; NaN is as 0."""
        out = np.empty((len(self.models) - 1, len(evidence)), np.float64)
        sum_leaves(
            evidence,
            self.edges,
            self.feature,
            self.edge,
            self.mask,
            self.starts,
            self.models,
            self.leaves,
            FIRST_BIT,
            out,
        )
        return out


def _walk(node: dict[str, Any], nodes: list[tuple[int, float, int]], values: list[float]) -> bool:
    """Append a subtree's tests and leaves, left to right; return whether tables can hold them."""
    if "split_feature" not in node:
        values.append(float(node["leaf_value"]))
        return True
    if node["decision_type"] != "<=" or node["missing_type"] != "None":
        return False
    before, place = len(values), len(nodes)
    nodes.append((0, 0.0, 0))
    if not _walk(node["left_child"], nodes, values):
        return False
    ruled_out = ((1 << len(values)) - 1) ^ ((1 << before) - 1)
    nodes[place] = (
        int(node["split_feature"]),
        float(node["threshold"]),
        ~ruled_out & 0xFFFF,
    )
    return _walk(node["right_child"], nodes, values)


def _rounded_down(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest float32 that isn't above each value."""
    with np.errstate(over="ignore"):  # infinity is above the value, so the largest number comes
        near = values.astype(np.float32)
    return np.where(near > values, np.nextafter(near, np.float32(-np.inf)), near)

"""LightGBM's text of trees, looked at before LightGBM reads it.

Its reader takes counts, children and columns at their word: a text that names a node which isn't
there ends the process, or goes round for ever.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

# Far beyond what is trained; a chain of them is as deep as it has leaves.
MOST_LEAVES = 256
MOST_LOG_ODDS = 1e9
_WHOLE = re.compile(r"-?\d{1,15}")
_NUMBER = re.compile(r"-?\d{1,30}(?:\.\d{1,40})?(?:e[+-]?\d{1,3})?")
_WHOLES, _NUMBERS = (re.compile(f"{p.pattern}(?: {p.pattern})*") for p in (_WHOLE, _NUMBER))
_TOKEN = re.compile(r"[\w\[\]:.+\-]{1,200}")
_END = "\nend of trees\n"
_HEADER = {
    "version": re.compile(r"v\d{1,3}"),
    "num_class": re.compile("1"),
    "num_tree_per_iteration": re.compile("1"),
    "label_index": _WHOLE,
    "max_feature_idx": re.compile(r"\d{1,6}"),
    "objective": re.compile(r"[\w:.+\- ]{1,100}"),
}
_LISTS = ("feature_names", "feature_infos", "tree_sizes")
# What a tree says once a node and once a leaf, and which of it is in whole numbers.
_OF_NODES = (
    "split_feature",
    "split_gain",
    "threshold",
    "decision_type",
    "left_child",
    "right_child",
    "internal_value",
    "internal_weight",
    "internal_count",
)
_OF_LEAVES = ("leaf_value", "leaf_weight", "leaf_count")
_IN_WHOLE_NUMBERS = frozenset(
    ("split_feature", "decision_type", "left_child", "right_child", "internal_count", "leaf_count")
)
_OF_TREES = {
    "num_leaves": re.compile(r"\d{1,4}"),
    "num_cat": re.compile("0"),
    "is_linear": re.compile("0"),
    "shrinkage": _NUMBER,
}


def check_trees(text: str) -> int:
    """Check a text of trees, and return how many columns of evidence they are of.

    Raises:
        ValueError: it isn't one that LightGBM wrote of trees that we train.
    """
    if not text.isascii() or "\0" in text or "\r" in text:
        raise ValueError("other characters than a text of trees has")
    head, _, rest = text.partition("\nTree=0\n")
    body, end, tail = f"Tree=0\n{rest}".partition(_END)
    if not rest or not end or not tail.replace("\n", "").isprintable():
        raise ValueError("no list of trees that ends")
    columns, sizes = _checked_header(head)
    start = 0
    for number, size in enumerate(sizes):
        block = body[start : start + size]
        try:
            _check_tree(block, number, columns)
        except ValueError as error:
            raise ValueError(f"tree {number}: {error}") from error
        start += size
    if body[start:].strip("\n"):
        raise ValueError("more trees than it says")
    return columns


def _checked_header(head: str) -> tuple[int, list[int]]:
    """Return the number of columns, and the sizes of the trees in characters."""
    first, _, lines = head.partition("\n")
    fields = _fields(lines)
    if first != "tree" or fields.keys() != {*_HEADER, *_LISTS}:
        raise ValueError("a header with other entries")
    for name, pattern in _HEADER.items():
        if not pattern.fullmatch(fields[name]):
            raise ValueError(f"{name} in the header")
    columns = int(fields["max_feature_idx"]) + 1
    for name in _LISTS[:2]:
        entries = fields[name].split(" ")
        if len(entries) != columns or not all(_TOKEN.fullmatch(entry) for entry in entries):
            raise ValueError(f"{name} in the header")
    return columns, _whole_numbers(fields["tree_sizes"], "tree_sizes")


def _check_tree(block: str, number: int, columns: int) -> None:
    name, _, lines = block.partition("\n")
    if name != f"Tree={number}" or not block.endswith("\n"):
        raise ValueError("it doesn't begin where the header says")
    fields = _fields(lines)
    if fields.keys() != {*_OF_TREES, *_OF_NODES, *_OF_LEAVES}:
        raise ValueError("other entries than a tree has")
    for key, pattern in _OF_TREES.items():
        if not pattern.fullmatch(fields[key]):
            raise ValueError(key)
    leaves = int(fields["num_leaves"])
    if not 1 <= leaves <= MOST_LEAVES:
        raise ValueError(f"{leaves} leaves")
    for keys, count in ((_OF_NODES, leaves - 1), (_OF_LEAVES, leaves)):
        for key in keys:
            # A tree of one leaf says nothing of it but its value.
            if leaves == 1 and key != "leaf_value" and not fields[key]:
                continue
            _check_numbers(fields[key], key, count)
    if leaves > 1:
        _check_shape(fields, leaves, columns)


def _check_numbers(values: str, key: str, count: int) -> None:
    pattern = _WHOLES if key in _IN_WHOLE_NUMBERS else _NUMBERS
    if not pattern.fullmatch(values) or values.count(" ") != count - 1:
        raise ValueError(key)
    total = sum(map(abs, map(float, values.split(" "))))
    if not math.isfinite(total) or (key == "leaf_value" and total > MOST_LOG_ODDS):
        raise ValueError(f"{key} beyond all numbers")


def _check_shape(fields: Mapping[str, str], leaves: int, columns: int) -> None:
    """Check that every node and every leaf hangs on one node before it, and what nodes test."""
    if not all(0 <= f < columns for f in _whole_numbers(fields["split_feature"], "split_feature")):
        raise ValueError(f"a test of a column beyond the {columns}")
    # Bit 0 says that a node tests categories, of which there are none.
    decisions = _whole_numbers(fields["decision_type"], "decision_type")
    if not all(0 <= kind < 16 and kind % 2 == 0 for kind in decisions):
        raise ValueError("decision_type")
    children: list[int] = []
    for side in ("left_child", "right_child"):
        for node, child in enumerate(_whole_numbers(fields[side], side)):
            if 0 <= child <= node:
                raise ValueError(f"node {child} hangs below itself")
            children.append(child)
    # Leaf i is written as -1 - i.
    if sorted(children) != [*range(-leaves, 0), *range(1, leaves - 1)]:
        raise ValueError("its nodes make no tree")


def _whole_numbers(values: str, key: str) -> list[int]:
    if not _WHOLES.fullmatch(values):
        raise ValueError(key)
    return [int(value) for value in values.split(" ")]


def _fields(lines: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in _entries(lines):
        if name in fields:
            raise ValueError(f"{name} twice")
        fields[name] = value
    return fields


def _entries(lines: str) -> Iterator[tuple[str, str]]:
    for line in lines.split("\n"):
        if line:
            name, equals, value = line.partition("=")
            if not equals:
                raise ValueError("a line that names nothing")
            yield name, value

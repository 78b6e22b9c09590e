"""YAML as people write settings; what multiplies itself or nests without end is refused.

An alias costs its writer two characters and its reader a copy; of two equal keys the first is lost
without a word.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

MOST_BYTES = 256_000
MOST_DEPTH = 32
LONGEST_REASON = 300


def read_yaml(path: Path) -> Any:
    """Return what a file of settings holds.

    Raises:
        OSError: it can't be read.
        ValueError: it is no such YAML; the message is short and says where.
    """
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES:,} bytes")
    return parse_yaml(content.decode("utf-8-sig"))


def parse_yaml(text: str) -> Any:
    """Return what a text of YAML says.

    >>> parse_yaml("a: {b: [1, 2]}")
    {'a': {'b': [1, 2]}}
    >>> parse_yaml("a: 1\\na: 2")
    Traceback (most recent call last):
    ValueError: the key 'a' stands twice in one table, line 2, column 1

    Raises:
        ValueError: it can't be read, or has an alias, a key twice or more than 32 levels.
    """
    try:
        return yaml.load(text, _PlainLoader)
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        reason = " ".join(str(error).split())
        if len(reason) > LONGEST_REASON:
            reason = f"{reason[: LONGEST_REASON - 3]}..."
        raise ValueError(reason) from None


class _PlainLoader(yaml.SafeLoader):
    """Reads plain tables, lists and values."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise ValueError(f"anchors and aliases (& and *) aren't read{_at(event.start_mark)}")
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise ValueError(f"more than {MOST_DEPTH} levels{_at(event.start_mark)}")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            name = (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else None
            if name in seen:
                shown = key.value if len(key.value) <= 60 else f"{key.value[:57]}..."
                where = _at(key.start_mark)
                raise ValueError(f"the key {shown!r} stands twice in one table{where}")
            if name is not None:
                seen.add(name)
        return super().construct_mapping(node, deep)


def _at(mark: yaml.Mark) -> str:
    return f", line {mark.line + 1}, column {mark.column + 1}"

"""Text files that aren't tables as they stand: what they are, and the way to a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from longtail.index.errors import Field
from longtail.retrieval.data.files.columns import is_known_name
from longtail.retrieval.data.files.dialect.sniffing import cells_of, is_value
from longtail.retrieval.errors import DataError

# What some programs write between cells that isn't looked for, and how it is said.
_OTHER_DELIMITERS = {
    b"^": "'^'", b"~": "'~'", b" ": "space", b"\x01": "'\\x01'", b"\x1f": "'\\x1f'", b"#": "'#'",
    b"\xc2\xa6": "'¦'", b"||": "'||'", b"^|^": "'^|^'", b"@@": "'@@'",
}  # fmt: skip
_MARKUP = re.compile(rb"\s*<(!doctype|html|table|\?xml|head|body|div|rss|urlset)\b", re.IGNORECASE)
_JSON = re.compile(rb"\s*[\[{]\s*[{\"'\[]")
_MOST_LINES = 20
_TIME = re.compile(r"1\d{9}(\d{3}){0,3}|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.*|\d{1,2}[./]\d{1,2}[./]\d.*")


def refuse_foreign_file(path: Path, lines: Sequence[bytes], delimiter: bytes) -> None:
    r"""Raise where the lines of a file whose first one names no column show what it is.

    Args:
        path: the file.
        lines: its first lines that aren't blank.
        delimiter: what seems to stand between its cells.

    Raises:
        DataError: it is HTML or JSON, has lines before its header, or other delimiters.
    """
    if not lines:
        return
    first = lines[0]
    if _MARKUP.match(first):
        raise DataError(
            f"{path}: holds HTML or XML, not cells; export the table itself as CSV (a page that "
            "asks to log in is often saved in its place)"
        )
    if _JSON.match(first):
        raise DataError(f"{path}: holds JSON, not cells; name it {path.with_suffix('.jsonl').name}")
    if len(cells_of(first, delimiter)) == 1:
        for other, said in sorted(_OTHER_DELIMITERS.items(), key=lambda pair: -len(pair[0])):
            if _known(cells_of(first, other)):
                raise DataError(
                    f"{path}: between its cells stands {said}: {_shown(first)!r}. Say so: ",
                    Field("delimiter"),
                    f" {said}",
                )
    for above, line in enumerate(lines[1:_MOST_LINES], start=1):
        between = next(
            (d for d in (delimiter, b",", b";", b"\t", b"|") if _known(cells_of(line, d))), None
        )
        if between is not None and len(cells_of(first, between)) < len(cells_of(line, between)):
            whose = "a line stands" if above == 1 else f"{above} lines stand"
            raise DataError(
                f"{path}: {whose} before its header: {_shown(first)!r}. Take off all before "
                f"{_shown(line)!r}"
            )


def names_for(cells: Sequence[str], *, of_items: bool) -> str:
    """Return what the columns of a headerless file may be called, as many as it has cells.

    >>> names_for(["u0", "1", "1700000000"], of_items=False)
    'user_id,item_id,timestamp'
    >>> names_for(["1", "7", "5", "2024-01-31", "x"], of_items=False)
    'user_id,item_id,weight,timestamp,column5'
    """
    names = ["item_id", "title", "categories"] if of_items else ["user_id", "item_id"]
    for cell in () if of_items else cells[2:]:
        role = "timestamp" if _TIME.fullmatch(cell.strip()) else "weight" if is_value(cell) else ""
        names.append(role if role and role not in names else f"column{len(names) + 1}")
    names = names[: len(cells)]
    return ",".join([*names, *(f"column{n + 1}" for n in range(len(names), len(cells)))])


def _known(cells: Sequence[bytes]) -> bool:
    """Return whether two of several cells are names that columns have."""
    names = [cell.decode(errors="replace").strip() for cell in cells]
    return len(names) > 1 and sum(map(is_known_name, names)) > 1


def _shown(line: bytes) -> str:
    text = line.decode(errors="replace")
    return text if len(text) <= 60 else text[:60] + "…"

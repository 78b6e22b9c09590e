"""Text that was read in a wrong encoding before: its letters are there, or lost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from longtail.retrieval.data.files.dialect.encoding.encodings import (
    ENCODINGS,
    UTF8,
    encoding_named,
    is_encoded,
    likely_encodings,
    spoken_name,
)
from longtail.retrieval.data.files.dialect.reading import Reading

# What stands for a letter that couldn't be read; and such letters read as GBK.
_LOST = "\ufffd|锟斤拷"
_LOST_SHARE, _FEWEST = 0.05, 3
# Of the texts that aren't plain ASCII.
_SHARE = 0.8
_LOOKED_AT = 500
# What UTF-8 is often taken for, and what any bytes can be taken for.
_TAKEN_FOR = ("cp1252", "cp1251", "gb18030")
_LATIN = "cp1252"
_LATIN_ONES = ("cp1252", "cp1250", "cp1254")
_SHOWN = 40


def mangled_note(path: Path, column: str, texts: Any, rows: Any, reading: Reading) -> str:
    """Return what is wrong with the letters of a column, with an example; empty where nothing is.

    Args:
        path: the file, for the message.
        column: the column, likewise.
        texts: its cells, an Arrow string array [n].
        rows: their record numbers, int64 [n].
        reading: what was said of the file.
    """
    lost = np.flatnonzero(np.asarray(pc.match_substring_regex(texts, _LOST), bool))
    if len(lost) >= max(_FEWEST, _LOST_SHARE * len(texts)):
        way_out = "name another encoding: --encoding NAME"
        if reading.encoding is None:
            way_out = (
                "the program that wrote it read them in a wrong encoding, and no option brings "
                "them back; export the file again as UTF-8"
            )
        return (
            f"{path}: letters are lost in {len(lost):,} of {len(texts):,} cells of column {column} "
            f"(row {int(rows[lost[0]])}: {_shown(texts[int(lost[0])].as_py())}): {way_out}"
        )
    wide = np.flatnonzero(~np.asarray(pc.string_is_ascii(texts), bool))[:_LOOKED_AT]
    cells = list(dict.fromkeys(texts.take(pa.array(wide)).to_pylist()))
    if len(cells) < _FEWEST:
        return ""
    said_to_be = encoding_named(str(reading.encoding)) if reading.encoding else _LATIN
    taken_for, really = _misreading(cells, said_to_be if said_to_be in ENCODINGS else _LATIN)
    if not really:
        return ""
    example = next(cell for cell in cells if _again(cell, taken_for, really))
    meant = _shown(_again(example, taken_for, really))
    said = f"{path}: the words of column {column} look wrong, like {_shown(example)}: "
    if reading.encoding is not None:
        name = spoken_name(really)
        return f"{said}in {name} that is {meant}; say --encoding {name}"
    outer = "LATIN1" if all(_is_latin_1(cell) for cell in cells) else spoken_name(taken_for)
    mend = f"iconv -f UTF-8 -t {outer} {path.name}"
    if really != UTF8:
        mend += f" | iconv -f {spoken_name(really)} -t UTF-8"
    return (
        f"{said}{spoken_name(really)} that was taken for {spoken_name(taken_for)} would be "
        f"{meant}; export the file again as UTF-8, or try {mend} > NEW_FILE"
    )


def _misreading(cells: Sequence[str], usual: str = _LATIN) -> tuple[str, str]:
    """Return what texts were taken for and what they are in really; both empty where all is well.

    ``usual`` is what anything but UTF-8 would have been taken for.

    >>> _misreading(["ThÃ©iÃ¨re", "CrÃ¨me brÃ»lÃ©e", "FenÃªtre"])
    ('cp1252', 'utf-8')
    >>> _misreading(["Théière", "Crème brûlée", "Fenêtre"])
    ('', '')
    """
    for codec in _TAKEN_FOR:
        if sum(bool(_again(cell, codec, UTF8)) for cell in cells) >= _SHARE * len(cells):
            return codec, UTF8
    raw = [_bytes_of(cell, usual) for cell in cells]
    lines = [line for line in raw if line]
    if len(lines) < _SHARE * len(cells):
        return "", ""
    best = next(iter(likely_encodings(lines)), usual)
    return ("", "") if best in (usual, *_LATIN_ONES) else (usual, best)


def _again(cell: str, taken_for: str, really: str) -> str:
    """Return a text as it was before it was misread; empty where it can't have been."""
    raw = _bytes_of(cell, taken_for)
    return raw.decode(really) if raw and is_encoded(raw, really) else ""


def _bytes_of(cell: str, codec: str) -> bytes:
    """Return a text in an encoding, empty where it isn't; a control character is its own byte."""
    raw = b""
    for sign in cell:
        try:
            raw += bytes((ord(sign),)) if "\x80" <= sign <= "\x9f" else sign.encode(codec)
        except UnicodeEncodeError:
            return b""
    return raw


def _is_latin_1(cell: str) -> bool:
    return max(cell, default="") <= "\xff"


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")

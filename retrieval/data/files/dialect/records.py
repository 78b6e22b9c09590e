"""The records of a delimited file, as RFC 4180 says, and which of them are bad."""

from __future__ import annotations

from collections.abc import Iterator

from longtail.retrieval.data.files.dialect.lines import MOST_LINE_BYTES

NEVER_CLOSED = "quote never closed"
TEXT_AFTER_QUOTE = "text after a closing quote"
WRONG_NUMBER = "wrong number of cells"
BACKSLASHES = (
    'Its quotes within cells are written \\", as MySQL and Hive do; double them: '
    'sed \'s/\\\\"/""/g\' FILE > NEW_FILE'
)
# How far a quote that stays open is followed before it counts as stray.
_RECORD_LINES, _RECORD_BYTES = 1000, MOST_LINE_BYTES
# Texts of lines that would all be records by themselves don't go on for so long, and no id is
# long enough to spell so many.
_SWALLOWED_RECORDS = 200


def records(
    lines: Iterator[bytes], width: int, delimiter: bytes, *, quoted: bool = True
) -> Iterator[tuple[list[bytes], str]]:
    """Yield (cells, "") of every record, or what could be read of it and why it is bad.

    A bad record always has another number of cells than ``width``. Where nothing is ``quoted``, a
    quote is text.
    """
    waiting: list[bytes] = []
    while True:
        line = waiting.pop() if waiting else next(lines, None)
        if line is None:
            return
        line = line.rstrip(b"\r\n")
        if not line:
            continue
        why = ""
        if not quoted or b'"' not in line:
            fields: list[bytes] | None = line.split(delimiter)
        else:
            fields, why = _parse(line, delimiter)
            if why and delimiter in (b"\t", b"|") and line.count(delimiter) == width - 1:
                fields, why = line.split(delimiter), ""  # these are often written without quoting
            if why == NEVER_CLOSED:
                fields, why, ahead = _follow_quote(line, waiting, lines, width, delimiter)
                waiting.extend(reversed(ahead))
        if fields is None or why:
            yield [line] if width > 1 else [], why
        elif len(fields) != width:
            yield fields, WRONG_NUMBER
        else:
            yield fields, ""


def _follow_quote(
    line: bytes, waiting: list[bytes], lines: Iterator[bytes], width: int, delimiter: bytes
) -> tuple[list[bytes] | None, str, list[bytes]]:
    """Return the record that goes on over several lines, why it is bad, and the lines not used.

    The record ends where its quote is closed. Where the quote that would close it opens a cell of
    its own line, the first one is stray, and its line alone is bad; so it is where many whole
    records would vanish in the cell.
    """
    taken: list[bytes] = []
    size, whole = len(line), 0
    while len(taken) < _RECORD_LINES and size < _RECORD_BYTES:
        following = waiting.pop() if waiting else next(lines, None)
        if following is None:
            break
        taken.append(following)
        size += len(following)
        last = following.rstrip(b"\r\n")
        if b'"' not in last:
            whole += len(last.split(delimiter)) == width
            continue
        fields, why = _parse(b"\n".join([line, *(t.rstrip(b"\r\n") for t in taken)]), delimiter)
        if why == NEVER_CLOSED:
            whole += len(_parse(last, delimiter)[0] or ()) == width
            continue
        swallowed = len(taken) - 1
        if swallowed >= _SWALLOWED_RECORDS and whole == swallowed:
            break
        if why == "" and fields is not None and len(fields) == width:
            return fields, "", []
        if (
            why == TEXT_AFTER_QUOTE
            and not _opens_a_cell(last, delimiter)
            and whole < max(swallowed, 1)
        ):
            return None, why, []
        break
    return None, NEVER_CLOSED, taken


def _opens_a_cell(line: bytes, delimiter: bytes) -> bool:
    first = line.find(b'"')
    return first == 0 or line[:first].endswith(delimiter)


def _parse(line: bytes, delimiter: bytes) -> tuple[list[bytes] | None, str]:
    cells, at = [], 0
    step = len(delimiter)
    while True:
        if line[at : at + 1] == b'"':
            close = line.find(b'"', at + 1)
            while close >= 0 and line[close + 1 : close + 2] == b'"':
                close = line.find(b'"', close + 2)
            if close < 0:
                return None, NEVER_CLOSED
            end = line.find(delimiter, close + 1)
            rest = line[close + 1 : end if end >= 0 else len(line)]
            if rest.strip(b" \r"):
                return None, TEXT_AFTER_QUOTE
            cells.append(line[at + 1 : close].replace(b'""', b'"'))
        else:
            end = line.find(delimiter, at)
            cells.append(line[at : end if end >= 0 else len(line)])
        if end < 0:
            return cells, ""
        at = end + step


def split_record(line: bytes, delimiter: bytes) -> list[bytes] | None:
    r"""Return the cells of a record, or None when a quote in it is never closed or goes on as text.

    A quote counts only at the start of a cell, as in RFC 4180; ``3" pipe`` keeps its own.

    >>> split_record(b'a,"b, ""c\""",3" pipe', b",")
    [b'a', b'b, "c"', b'3" pipe']
    >>> split_record(b'a,"b', b","), split_record(b'a,"b"c', b",")
    (None, None)
    """
    return _parse(line, delimiter)[0]

"""Lines of events, checked and taken apart; see `longtail.retrieval.data.events` for their form."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.kernels.compiled import compiled

# What a line is: not as it was written; as it was written; the same, but JSON has to read it.
BAD, WHOLE, ODD = 0, 1, 2
_NEWLINE, _QUOTE, _ESCAPE, _ZERO, _NINE, _COMMA, _END = 10, 34, 92, 48, 57, 44, 125
_LONGEST_TIME = 18
_WORD = 8
# The sums of single bytes give the table that zlib's sum goes by, and those of bytes
# with others behind them: eight at once, as in Kounavis and Berry (2008).
_SUMS = np.zeros((_WORD, 256), np.uint32)
_SUMS[0] = [zlib.crc32(bytes([n])) ^ zlib.crc32(b"\0") for n in range(256)]
for _ahead in range(1, _WORD):
    _SUMS[_ahead] = _SUMS[0][_SUMS[_ahead - 1] & 0xFF] ^ (_SUMS[_ahead - 1] >> 8)
_START = np.frombuffer(b'{"crc32":"', np.uint8)
_USER = np.frombuffer(b'","user_id":"', np.uint8)
_ITEM = np.frombuffer(b',"item_id":"', np.uint8)
_TIME = np.frombuffer(b',"timestamp":', np.uint8)
_MEANING = np.frombuffer(b',"meaning":"', np.uint8)
_HEX = 8


@compiled
def scan_lines(
    data: NDArray[np.uint8],
    meanings: NDArray[np.uint8],
    places: NDArray[np.int64],
    told: NDArray[np.int64],
    states: NDArray[np.uint8],
) -> int:
    """Fill in what each line of a text holds, up to the first that is `BAD`; return how many.

    ``places`` [n, 5] gets where the line, user id and item id begin, and how long the latter two
    are; ``told`` [n, 2] the time and the meaning's place in ``meanings`` [k, longest], texts that
    are padded with zeros, or -1 where none is told; ``states`` [n] what each line is.
    """
    size = len(data)
    begin = 0
    for line in range(len(states)):
        end = begin
        while end < size and data[end] != _NEWLINE:
            end += 1
        places[line, 0] = begin
        states[line] = BAD
        behind = begin + len(_START) + _HEX
        if end == size or end < behind + len(_USER) or not _reads(data, begin, end, _START):
            return line
        if _sum_of(data, behind + 2, end + 1) != _told_sum(data, behind - _HEX):
            return line
        states[line] = ODD
        user, user_end = _text(data, behind, end, _USER)
        item, item_end = _text(data, user_end + 1, end, _ITEM) if user_end >= 0 else (-1, -1)
        if item_end >= 0 and _reads(data, item_end + 1, end, _TIME):
            at = item_end + 1 + len(_TIME)
            start = at
            time = 0
            while at < end and at - start < _LONGEST_TIME and _ZERO <= data[at] <= _NINE:
                time = 10 * time + int(data[at]) - _ZERO
                at += 1
            meaning, meaning_end = _text(data, at, end, _MEANING)
            # What else there is stands behind the meaning: a taken event's may be first.
            plain = meaning_end < 0 and (data[at] == _END or data[at] == _COMMA)
            code = -1 if plain else _place_of(data, meaning, meaning_end, meanings)
            if at > start and (plain or code >= 0):
                states[line] = WHOLE
                told[line, 0], told[line, 1] = time, code
                places[line, 1], places[line, 3] = user, user_end - user
                places[line, 2], places[line, 4] = item, item_end - item
        begin = end + 1
    return len(states)


@compiled
def gathered(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    offsets: NDArray[np.int32],
    out: NDArray[np.uint8],
) -> None:
    """Write texts of a buffer behind one another: text i goes to ``out[offsets[i]:...]``."""
    for text in range(len(starts)):
        to = offsets[text]
        for place in range(offsets[text + 1] - to):
            out[to + place] = data[starts[text] + place]


@compiled
def _reads(data: NDArray[np.uint8], at: int, end: int, text: NDArray[np.uint8]) -> bool:
    if at + len(text) > end:
        return False
    for place in range(len(text)):  # noqa: SIM110
        if data[at + place] != text[place]:
            return False
    return True


@compiled
def _text(data: NDArray[np.uint8], at: int, end: int, key: NDArray[np.uint8]) -> tuple[int, int]:
    """Return where a key's text begins and ends; -1 where it is another key, or has an escape."""
    if not _reads(data, at, end, key):
        return -1, -1
    begin = at + len(key)
    place = begin
    while place < end and data[place] != _QUOTE:
        if data[place] == _ESCAPE:
            return -1, -1
        place += 1
    return (begin, place) if place < end else (-1, -1)


@compiled
def _place_of(data: NDArray[np.uint8], begin: int, end: int, texts: NDArray[np.uint8]) -> int:
    """Return which of some texts stands there, -1 for none."""
    for text in range(len(texts)):
        place = 0
        while (
            place < min(end - begin, texts.shape[1]) and data[begin + place] == texts[text, place]
        ):
            place += 1
        if 0 < place == end - begin and (place == texts.shape[1] or texts[text, place] == 0):
            return text
    return -1


@compiled
def _sum_of(data: NDArray[np.uint8], begin: int, end: int) -> int:
    left = np.uint32(0xFFFFFFFF)
    place = begin
    while place + _WORD <= end:
        value = np.uint32(0)
        for byte in range(_WORD):
            said = np.uint8(data[place + byte])
            if byte < 4:
                said ^= np.uint8((left >> np.uint32(8 * byte)) & np.uint32(0xFF))
            value ^= _SUMS[_WORD - 1 - byte, said]
        left = value
        place += _WORD
    while place < end:
        left = _SUMS[0, np.uint8(left & np.uint32(0xFF)) ^ data[place]] ^ (left >> np.uint32(8))
        place += 1
    return int(left ^ np.uint32(0xFFFFFFFF))


@compiled
def _told_sum(data: NDArray[np.uint8], begin: int) -> int:
    """Return the number that eight lower-case hexadecimal digits say; -1 for others."""
    told = 0
    for place in range(begin, begin + _HEX):
        digit = int(data[place])
        if _ZERO <= digit <= _NINE:
            told = 16 * told + digit - _ZERO
        elif 97 <= digit <= 102:
            told = 16 * told + digit - 87
        else:
            return -1
    return told

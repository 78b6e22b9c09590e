"""Which encoding the bytes of a text are in, where that isn't UTF-8."""

from __future__ import annotations

import codecs
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import charset_normalizer

from longtail.index.errors import Field
from longtail.retrieval.data.files.dialect.encoding.likely_text import unlikeliness
from longtail.retrieval.errors import DataError

UTF8 = "utf-8"
# Python's codec to the name that people know; the more usual ones first. Latin-1 isn't among
# them: it reads any bytes, and what is in it nearly always reads as Windows-1252 too.
ENCODINGS = {
    "cp1252": "Windows-1252",
    "gb18030": "GB18030",
    "cp949": "EUC-KR",
    "cp932": "Shift-JIS",
    "euc_jp": "EUC-JP",
    "big5hkscs": "Big5",
    "cp1255": "Windows-1255",
    "cp1251": "Windows-1251",
    "cp1253": "Windows-1253",
    "koi8_r": "KOI8-R",
    "cp1250": "Windows-1250",
    "cp1254": "Windows-1254",
    "cp1256": "Windows-1256",
    "cp874": "Windows-874",
}
_SPOKEN = {"utf-8": "UTF-8", "utf-16": "UTF-16", "utf-32": "UTF-32", "iso8859-1": "Latin-1"}
# Python has narrow codecs for what Windows writes under these names.
_WIDER = {
    "gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs", "cp950": "big5hkscs",
    "euc_kr": "cp949", "shift_jis": "cp932", "utf-8-sig": UTF8,
    "tis-620": "cp874", "iso8859-11": "cp874", 
}  # fmt: skip
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_LATIN = ("cp1252", "cp1250", "cp1254")
_MOST_MESS = 0.4
_IMPLAUSIBLE = 0.9
# By how much the best has to be better than what makes other text.
_CLEARLY = 0.05
_SAMPLE_BYTES = 64 << 10
# What weighs little beside the text itself: half a percent for each place down the list.
_RARER = 0.005


def encoding_named(name: str) -> str:
    """Return the codec of an encoding that somebody named.

    >>> encoding_named("GB2312"), encoding_named("Shift-JIS"), encoding_named("UTF8")
    ('gb18030', 'cp932', 'utf-8')

    Raises:
        DataError: there is no such encoding.
    """
    spoken = {label.lower(): codec for codec, label in ENCODINGS.items()}
    wanted = name.strip().lower()
    try:
        codec = codecs.lookup(spoken.get(wanted, wanted)).name
        b"".decode(codec)  # some codecs don't make text
    except (LookupError, ValueError) as error:
        raise DataError(
            f"{name!r} is no encoding; among those known are UTF-8, UTF-16, "
            f"{', '.join(ENCODINGS.values())}, Latin-1"
        ) from error
    return _WIDER.get(codec, codec)


def spoken_name(codec: str) -> str:
    """Return what people call a codec.

    >>> spoken_name("cp932"), spoken_name("utf-8")
    ('Shift-JIS', 'UTF-8')
    """
    return ENCODINGS.get(codec) or _SPOKEN.get(codec) or codec


def marked_encoding(start: bytes) -> str | None:
    """Return the encoding that the first bytes of a file give away, or None.

    That is a byte order mark, or every second byte being zero.

    >>> marked_encoding("\\ufeffid".encode("utf-16-le")), marked_encoding(b"i\\0d\\0,\\0n\\0")
    ('utf-16', 'utf-16-le')
    """
    for mark, codec in _MARKS.items():
        if start.startswith(mark):
            return codec
    head = start[: len(start) // 2 * 2]
    if len(head) >= 4 and b"\x00" in head:
        for codec, zeros, others in (
            ("utf-16-le", head[1::2], head[::2]),
            ("utf-16-be", head[::2], head[1::2]),
        ):
            if zeros.count(0) * 2 > len(zeros) and 0 not in others[:64]:
                return codec
    return None


def not_decoded(path: Path, what: str) -> DataError:
    """Return the error of what isn't UTF-8 and nothing else that would fit the whole file."""
    names = ", ".join(list(ENCODINGS.values())[:6])
    return DataError(
        f"{path}: {what} is not UTF-8, and no other encoding fits the whole file; say which it is "
        "in, ",
        Field("encoding"),
        f" NAME ({names}, ...), or mend what isn't",
    )


def likely_encodings(lines: Sequence[bytes]) -> list[str]:
    """Return the codecs that decode all of these lines, the likeliest first.

    Those that make it gibberish are left out, and all where none is clearly the best.
    `charset_normalizer` says how much of a mess each makes; how usual its characters are settles
    what little text leaves open. Lines of plain ASCII say nothing, so they should be left out.
    """
    sample = b"\n".join(lines)
    fitting = [codec for codec in ENCODINGS if is_encoded(sample, codec)]
    start = (
        sample if len(sample) <= _SAMPLE_BYTES else sample[: sample.rfind(b"\n", 0, _SAMPLE_BYTES)]
    )
    mess = _mess(start)
    # Which of the Latin ones it is its letters say: their mess is that of the same words.
    latin = min(mess.get(codec, _MOST_MESS) for codec in _LATIN)
    mess |= dict.fromkeys(_LATIN, latin)
    costs = {
        codec: mess.get(codec, _MOST_MESS)
        + unlikeliness(start.decode(codec, errors="ignore"), codec)
        + _RARER * list(ENCODINGS).index(codec)
        for codec in fitting
    }
    best = sorted((c for c in fitting if costs[c] < _IMPLAUSIBLE), key=costs.__getitem__)
    return [] if _is_a_toss(best, costs, start) else best


def _is_a_toss(best: Sequence[str], costs: Mapping[str, float], sample: bytes) -> bool:
    """Return whether another encoding that makes other text is as likely as the best one."""
    if not best or best[0] in _LATIN:
        return False
    text = sample.decode(best[0], errors="ignore")
    return any(
        costs[codec] - costs[best[0]] < _CLEARLY and sample.decode(codec, errors="ignore") != text
        for codec in best[1:]
    )


def is_encoded(text: bytes, codec: str) -> bool:
    """Return whether a codec decodes all of these bytes."""
    try:
        text.decode(codec)
    except UnicodeError:
        return False
    return True


@functools.lru_cache(maxsize=8)
def _mess(sample: bytes) -> dict[str, float]:
    matches = charset_normalizer.from_bytes(
        sample, cp_isolation=list(ENCODINGS), threshold=_MOST_MESS, preemptive_behaviour=False
    )
    return {
        codec: match.chaos
        for match in reversed(list(matches))
        for codec in match.could_be_from_charset
        if codec in ENCODINGS
    }

"""Ratings as people write them: ``4/5``, ``3 stars``, ``★★★☆☆``, ``80%``, thumbs and words."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from longtail.index.errors import Field
from longtail.retrieval.data.files.cells import as_text
from longtail.retrieval.data.meaning.usual_names import usual_meaning
from longtail.retrieval.errors import DataError

# More unreadable cells than that, and it isn't known what the column says.
_MOST_UNREAD = 0.2
_NUMBER = r"[+-]?\d+(?:[.,]\d+)?"
_PLAIN = re.compile(rf"({_NUMBER})")
_OF = re.compile(rf"({_NUMBER})\s*(?:/|out of|von|sur|de)\s*(\d+)(?:\s*(?:stars?|points?))?", re.I)
_STARS = re.compile(rf"({_NUMBER})\s*(?:stars?|sterne?|étoiles?|estrellas?|points?|星|★|⭐)", re.I)
_PERCENT = re.compile(rf"({_NUMBER})\s*%")
_DRAWN = re.compile(r"([★⭐🌟]*)[\ufe0f\s]*([☆✩]*)")
_UNSAID = frozenset({"", "n/a", "na", "nan", "null", "none", "nil", "-", "--", "\\n", "not rated"})
_WORDS = {
    **dict.fromkeys(("up", "good", "great", "excellent", "perfect", "👍", "❤", "❤️", "yes"), 1.0),
    **dict.fromkeys(("neutral", "ok", "okay", "average", "so-so", "meh", "mixed"), 0.0),
    **dict.fromkeys(("down", "bad", "poor", "terrible", "awful", "👎", "no"), -1.0),
    **dict.fromkeys(("好评", "好", "gut", "sehr gut", "bon", "bueno"), 1.0),
    **dict.fromkeys(("中评", "mittel", "moyen", "regular"), 0.0),
    **dict.fromkeys(("差评", "差", "schlecht", "mauvais", "malo"), -1.0),
}


@dataclass(frozen=True)
class RatingCells:
    """A column of ratings, or of amounts, as numbers.

    Attributes:
        values: NaN where nothing is said, float32 [n].
        end: where the cells say that their scale ends; None where they don't.
        note: what a person should know of cells that couldn't be read; empty for none.
    """

    values: NDArray[np.float32]
    end: float | None
    note: str = ""


def read_ratings(path: Path, column: str, cells: Any, rows: NDArray[np.int64]) -> RatingCells:
    """Return the ratings of an Arrow column; ``rows`` are their record numbers.

    Raises:
        DataError: more than a fifth of what is said can't be read, or scales differ.
    """
    if pa.types.is_floating(cells.type) or pa.types.is_integer(cells.type):
        return RatingCells(cells.to_numpy().astype(np.float32), None)
    coded = as_text(cells).text.dictionary_encode()
    words = [str(word).strip() for word in coded.dictionary.to_pylist()]
    index = np.asarray(coded.indices)
    read = [rating_of(word) for word in words]
    ends = {end for found in read if found is not None and (end := found[1]) is not None}
    if len(ends) > 1:
        several = " and of ".join(f"{end:g}" for end in sorted(ends))
        raise DataError(
            f"{path}: column {column} holds ratings out of {several}; "
            "write them on one scale, or read the log without them: ",
            Field("column"),
            " rating=none",
        )
    values = np.array([np.nan if f is None else f[0] for f in read], np.float32)[index]
    unread = np.array([found is None for found in read], bool)[index]
    said = int((~np.isnan(values)).sum() + unread.sum())
    note = ""
    if unread.any():
        first = int(np.argmax(unread))
        what = (
            f"{path}: {int(unread.sum()):,} of {len(values):,} cells of column {column} hold no "
            f"rating (first in row {int(rows[first])}: {words[index[first]][:40]!r})"
        )
        if unread.sum() > _MOST_UNREAD * said:
            raise DataError(
                f"{what}; write them as numbers, or read the log without them: ",
                Field("column"),
                " rating=none",
            )
        note = f"{what}; these rows are kept as taken, their rating is not known"
    return RatingCells(values, ends.pop() if ends else None, note)


def rating_of(cell: str) -> tuple[float, float | None] | None:
    """Return what a cell says and where its scale ends, NaN for nothing, None for no rating.

    >>> rating_of("4/5"), rating_of("3,5"), rating_of("2 stars"), rating_of("★★☆☆☆")
    ((4.0, 5.0), (3.5, None), (2.0, None), (2.0, 5.0))
    >>> rating_of("80%"), rating_of("thumbs down"), rating_of("frobnicated")
    ((80.0, 100.0), (-1.0, None), None)
    """
    # Full-width digits are digits.
    text = " ".join(unicodedata.normalize("NFKC", cell).split()).strip("'\"").lower()
    if text in _UNSAID:
        return float("nan"), None
    for pattern in (_PLAIN, _STARS):
        if found := pattern.fullmatch(text):
            return _number(found[1]), None
    if found := _OF.fullmatch(text):
        return _number(found[1]), float(found[2])
    if found := _PERCENT.fullmatch(text):
        return _number(found[1]), 100.0
    if found := _DRAWN.fullmatch(text):
        full, empty = (len(part.replace("\ufe0f", "")) for part in found.groups())
        return float(full), float(full + empty) if empty else None
    word = text.removeprefix("thumbs ").removeprefix("thumb ")
    if word in _WORDS:
        return _WORDS[word], None
    meaning = usual_meaning(word)
    if meaning in ("taken", "rejected"):
        return (1.0 if meaning == "taken" else -1.0), None
    return None


def _number(text: str) -> float:
    return float(text.replace(",", "."))

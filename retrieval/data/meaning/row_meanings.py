"""What each row of a log means, told by its event, its label, its rating and its amount."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from longtail.index.errors import Field
from longtail.retrieval.data.files.cells import as_text
from longtail.retrieval.data.files.columns import plain_name
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.meaning.behaviours import (
    HAD,
    MEANINGS,
    REJECTED,
    SEEN,
    SHOWN,
    TAKEN,
)
from longtail.retrieval.data.meaning.event_names import EventNames
from longtail.retrieval.data.meaning.positives import positives
from longtail.retrieval.data.meaning.rating_cells import RatingCells
from longtail.retrieval.data.meaning.ratings import Scale, Threshold, scale_of
from longtail.retrieval.data.meaning.told_meanings import ToldMeanings
from longtail.retrieval.data.meaning.usual_names import (
    QUANTITY_NAMES,
    STATUS_NAMES,
    says_rating,
)
from longtail.retrieval.data.meaning.value_meaning import ValueMeaning, listed
from longtail.retrieval.errors import DataError

# A status has no more values than that.
_FEW = 20
_MOST_TYPES = 100
_MOST_STARS = 11
# Minus signs of every kind, and an accountant's brackets.
_NEGATIVE = r"^\s*(?:[-−–]\s*0*[.,]?0*[1-9]|\(\s*\d|0*[1-9][\d.,]*\s*-\s*$)"
# Labels that may be counts.
_COUNTED = frozenset(["click", "clicks", "purchase", "buy", "like", "cart", "conversion"])
_LABELS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1, "f": 0, "t": 1}
_LABELS |= {"no": 0, "yes": 1, "n": 0, "y": 1}


@dataclass
class RowMeanings:
    """What each row means, put together column by column.

    Attributes:
        path: the log, for messages.
        reading: what somebody said of it.
        code: position in `MEANINGS` of every row, int8 [n].
        refused: rows that say nothing, with the column and the reason, bool [n] each.
        found: what was told by what.
        notes: what a person should know beside it.
        told: the same as settings say it.
    """

    path: Path
    reading: Reading
    code: NDArray[np.int8]
    refused: list[tuple[str, str, NDArray[np.bool_]]] = field(default_factory=list)
    found: list[ValueMeaning] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    told: ToldMeanings = field(default_factory=ToldMeanings)

    @classmethod
    def of(
        cls,
        path: Path,
        columns: Mapping[str, Any],
        roles: Mapping[str, str],
        weight: RatingCells | None,
        reading: Reading,
    ) -> RowMeanings:
        """Return what the rows mean.

        ``columns`` are Arrow columns by name; ``weight`` is what was read of the weight's.

        Raises:
            DataError: an event nobody knows, a rating of no scale, a comparison that is none, or
                no row is taken.
        """
        n = len(next(iter(columns.values())))
        meanings = cls(path, reading, np.full(n, TAKEN, np.int8))
        positive = positives(reading.positive, roles)
        if "event" in roles:
            meanings._by_event(roles["event"], columns[roles["event"]], positive.pop("event", None))
        rating = roles.get("weight")
        unread = [name for name in positive if name != "weight" or rating is None]
        # A later file of the same log may call the column otherwise.
        if unread and not reading.trained:
            raise DataError(
                Field("positive"),
                f" {unread[0]}...: {path} has no column for {unread[0]}; event and weight can "
                "be named, and their own columns",
            )
        comparison = positive.pop("weight", None)
        labelled = roles.get("label") is not None and plain_name(roles["label"]) == "label"
        if rating is not None and weight is not None and not (labelled and comparison is None):
            meanings._by_rating(rating, weight, comparison)
        if "label" in roles:
            meanings._by_label(roles["label"], columns[roles["label"]])
        for column, cells in columns.items():
            if column in roles.values():
                continue
            if plain_name(column) in QUANTITY_NAMES:
                meanings._by_quantity(column, cells)
            elif plain_name(column) in STATUS_NAMES:
                meanings._by_nothing(column, cells)
        meanings._require_taken()
        return meanings

    @property
    def label(self) -> NDArray[np.int8] | None:
        """The codes, None where every row is taken."""
        return None if (self.code == TAKEN).all() else self.code

    def lines(self) -> list[str]:
        """Return what was told by what, a line for each column."""
        by_column: dict[str, list[str]] = {}
        for one in self.found:
            by_column.setdefault(one.column, []).append(f"{one.value} {one.count:,} {one.meaning}")
        return [
            f"{self.path}: column {column} says what a row means: {', '.join(parts)}"
            for column, parts in by_column.items()
            # Our own label says so by its name.
            if plain_name(column) != "label"
        ]

    def _by_event(self, column: str, cells: Any, positive: Sequence[str] | None) -> None:
        coded = as_text(cells).text.dictionary_encode()
        names = [str(name).strip() for name in coded.dictionary.to_pylist()]
        counts = np.bincount(np.asarray(coded.indices), minlength=len(names))
        known = EventNames.of(self.reading.events, positive)
        told = [known.meaning(name) for name in names]
        missing = (known.wanted or frozenset()) - {plain_name(name) for name in names}
        if missing and not self.reading.trained:
            raise DataError(
                Field("positive"),
                f" event={min(missing)}: {self.path} has no such event; column {column} holds "
                f"{listed(names, counts)}",
            )
        unknown = [name for name, meaning in zip(names, told, strict=True) if meaning is None]
        if len(unknown) == len(names) and not (self.reading.events or positive):
            self._no_events(column, names, counts)
            return
        if unknown:
            shown = listed(unknown, counts[[names.index(name) for name in unknown]])
            raise DataError(
                f"{self.path}: column {column} holds events whose meaning nobody knows: {shown}; "
                "say what each is with ",
                Field("event"),
                " NAME=seen (or taken, rejected, dropped, had, shown), or which of all are taken "
                "with ",
                Field("positive"),
                " event=NAME,NAME",
            )
        blank = np.array([not name for name in names], np.bool_)[np.asarray(coded.indices)]
        if blank.any():
            self.refused.append((column, "no event", blank))
        codes = np.array([MEANINGS.index(meaning or "taken") for meaning in told], np.int8)
        by_itself = known == EventNames() and not self.reading.trained
        if by_itself and (codes != TAKEN).all() and (codes == SEEN).any():
            # A news site's log of clicks: the strongest sign there is has to be the target.
            codes[codes == SEEN] = TAKEN
            self.notes.append(
                f"{self.path}: no event says that an item was taken, so what was looked at counts "
                "as taken"
            )
        self.code = codes[np.asarray(coded.indices)]
        for place in np.argsort(-counts, kind="stable").tolist():
            self._add(column, names[place] or "(blank)", int(counts[place]), int(codes[place]))
            if names[place]:
                self.told.events.setdefault(names[place], MEANINGS[codes[place]])

    def _no_events(self, column: str, names: Sequence[str], counts: NDArray[np.int64]) -> None:
        if len(names) < 2:
            return
        what = f"{self.path}: column {column} holds {listed(names, counts)}"
        if len(names) <= _MOST_TYPES and plain_name(column) != "type":
            # A code of 0 to 3 may well say which rows are purchases.
            raise DataError(
                f"{what}: no usual names of events; say which are taken with ",
                Field("positive"),
                f" event={names[int(np.argmin(counts))]}, or that they are no events with ",
                Field("column"),
                " event=none",
            )
        self.notes.append(f"{what}; it isn't read, and every row counts as taken")

    def _by_rating(self, column: str, read: RatingCells, comparison: Sequence[str] | None) -> None:
        ratings = read.values
        if comparison is not None:
            scale: Scale | None = self._compared(column, read, comparison[0])
        elif self.reading.rating is not None:
            scale = scale_of(ratings, self.reading.rating)
        elif says_rating(column, self.reading):
            scale = self._told(column, read)
        else:
            self._note_small_numbers(column, ratings)
            return
        if scale is None:
            return
        none, codes = scale.unrated(ratings), scale.meanings(ratings)
        if comparison is not None and not self.reading.trained:
            # What isn't known didn't reach the threshold that somebody named.
            none = np.isnan(ratings)
            codes[none] = HAD
        self.told.rating = scale.seen_in(ratings).said()
        taken = self.code == TAKEN
        self.code = np.where(taken, codes, self.code)
        if not (codes == TAKEN).any():
            # What nobody reached is what the person has to see.
            self.found.append(ValueMeaning(column, str(scale.taken), 0, "taken"))
        for code, value in (
            (TAKEN, str(scale.taken)),
            (HAD, "between"),
            (REJECTED, str(scale.rejected)),
        ):
            self._add(column, value, int((taken & (codes == code) & ~none).sum()), code)
        unsaid = TAKEN if comparison is None else HAD
        self._add(column, "no rating", int((taken & none).sum()), unsaid)

    def _told(self, column: str, read: RatingCells) -> Scale | None:
        try:
            return scale_of(read.values, None, read.end)
        except DataError as error:
            raise DataError(f"{self.path}: column {column}: ", *error.args) from error

    def _compared(self, column: str, read: RatingCells, comparison: str) -> Scale:
        """Return the scale whose liked end somebody named; what is disliked stays as it is told."""
        rejected = None
        if says_rating(column, self.reading):
            try:
                told = scale_of(read.values, self.reading.rating, read.end)
            except DataError:
                told = None
            rejected = None if told is None else told.rejected
        return Scale(Threshold.of(comparison), rejected)

    def _note_small_numbers(self, column: str, weights: NDArray[np.float32]) -> None:
        """Say of a weight that looks like a rating that it isn't taken for one."""
        values = np.unique(weights[~np.isnan(weights)])
        if 3 <= len(values) <= _MOST_STARS and values.min() >= 0 and values.max() <= 10:
            self.notes.append(
                f"{self.path}: column {column} is read as an amount, and every row counts as "
                f"taken; where its {values.min():g} to {values.max():g} are ratings, map it as "
                f"rating={column}"
            )

    def _by_label(self, column: str, cells: Any) -> None:
        coded = as_text(cells).text.dictionary_encode()
        words = [str(word).strip().lower() for word in coded.dictionary.to_pylist()]
        if plain_name(column) in _COUNTED and all(word.isdigit() for word in words):
            # How often it was clicked.
            words = [str(min(int(word), 1)) for word in words]
        values = np.array([_LABELS.get(word, -1) for word in words], np.int8)
        labels = values[np.asarray(coded.indices)]
        if plain_name(column) != "label":
            told = {word for word, value in zip(words, values, strict=True) if value >= 0}
            if len(told | {""}) < len({*words, ""}):
                counts = np.bincount(np.asarray(coded.indices), minlength=len(words))
                self.notes.append(
                    f"{self.path}: column {column} isn't read: {listed(words, counts)} are no "
                    "labels of 0 and 1, so every row counts as taken by it"
                )
                return
        if (labels < 0).any():
            self.refused.append((column, "label is not 0 or 1", labels < 0))
        refused = (labels == 0) & np.isin(self.code, (TAKEN, SEEN))
        self.code = np.where(refused, np.int8(SHOWN), self.code)
        self._add(column, "1", int((labels == 1).sum()), TAKEN)
        self._add(column, "0", int((labels == 0).sum()), SHOWN)

    def _by_quantity(self, column: str, cells: Any) -> None:
        text = as_text(cells).text
        negative = np.asarray(pc.match_substring_regex(text, _NEGATIVE), np.bool_)
        back = negative & (self.code == TAKEN)
        self.code = np.where(back, np.int8(REJECTED), self.code)
        self._add(column, "<0", int(back.sum()), REJECTED)

    def _by_nothing(self, column: str, cells: Any) -> None:
        coded = as_text(cells).text.dictionary_encode()
        names = [str(name) for name in coded.dictionary.to_pylist()]
        spoken_of = any(column in text for text in self.reading.keep)
        if 1 < len(names) <= _FEW and not spoken_of:
            counts = np.bincount(np.asarray(coded.indices), minlength=len(names))
            self.notes.append(
                f"{self.path}: column {column} isn't read: {listed(names, counts)}; where some "
                "of these rows are no purchases, keep the others with a filter on it (--keep)"
            )

    def _require_taken(self) -> None:
        # A part of what a run holds may take nothing.
        if len(self.code) and not self.reading.trained and not (self.code == TAKEN).any():
            told = "; ".join(self.lines())
            raise DataError(f"no event is taken, so there is nothing to learn: {told}")

    def _add(self, column: str, value: str, count: int, code: int) -> None:
        if count:
            self.found.append(ValueMeaning(column, value, count, MEANINGS[code]))

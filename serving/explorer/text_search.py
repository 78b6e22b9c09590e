"""Search in many short texts: by beginning, by any part, by several words."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.languages.character_pairs import pairs_of
from longtail.retrieval.data.languages.scripts import PAIRED_RUN

SEPARATOR = "\x00"
# Candidates that are looked at before a search gives up: it bounds the time of a search for "a".
MOST_LOOKED_AT = 20_000


@dataclass(frozen=True, eq=False)
class TextSearch:
    """Short texts, found by what they hold, whatever the case.

    They lie in one string, so that a scan runs at the speed of `str.find`.

    Attributes:
        joined: the texts in lower case, each after a separator.
        starts: where each text begins in it, int64 [n].
    """

    joined: str
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Iterable[str]) -> TextSearch:
        """Return the searchable texts; a text's position is its place in ``texts``."""
        folded = [text.lower().replace(SEPARATOR, " ") for text in texts]
        lengths = np.fromiter((len(text) + 1 for text in folded), np.int64, len(folded))
        ends = np.cumsum(lengths)
        return cls(SEPARATOR + SEPARATOR.join(folded) + SEPARATOR, ends - lengths + 1)

    def find(self, words: str, limit: int) -> list[int]:
        """Return positions of texts that are, begin with, or hold ``words``, in this order.

        Within each kind by position. Nothing is found by an empty text.

        >>> TextSearch.of(["user-21", "user-2", "other-user-2"]).find("USER-2", 3)
        [1, 0, 2]
        """
        needle = words.strip().lower()
        if not needle or SEPARATOR in needle:
            return []
        kinds = (
            self._positions(f"{SEPARATOR}{needle}{SEPARATOR}"),
            self._positions(f"{SEPARATOR}{needle}"),
            self._positions(needle),
        )
        found_at: dict[int, None] = {}
        for positions in kinds:
            for position in positions:
                found_at.setdefault(position)
                if len(found_at) == limit:
                    return list(found_at)
        return list(found_at)

    def with_words(self, words: str, allowed: NDArray[np.bool_], limit: int) -> list[int]:
        """Return positions of allowed texts that hold every word, by position.

        Where a script parts no words with blanks, texts follow that hold most of the pairs of
        neighbouring characters instead, most pairs first.

        >>> tea = TextSearch.of(["Green tea", "green paint", "Tea, green, 50 g"])
        >>> tea.with_words("tea green", np.ones(3, bool), 5)
        [0, 2]
        >>> TextSearch.of(["登山鞋 红色", "红茶"]).with_words("红色登山鞋", np.ones(2, bool), 5)
        [0]
        """
        needles = [word for word in words.lower().split() if SEPARATOR not in word]
        if not needles:
            return []
        whole = self._with_all(needles, allowed, limit)
        runs = PAIRED_RUN.findall(" ".join(needles))
        if len(whole) == limit or max(map(len, runs), default=0) < 3:
            return whole
        others = PAIRED_RUN.sub(" ", " ".join(needles)).split()
        pairs = list(dict.fromkeys(pair for run in runs for pair in pairs_of(run)))
        alike = self._with_most(pairs, others, allowed, limit)
        return list(dict.fromkeys([*whole, *alike]))[:limit]

    def _with_all(
        self, needles: Sequence[str], allowed: NDArray[np.bool_], limit: int
    ) -> list[int]:
        # The longest word is the rarest, as a rule: the others are looked for where it is.
        longest = max(needles, key=len)
        positions = []
        for position in self._positions(longest):
            if not allowed[position]:
                continue
            text = self._text(position)
            if all(needle in text for needle in needles):
                positions.append(position)
                if len(positions) == limit:
                    break
        return positions

    def _with_most(
        self, pairs: Sequence[str], others: Sequence[str], allowed: NDArray[np.bool_], limit: int
    ) -> list[int]:
        """Return texts with half of the pairs or more and all the other words, most first."""
        held = Counter(position for pair in pairs for position in self._positions(pair))
        enough = [p for p, n in held.items() if 2 * n >= len(pairs) and allowed[p]]
        ordered = sorted(enough, key=lambda position: (-held[position], position))
        texts = ((position, self._text(position)) for position in ordered)
        fitting = (p for p, text in texts if all(word in text for word in others))
        return list(itertools.islice(fitting, limit))

    def _text(self, position: int) -> str:
        start = int(self.starts[position])
        return self.joined[start : self.joined.index(SEPARATOR, start)]

    def _positions(self, needle: str) -> Iterator[int]:
        """Yield the positions of texts that hold the needle, each once, up to a bound."""
        at, looked_at = self.joined.find(needle), 0
        while at >= 0 and looked_at < MOST_LOOKED_AT:
            # A needle may begin with the separator before its text.
            inside = at + 1 if needle[0] == SEPARATOR else at
            position = int(np.searchsorted(self.starts, inside, side="right")) - 1
            yield position
            looked_at += 1
            following = position + 1
            if following == len(self.starts):
                return
            at = self.joined.find(needle, int(self.starts[following]) - 1)

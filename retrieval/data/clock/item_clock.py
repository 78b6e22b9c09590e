"""How often and how lately items are taken, as of a moment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.index.errors import DamagedFileError
from longtail.index.files import write_file_atomically
from longtail.retrieval.data.interactions import Interactions

DAY_S = 86_400.0
# Of an item that nobody had taken by then.
NEVER = np.iinfo(np.int64).min
# Of the mean rate, added to every item's: an item without events has a finite logarithm, and the
# same one in a log of any length.
SMOOTHING = 0.05
REMEDY = "copy the run folder again, or train it again with `longtail train`"
DTYPES = {"recent": np.float64, "total": np.float64, "first": np.int64, "last": np.int64}


@dataclass(frozen=True, eq=False)
class ItemClock:
    """What the log says of every item's pace before a moment, and nothing of what came later.

    A user counts once for an item, at the last time of taking it (as in Ji et al., "A Re-visit
    of the Popularity Baseline in Recommender Systems", SIGIR 2020).

    Attributes:
        now: the moment, in seconds since 1970.
        half_lives: after so many seconds a taking counts half, ascending.
        recent: sum over users of ``0.5 ** (age / half_life)``, float64 [half-lives, n].
        total: users who took the item, float64 [n].
        first, last: time of the first and of the newest taking, `NEVER` without one, int64 [n].
        compared: items that a rate is compared with the mean of: as many as there were when the
            clock was made, so that those that come later change no rate; None: all.
    """

    now: int
    half_lives: tuple[float, ...]
    recent: NDArray[np.float64]
    total: NDArray[np.float64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    compared: int | None = None

    def __len__(self) -> int:
        return len(self.total)

    @classmethod
    def of(
        cls, log: Interactions, n_items: int, half_lives: Sequence[float], *, now: int | None = None
    ) -> ItemClock:
        """Return the clock of a log as of ``now``; None takes the log's newest event.

        Events at ``now`` count, later ones don't.

        >>> log = Interactions(
        ...     np.array(["u"], object), np.zeros(2, np.int32), np.array([0, 1], np.int32),
        ...     np.array([0, 10]), has_clock=True,
        ... )
        >>> clock = ItemClock.of(log, 3, [10.0])
        >>> clock.now, clock.recent.tolist(), clock.total.tolist()
        (10, [[0.5, 1.0, 0.0]], [1.0, 1.0, 0.0])
        """
        taken = log.taken()
        moment = int(taken.time.max(initial=0)) if now is None else now
        taken = taken.select(taken.time <= moment)
        user, item, time = taken.user.astype(np.int64), taken.item, taken.time
        pairs, place = np.unique(user * n_items + item, return_inverse=True)
        newest = np.full(len(pairs), NEVER)
        np.maximum.at(newest, place, time)
        of_pair = pairs % n_items
        recent = np.stack(
            [
                np.bincount(of_pair, 0.5 ** ((moment - newest) / h), minlength=n_items)
                for h in half_lives
            ]
        )
        first, last = np.full(n_items, np.iinfo(np.int64).max), np.full(n_items, NEVER)
        np.minimum.at(first, item, time)
        np.maximum.at(last, item, time)
        first[last == NEVER] = NEVER
        total = np.bincount(of_pair, minlength=n_items).astype(np.float64)
        lives = tuple(float(h) for h in half_lives)
        return cls(moment, lives, recent.astype(np.float64), total, first, last)

    def moved(self, now: int) -> ItemClock:
        """Return the clock at a later moment in which nothing more was taken."""
        if now <= self.now:
            return self
        fade = 0.5 ** ((now - self.now) / np.array(self.half_lives))
        return replace(self, now=now, recent=self.recent * fade[:, None])

    def with_taken(self, item: NDArray[np.integer], time: NDArray[np.int64]) -> ItemClock:
        """Return the clock with more takings, each by a user who hadn't taken the item before.

        It moves to the newest of them.
        """
        if not len(item):
            return self
        later = self.moved(int(time.max()))
        recent, total = later.recent.copy(), later.total.copy()
        first, last = later.first.copy(), later.last.copy()
        for line, half_life in zip(recent, later.half_lives, strict=True):
            np.add.at(line, item, 0.5 ** ((later.now - time) / half_life))
        np.add.at(total, item, 1.0)
        unseen = last == NEVER
        first[unseen] = np.iinfo(np.int64).max
        np.minimum.at(first, item, time)
        np.maximum.at(last, item, time)
        first[last == NEVER] = NEVER
        return replace(later, recent=recent, total=total, first=first, last=last)

    def take(self, rows: NDArray[np.int64]) -> ItemClock:
        """Return the clock of these rows; -1 is an item that nobody has taken."""
        there = rows >= 0
        inside = np.maximum(rows, 0)
        return replace(
            self,
            recent=self.recent[:, inside] * there,
            total=self.total[inside] * there,
            first=np.where(there, self.first[inside], NEVER),
            last=np.where(there, self.last[inside], NEVER),
            compared=self.compared or len(self),
        )

    @cached_property
    def log_rates(self) -> NDArray[np.float32]:
        """Log of each item's rate over the mean item's, at each half-life and of all time.

        float32 [half-lives + 1, n]. A rate is a share, so a longer log shifts none.
        """
        counts = np.concatenate([self.recent, self.total[None]])
        mean = counts.mean(axis=1, keepdims=True)
        if self.compared not in (None, len(self)):
            mean = counts.sum(axis=1, keepdims=True) / self.compared
        mean = np.maximum(mean, 1e-12)
        rates = np.log((counts / mean + SMOOTHING) / (1 + SMOOTHING))
        return np.asarray(rates, np.float32)

    @property
    def log_rate(self) -> NDArray[np.float32]:
        """What is taken lately: the log rate at the middle half-life, float32 [n]."""
        rate: NDArray[np.float32] = self.log_rates[len(self.half_lives) // 2]
        return rate

    @cached_property
    def falling(self) -> NDArray[np.int64]:
        """Rows by log rate at each half-life, highest first, ties by row, [half-lives, n]."""
        lately = self.log_rates[: len(self.half_lives)]
        return np.argsort(-lately, axis=1, kind="stable").astype(np.int64)

    def paces(self, time: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return how long ago moments are, as log(1 + middle half-lives); -1 for `NEVER`."""
        unit = self.half_lives[len(self.half_lives) // 2]
        ago = np.maximum(self.now - np.where(time == NEVER, self.now, time), 0) / unit
        return np.where(time == NEVER, -1.0, np.log1p(ago)).astype(np.float32)

    @cached_property
    def ages(self) -> NDArray[np.float32]:
        """How long each item has been taken, and how long no more: `paces`, float32 [2, n]."""
        return np.stack([self.paces(self.first), self.paces(self.last)])

    def save(self, path: Path) -> None:
        """Write one safetensors file."""
        from safetensors.numpy import save_file

        about: dict[str, Any] = {"now": self.now, "half_lives": self.half_lives}
        if self.compared is not None:
            about["compared"] = self.compared
        # The format writes memory as it lies, whatever the order of the axes.
        tensors = {name: np.ascontiguousarray(getattr(self, name)) for name in DTYPES}
        with write_file_atomically(path) as temporary:
            save_file(tensors, temporary, metadata={"clock": json.dumps(about)})

    @classmethod
    def load(cls, path: Path, *, n_items: int) -> ItemClock | None:
        """Return what `save` wrote; None where there is no file.

        Raises:
            DamagedFileError: the file can't be read, or is of another catalog.
        """
        from safetensors import SafetensorError, safe_open

        if not path.is_file():
            return None
        try:
            with safe_open(path, framework="numpy") as file:
                about = json.loads(file.metadata()["clock"])
                tensors = {
                    name: file.get_tensor(name).astype(dtype, casting="safe")
                    for name, dtype in DTYPES.items()
                }
            clock = cls(int(about["now"]), tuple(map(float, about["half_lives"])), **tensors)
            clock = replace(clock, compared=about.get("compared"))
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise DamagedFileError(f"{path} can't be read ({reason}); {REMEDY}") from error
        shapes = (clock.recent.shape, len(clock.total), len(clock.first), len(clock.last))
        if shapes != ((len(clock.half_lives), n_items), n_items, n_items, n_items):
            raise DamagedFileError(f"{path} is of another catalog; {REMEDY}")
        return clock

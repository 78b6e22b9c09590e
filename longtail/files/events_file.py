"""Events that a service has taken, as an interaction file that `longtail train` reads."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

from longtail.index.files import write_file_atomically
from longtail.retrieval.data.event_log.reading import read_events
from longtail.retrieval.data.events import EVENTS, UserEvent, last_said
from longtail.retrieval.data.ids.identifier import fault_of_id, names_nobody, spelt_id
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.meaning.behaviours import MEANINGS, Meaning
from longtail.retrieval.data.meaning.event_names import EventNames
from longtail.retrieval.data.meaning.told_meanings import ToldMeanings
from longtail.retrieval.run.bundle import Bundle, read_manifest
from longtail.retrieval.run.served_run import open_trained

HEADER = ("user_id", "item_id", "timestamp", "event", "weight", "request_id")
# Who did what, when: what every file has.
ALWAYS = 3


class _Line(NamedTuple):
    """A line of the file; what isn't known of it is empty."""

    user_id: str
    item_id: str
    timestamp: int
    event: str
    weight: str
    request_id: str
    meaning: Meaning

    def key(self, *, timeless: bool) -> tuple[str, str, int, Meaning]:
        """What makes it another event than others."""
        return self.user_id, self.item_id, 0 if timeless else self.timestamp, self.meaning


def write_events(run: Path, out: Path, *, with_log: bool) -> tuple[int, int]:
    """Write a CSV file of a run's events; return how many of the log's and of events it has.

    With ``with_log`` the interactions that the run was trained with, or has learned, come first.
    Events that are among them already are left out then, and so are always those whose ids no
    file may hold (taken before the service refused them), with a note. Where that log has no
    clock, the events go on with its order: times beside places would be neither.

    Where any of them wasn't taken, a column ``event`` says what each means: in the client's word
    if that is a usual one, else in ours. What came with a rating, an amount or a request's id has
    it in a further column.

    Raises:
        LongtailError: the run, or its file of events, can't be read.
    """
    events = last_said(_readable(read_events(run / EVENTS)))
    logged: list[_Line] = []
    if not with_log:
        typed = any(event.meaning != "taken" for event in events)
        names = _names(read_manifest(run)["config"]) if typed else EventNames()
        fresh = [_of_event(event, names) for event in events]
    else:
        bundle = open_trained(run)
        names = _names(bundle.config)
        logged.extend(_logged(bundle, names))
        # Events that were learned into a log without a clock have places in it, not times.
        timeless = bundle.learned is not None and not bundle.log.has_clock
        known = {line.key(timeless=timeless) for line in logged}
        fresh = [_of_event(event, names) for event in events]
        fresh = [line for line in fresh if line.key(timeless=timeless) not in known]
        if not bundle.log.has_clock:
            fresh = _behind(len(logged), fresh)
    columns = _columns(logged, fresh)
    with (
        write_file_atomically(out) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow([HEADER[column] for column in columns])
        for line in (*logged, *fresh):
            writer.writerow([line[column] for column in columns])
    return len(logged), len(fresh)


def _readable(events: Sequence[UserEvent]) -> list[UserEvent]:
    """Return the events that come back when they are read from a file, ids as they are read."""
    spelt = [replace(e, user_id=spelt_id(e.user_id), item_id=spelt_id(e.item_id)) for e in events]
    kept = [
        event
        for event in spelt
        if not (fault_of_id(event.user_id) or fault_of_id(event.item_id))
        and not names_nobody(event.user_id)
    ]
    if lost := len(spelt) - len(kept):
        click.echo(f"note: {lost:,} events whose ids no file may hold are left out", err=True)
    return kept


def _columns(logged: Sequence[_Line], fresh: Sequence[_Line]) -> list[int]:
    """Return which columns the file has: no more than who, what and when where that is all."""
    event, weight, request_id = range(ALWAYS, len(HEADER))
    columns = list(range(ALWAYS))
    typed = any(line.meaning != "taken" for line in (*logged, *fresh))
    if typed:
        columns.append(event)
    # Weights of a log of what was taken alone have never been in the file.
    if any(line.weight for line in (*(logged if typed else ()), *fresh)):
        columns.append(weight)
    if any(line.request_id for line in fresh):
        columns.append(request_id)
    return columns


def _names(config: Mapping[str, Any]) -> EventNames:
    return ToldMeanings.of(config.get("data", {})).names


def _of_event(event: UserEvent, names: EventNames) -> _Line:
    return _Line(
        event.user_id,
        event.item_id,
        event.timestamp,
        names.name(event.meaning, event.type),
        "" if event.weight is None else str(event.weight),
        event.request_id or "",
        event.meaning,
    )


def _behind(start: int, lines: list[_Line]) -> list[_Line]:
    """Return lines, oldest first, with places from ``start + 1`` on in place of times.

    >>> tea = _Line("u", "tea", 1_700_000_060, "", "", "", "taken")
    >>> pot = tea._replace(item_id="pot", timestamp=1_700_000_000)
    >>> [line[1:3] for line in _behind(7, [tea, pot])]
    [('pot', 8), ('tea', 9)]
    """
    ordered = sorted(lines, key=lambda line: line.timestamp)
    return [line._replace(timestamp=place) for place, line in enumerate(ordered, start + 1)]


def _logged(bundle: Bundle, names: EventNames) -> Iterator[_Line]:
    log = bundle.log
    called: list[tuple[str, Meaning]] = [(names.name(meaning), meaning) for meaning in MEANINGS]
    codes = np.full(len(log), MEANINGS.index("taken"), np.int8) if log.label is None else log.label
    for user, item, time, code, weight in zip(
        log.user.tolist(),
        bundle.catalog.item_ids[log.item].tolist(),
        _times(log).tolist(),
        codes.tolist(),
        _weights(log),
        strict=True,
    ):
        event, meaning = called[code]
        yield _Line(str(log.user_ids[user]), str(item), time, event, weight, "", meaning)


def _times(log: Interactions) -> NDArray[np.int64]:
    if log.has_clock:
        return log.time
    # Places from 1 on, whatever stood for them: moments too few to be a clock, for one.
    times = np.empty(len(log), np.int64)
    times[np.argsort(log.time, kind="stable")] = np.arange(1, len(log) + 1)
    return times


def _weights(log: Interactions) -> list[str]:
    if log.weight is None:
        return [""] * len(log)
    written: list[str] = np.where(np.isnan(log.weight), "", log.weight.astype(str)).tolist()
    return written

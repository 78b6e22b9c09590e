"""Events that a service has taken, as an interaction file that `longtail train` reads."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from longtail.index.files import write_file_atomically
from longtail.retrieval.data.events import EVENTS, TakenItem, read_events
from longtail.retrieval.data.ids.identifier import fault_of_id, names_nobody, spelt_id
from longtail.retrieval.run.bundle import Bundle
from longtail.retrieval.run.served_run import open_trained

HEADER = ("user_id", "item_id", "timestamp")


def write_events(run: Path, out: Path, *, with_log: bool) -> tuple[int, int]:
    """Write a CSV file of a run's events; return how many of the log's and of events it has.

    With ``with_log`` the interactions that the run was trained with, or has learned, come first.
    Events that are among them already are left out then, and so are always those whose ids no
    file may hold (taken before the service refused them), with a note. Where that log has no
    clock, the events go on with its order: times beside places would be neither.

    Raises:
        LongtailError: the run, or its file of events, can't be read.
    """
    events = _readable(read_events(run / EVENTS).events)
    logged: list[tuple[str, str, int]] = []
    told = len(HEADER)
    if with_log:
        bundle = open_trained(run)
        logged.extend(_logged(bundle))
        # Events that were learned into a log without a clock have places in it, not times.
        told -= bundle.learned is not None and not bundle.log.has_clock
    known = {line[:told] for line in logged}
    fresh = [line for line in map(_line, events) if line[:told] not in known]
    if with_log and not bundle.log.has_clock:
        fresh = _behind(len(logged), fresh)
    with (
        write_file_atomically(out) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(logged)
        writer.writerows(fresh)
    return len(logged), len(fresh)


def _readable(events: Sequence[TakenItem]) -> list[TakenItem]:
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


def _line(event: TakenItem) -> tuple[str, str, int]:
    return event.user_id, event.item_id, event.timestamp


def _behind(start: int, lines: list[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    """Return lines, oldest first, with places from ``start + 1`` on in place of times.

    >>> _behind(7, [("u", "tea", 1_700_000_060), ("u", "pot", 1_700_000_000)])
    [('u', 'pot', 8), ('u', 'tea', 9)]
    """
    ordered = sorted(lines, key=lambda line: line[2])
    return [(user, item, place) for place, (user, item, _) in enumerate(ordered, start + 1)]


def _logged(bundle: Bundle) -> Iterator[tuple[str, str, int]]:
    log, ids = bundle.log.taken(), bundle.catalog.item_ids
    times = log.time
    if not log.has_clock:
        # Places from 1 on, whatever stood for them: moments too few to be a clock, for one.
        times = np.empty(len(log), np.int64)
        times[np.argsort(log.time, kind="stable")] = np.arange(1, len(log) + 1)
    for user, item, time in zip(log.user.tolist(), log.item.tolist(), times.tolist(), strict=True):
        yield str(log.user_ids[user]), str(ids[item]), time

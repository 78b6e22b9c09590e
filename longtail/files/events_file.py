"""Events that a service has taken, as an interaction file that `longtail train` reads."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from longtail.index.files import write_file_atomically
from longtail.retrieval.data.events import EVENTS, TakenItem, read_events
from longtail.retrieval.run.bundle import Bundle
from longtail.retrieval.run.served_run import open_trained

HEADER = ("user_id", "item_id", "timestamp")


def write_events(run: Path, out: Path, *, with_log: bool) -> tuple[int, int]:
    """Write a CSV file of a run's events; return how many of the log's and of events it has.

    With ``with_log`` the interactions that the run was trained with, or has learned, come first.
    Events that are among them already are left out then.

    Raises:
        LongtailError: the run, or its file of events, can't be read.
    """
    events = read_events(run / EVENTS).events
    logged: list[tuple[str, str, int]] = []
    told = len(HEADER)
    if with_log:
        bundle = open_trained(run)
        logged.extend(_logged(bundle))
        # Events that were learned into a log without a clock have places in it, not times.
        told -= bundle.learned is not None and not bundle.log.has_clock
    known = {line[:told] for line in logged}
    fresh = [event for event in events if _line(event)[:told] not in known]
    with (
        write_file_atomically(out) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(logged)
        writer.writerows(map(_line, fresh))
    return len(logged), len(fresh)


def _line(event: TakenItem) -> tuple[str, str, int]:
    return event.user_id, event.item_id, event.timestamp


def _logged(bundle: Bundle) -> Iterator[tuple[str, str, int]]:
    log, ids = bundle.log.taken(), bundle.catalog.item_ids
    for user, item, time in zip(
        log.user.tolist(), log.item.tolist(), log.time.tolist(), strict=True
    ):
        yield str(log.user_ids[user]), str(ids[item]), time

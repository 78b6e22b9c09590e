"""MIND, news of Microsoft: impressions become one labelled row each, the click history too."""

from __future__ import annotations

from pathlib import Path

from longtail.layouts.conversion import Conversion
from longtail.layouts.layout import Layout, Part
from longtail.layouts.sample import with_cells
from longtail.layouts.table_file import TIME, WHOLE
from longtail.layouts.values import SECOND, joined, written_time

_TIME = "%m/%d/%Y %I:%M:%S %p"
_ANY = r".*"
_MOMENT = r"\d+/\d+/\d{4} \d+:\d\d:\d\d [AP]M"


def _convert(job: Conversion) -> None:
    items = job.items("title", "categories", "description")
    for path in job.files("news"):
        lines = job.records.cells(path, "\t", 5, or_more=True)
        for news, category, subcategory, title, abstract, *_ in lines:
            # Train and dev share most of their news.
            if news not in items:
                items.add(news, title, joined((category, subcategory)), abstract)
    first, began = _first_lines(job)
    log = job.log(label=WHOLE, timestamp=TIME)
    for path in job.files("behaviors"):
        for cells in job.records.cells(path, "\t", 5):
            impression, user, written, history, shown = cells
            time = written_time(written, _TIME)
            if first.get(user) == (time, path, impression):
                clicked = history.split()
                for before, news in zip(range(len(clicked), 0, -1), clicked, strict=True):
                    log.add(user, news, 1, began - before * SECOND)
            for cell in shown.split():
                news, dash, clicked_now = cell.rpartition("-")
                if dash and clicked_now in ("0", "1"):
                    log.add(user, news, int(clicked_now), time)
                else:
                    job.left_out.add("impressions", "without a label, as in the test part", cell)


def _first_lines(job: Conversion) -> tuple[dict[str, tuple[int, Path, str]], int]:
    """Return which impression is each user's first, and when the first of all was.

    A later one repeats the history of the first, and may add clicks that have a time of their own.
    """
    first: dict[str, tuple[int, Path, str]] = {}
    for path in job.files("behaviors"):
        for impression, user, written, *_ in job.records.cells(path, "\t", 5):
            time = written_time(written, _TIME)
            if time is not None and (user not in first or time < first[user][0]):
                first[user] = (time, path, impression)
    return first, min((time for time, *_ in first.values()), default=0)


MIND = Layout(
    "MIND, small and large: news and impressions",
    (
        Part("news", ("news.tsv",), with_cells("\t", r"\S+", *[_ANY] * 7), several=True),
        Part(
            "behaviors",
            ("behaviors.tsv",),
            with_cells("\t", r"\S+", r"\S+", _MOMENT, _ANY, _ANY),
            several=True,
        ),
    ),
    _convert,
)

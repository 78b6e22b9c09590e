"""Rewrite the tables and pictures of the documentation from benchmarks/results; none is typed.

Run:  python benchmarks/tables.py [SUBJECT ...]

quality, retail, arrivals, behaviour, index, speed, serve, soak, future, dial, suspects,
languages, encoders, towers or first-days; all without a name.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import first_days.page
import gamed.page
import languages.page
import pages.arrivals
import pages.behaviour
import pages.dial
import pages.encoding_chart
import pages.future_filter
import pages.index
import pages.index_chart
import pages.quality
import pages.retail
import pages.serve
import pages.speed
import service.soak_page
import text_encoding.encoders_page
import tuned_towers.page

SUBJECTS: dict[str, tuple[Callable[[], None], ...]] = {
    "quality": (pages.quality.rewrite,),
    "retail": (pages.retail.rewrite,),
    "arrivals": (pages.arrivals.rewrite,),
    "behaviour": (pages.behaviour.rewrite,),
    "index": (pages.index.rewrite, pages.index_chart.draw),
    "speed": (pages.speed.rewrite, pages.encoding_chart.draw),
    "serve": (pages.serve.rewrite,),
    "soak": (service.soak_page.rewrite,),
    "future": (pages.future_filter.rewrite,),
    "dial": (pages.dial.rewrite,),
    "suspects": (gamed.page.rewrite,),
    "languages": (languages.page.rewrite,),
    "encoders": (text_encoding.encoders_page.rewrite,),
    "towers": (tuned_towers.page.rewrite,),
    "first-days": (first_days.page.rewrite,),
}


def main() -> None:
    """Rewrite the chosen subjects."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("subjects", nargs="*", choices=[*SUBJECTS, []], metavar="SUBJECT")
    given = arguments.parse_args()
    for subject in given.subjects or SUBJECTS:
        for rewrite in SUBJECTS[subject]:
            rewrite()


if __name__ == "__main__":
    main()

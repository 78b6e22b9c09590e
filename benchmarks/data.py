"""Data as it comes: reading ten million events, telling filtered and gamed data from honest.

Run:  python benchmarks/data.py reading            seconds and memory from CSV and from Parquet
      python benchmarks/data.py future-filter      how often that test is right
      python benchmarks/data.py suspects FOLDER    made-up tricks seen, honest items named

Each has its own -h.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

SUBJECTS = ("reading", "future-filter", "suspects")


def main() -> None:
    """Run one of them."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("subject", choices=SUBJECTS)
    given = arguments.parse_args(sys.argv[1:2])
    folder = "gamed" if given.subject == "suspects" else "interaction_logs"
    import_module(f"{folder}.{given.subject.replace('-', '_')}").main(sys.argv[2:])


if __name__ == "__main__":
    main()

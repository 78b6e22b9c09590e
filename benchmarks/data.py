"""Interaction logs: reading ten million events, and telling whether their future filtered them.

Run:  python benchmarks/data.py reading            seconds and memory from CSV and from Parquet
      python benchmarks/data.py future-filter      how often that test is right

Each has its own -h.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

SUBJECTS = ("reading", "future-filter")


def main() -> None:
    """Run one of the two."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("subject", choices=SUBJECTS)
    given = arguments.parse_args(sys.argv[1:2])
    import_module(f"interaction_logs.{given.subject.replace('-', '_')}").main(sys.argv[2:])


if __name__ == "__main__":
    main()

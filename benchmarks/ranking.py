"""The ranking of a run: where its time goes, and what overall quality the tail costs.

Run:  python benchmarks/ranking.py stages RUN        time of every stage of a recommendation
      python benchmarks/ranking.py dial RUN ...      tail weights against the debias dial
      python benchmarks/ranking.py order RUN ...     what a lead owes to the order of ids

Each has its own -h.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

SUBJECTS = ("stages", "dial", "order")


def main() -> None:
    """Run one of the three."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("subject", choices=SUBJECTS)
    given = arguments.parse_args(sys.argv[1:2])
    import_module(f"ranked_lists.{given.subject}").main(sys.argv[2:])


if __name__ == "__main__":
    main()

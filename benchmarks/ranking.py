"""The ranking of a run: where its time goes, what the tail costs, what meanings are worth.

Run:  python benchmarks/ranking.py stages RUN        time of every stage of a recommendation
      python benchmarks/ranking.py dial RUN ...      tail weights against the debias dial
      python benchmarks/ranking.py order RUN ...     what a lead owes to the order of ids
      python benchmarks/ranking.py meanings DATA ... what it is worth to know what rows mean

Each has its own -h.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

SUBJECTS = {
    "stages": "ranked_lists.stages",
    "dial": "ranked_lists.dial",
    "order": "ranked_lists.order",
    "meanings": "typed_logs.meanings",
}


def main() -> None:
    """Run one of them."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("subject", choices=SUBJECTS)
    given = arguments.parse_args(sys.argv[1:2])
    import_module(SUBJECTS[given.subject]).main(sys.argv[2:])


if __name__ == "__main__":
    main()

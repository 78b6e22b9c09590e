"""The text encoder: speed of its backends, their quality, cost against size, and other encoders.

Run:  python benchmarks/encoding.py speed FOLDER ...      texts a second of every backend
      python benchmarks/encoding.py quality FOLDER ...    recommendations by each backend
      python benchmarks/encoding.py growth                cost against catalog and history size
      python benchmarks/encoding.py encoders FOLDER ...   other encoders, whole and in part

Each has its own -h.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

SUBJECTS = ("speed", "quality", "growth", "encoders")


def main() -> None:
    """Run one of the four."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("subject", choices=SUBJECTS)
    given = arguments.parse_args(sys.argv[1:2])
    import_module(f"text_encoding.{given.subject}").main(sys.argv[2:])


if __name__ == "__main__":
    main()

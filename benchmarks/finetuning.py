"""Fine-tuning the text encoder: what its steps cost, and what the tuned item tower is worth.

Run:  python benchmarks/finetuning.py steps FOLDER       against sentence-transformers' trainer
      python benchmarks/finetuning.py worth FOLDER ...   the engine with the tuned tower and without

Each has its own -h.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

MODULES = {"steps": "text_training.steps", "worth": "tuned_towers.worth"}


def main() -> None:
    """Run one of the two."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("subject", choices=MODULES)
    given = arguments.parse_args(sys.argv[1:2])
    import_module(MODULES[given.subject]).main(sys.argv[2:])


if __name__ == "__main__":
    main()

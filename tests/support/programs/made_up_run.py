"""Train on a made-up shop with a random text encoder: needs no network, is done within minutes.

python tests/support/programs/made_up_run.py OUT
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from command_line import train_arguments
from forks import command
from toy_shop import save_tiny_bert

ITEMS, USERS = 1_000, 1_500


def done(*words: object) -> None:
    """Run a command in this process; end with it where it fails."""
    try:
        command(*words)()
    except SystemExit as leaving:
        if leaving.code:
            raise


def main(out: str) -> None:
    """Write the shop, train, and leave the run."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        done("data", "synth", folder / "shop", "--items", ITEMS, "--users", USERS)
        short = ("history.epochs=0", "encoder.max_steps=40")
        options = train_arguments(save_tiny_bert(folder / "bert"), *short)
        rejected = ("--rejected", folder / "rejected.csv")
        done("train", folder / "shop", *options, "--out", out, "--overwrite", *rejected)


if __name__ == "__main__":
    main(sys.argv[1])

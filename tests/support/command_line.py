"""The `longtail` command for tests: in this process, or in one of its own that can be stopped."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pandas as pd
from processes import Done, Process, started_python
from toy_shop import GROUPS

from longtail.cli import main
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.interactions import PARTS
from longtail.retrieval.data.splits import Split


def longtail(*arguments: object) -> Done:
    """Run a command in this process; an exception that isn't ours comes through."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    logger = logging.getLogger("longtail")
    level = logger.level
    with (
        mock.patch.object(sys, "argv", ["longtail", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        finally:
            logger.setLevel(level)
    return Done(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def started_longtail(*arguments: object, first: str = "") -> Iterator[Process]:
    """Start a command in a process of its own, after the Python statements of ``first``."""
    # A test run in the background of a shell inherits an ignored Ctrl-C.
    program = (
        "import signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"{first}\n"
        "from longtail.cli import main\n"
        "main()\n"
    )
    with started_python("-c", program, *arguments) as process:
        yield process


def train_arguments(bert: Path, *changes: str) -> list[str]:
    """Return options that train the toy shop within seconds; later changes win."""
    settings = (
        f"item_tower.encoder={bert}",
        "item_tower.max_tokens=24",
        "item_tower.backend=torch-float32",
        "user_tower.max_history=8",
        "user_tower.layers=1",
        "user_tower.hidden=16",
        "user_tower.heads=2",
        "co_taken.epochs=0",
        "history.epochs=1",
        "history.batch_size=32",
        "history.uniform_negatives=60",
        "refit=false",
        # The toy shop is a small log, and stands for a large one.
        "selection.few_targets=0",
        "relevance.prior_until=0",
        "encoder.epochs=1",
        "encoder.max_steps=-1",
        "encoder.batch_size=32",
        "encoder.uniform_negatives=60",
        "sequence.popularity_strengths=[0]",
        "sequence.dim=16",
        "sequence.layers=1",
        "sequence.epochs=1",
        "behaviour.closed_form.text_neighbours=10",
        "relevance.tail_weights=[1]",
        "relevance.rounds=20",
        "relevance.bags=1",
        "relevance.hidden=[8]",
        "relevance.epochs=2",
        *changes,
    )
    # By name: a machine with a GPU would take other settings.
    return ["--config", "cpu", *(word for setting in settings for word in ("--set", setting))]


def write_shop(folder: Path, catalog: Catalog, split: Split) -> Path:
    """Write items.csv and interactions.csv, with the split as a column, and return the folder."""
    folder.mkdir(parents=True)
    catalog.frame.to_csv(folder / "items.csv", index=False)
    log = split.interactions
    pd.DataFrame(
        {
            "user_id": log.user_ids[log.user],
            "item_id": catalog.item_ids[log.item],
            "timestamp": log.time,
            "split": [PARTS[code] for code in split.part],
        }
    ).to_csv(folder / "interactions.csv", index=False)
    return folder


def write_shop_with_users(folder: Path, catalog: Catalog, split: Split) -> Path:
    """Write the same and users.csv: everybody's team, and somebody new who is of none's log."""
    write_shop(folder, catalog, split)
    of_niche = {niche: group for group, niches in GROUPS.items() for niche in niches}
    users = [str(user) for user in split.interactions.user_ids]
    teams = [of_niche[user.split("-")[0]] for user in users]
    pd.DataFrame(
        {
            "customer_id": [*users, "somebody-new"],
            "team": [*teams, "paint"],
            "phone": [f"+{i}{i}" for i in range(len(users) + 1)],
        }
    ).to_csv(folder / "users.csv", index=False)
    return folder

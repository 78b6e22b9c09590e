"""A made-up shop to try longtail on: readable items, and customers whose taste shows in them."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from longtail.demo_shop.behaviours import PURCHASE
from longtail.demo_shop.behaviours import behaviours as customer_behaviours
from longtail.demo_shop.drift import make_drift
from longtail.demo_shop.items import load_niches, make_items
from longtail.demo_shop.log import purchases, stock_shelves, visitors
from longtail.demo_shop.people import COLUMNS, drifting_visitors
from longtail.demo_shop.wording import WORDINGS
from longtail.index.files import write_file_atomically
from longtail.retrieval.errors import DataError
from longtail.retrieval.progress import Progress, silent


def make_demo_shop(
    folder: Path,
    *,
    n_items: int = 3000,
    n_users: int = 4000,
    seed: int = 0,
    drift: bool = False,
    behaviours: bool = False,
    progress: Progress = silent,
    language: str = "en",
) -> None:
    """Write ``catalog.csv`` and ``interactions.csv`` of a shop; the same files for a seed.

    Forty niches in English, or twenty in Chinese (``language="zh"``), each with its own makers,
    products and uses. A customer likes one to four niches and in each a maker, a use and a price
    level, so that the texts tell what comes next; 8 % of the purchases follow popularity alone. The
    log ends on 2025-12-31; a tenth of the items came in during its last seven weeks, so under a
    split by time they are cold.

    With `drift` the log is that of one year in which what is wanted changes: niches have seasons,
    hits fade, unknown items rise, kinds of product come into fashion, and items and customers
    arrive all year. A tenth of the customers have 50 to 300 purchases, and ``users.csv`` holds
    columns that say something of their taste.

    With `behaviours` the log has a column ``event``: customers look at things of their taste, at
    things like those that they buy, and at what everybody is shown; they fill carts, take things
    out of them, and send some back. The purchases are those of the shop without it.

    Raises:
        DataError: the folder can't be written.
    """
    rng = np.random.default_rng(seed)
    wording = WORDINGS[language]
    niches = load_niches(wording)
    items = make_items(niches, n_items, rng, wording)
    shelves = stock_shelves(items, len(niches), rng)
    crowd, demand = visitors(n_users, shelves, rng), None
    if drift:
        demand, shelves = make_drift(shelves, rng)
        crowd = drifting_visitors(n_users, shelves, rng)
    log: list[tuple[int, int, int, str]] = []
    # Its own, so that the purchases stay what they are without it.
    beside = np.random.default_rng([seed, 1])
    users: list[tuple[str, ...]] = []
    for user, visitor in enumerate(crowd):
        bought = purchases(visitor, shelves, rng, demand)
        if behaviours:
            did = customer_behaviours(visitor, bought, shelves, beside)
            log.extend((time, user, row, event) for time, row, event in did)
        else:
            log.extend((time, user, row, PURCHASE) for row, time in bought)
        users.append((_user_id(user), *visitor.columns))
        progress("filling the demo shop", user + 1, n_users)
    log.sort()
    # Ids in an order that gives the niche away would be a shortcut that no real shop offers.
    numbers = rng.permutation(len(items))
    item_ids = [f"item-{number + 1:05d}" for number in numbers.tolist()]
    catalog = sorted(
        (item_ids[i], item.title, item.description, item.brand, item.category, item.price, added)
        for i, (item, added) in enumerate(zip(items, shelves.added.tolist(), strict=True))
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(
            folder / "catalog.csv",
            ("item_id", "title", "description", "brand", "categories", "price", "added"),
            ((*row[:5], f"{row[5]:.2f}", _day(row[6])) for row in catalog),
        )
        _write(
            folder / "interactions.csv",
            ("user_id", "item_id", "timestamp", "event")[: 3 + behaviours],
            (
                (_user_id(user), item_ids[row], time, event)[: 3 + behaviours]
                for time, user, row, event in log
            ),
        )
        if drift:
            _write(folder / "users.csv", ("user_id", *COLUMNS), users)
    except OSError as error:
        raise DataError(f"can't write the demo shop to {folder}: {error.strerror}") from error


def _write(path: Path, header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    with (
        write_file_atomically(path) as temporary,
        open(temporary, "w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _user_id(user: int) -> str:
    return f"user-{user + 1:05d}"


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")

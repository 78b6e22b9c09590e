"""A made-up shop to try longtail on: readable items, and customers whose taste shows in them."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from longtail.demo_shop.items import load_niches, make_items
from longtail.demo_shop.log import make_customer, purchases, stock_shelves, visit_times
from longtail.index.files import write_file_atomically
from longtail.retrieval.errors import DataError
from longtail.retrieval.progress import Progress, silent


def make_demo_shop(
    folder: Path,
    *,
    n_items: int = 3000,
    n_users: int = 4000,
    seed: int = 0,
    progress: Progress = silent,
) -> None:
    """Write ``catalog.csv`` and ``interactions.csv`` of a shop; the same files for a seed.

    Forty niches, each with its own makers, products and uses. A customer likes one to four
    niches and in each a maker, a use and a price level, so that the texts tell what comes next;
    8 % of the purchases follow popularity alone. The log ends on 2025-12-31; a tenth of the items
    came in during its last seven weeks, so under a split by time they are cold.

    Raises:
        DataError: the folder can't be written.
    """
    rng = np.random.default_rng(seed)
    niches = load_niches()
    items = make_items(niches, n_items, rng)
    shelves = stock_shelves(items, len(niches), rng)
    appeal = np.array([shelves.appeal[rows].sum() for rows in shelves.of_niche])
    log: list[tuple[int, int, int]] = []
    for user in range(n_users):
        customer = make_customer(appeal / appeal.sum(), rng)
        bought = purchases(customer, visit_times(rng), shelves, rng)
        log.extend((time, user, row) for row, time in bought)
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
            ("user_id", "item_id", "timestamp"),
            ((f"user-{user + 1:05d}", item_ids[row], time) for time, user, row in log),
        )
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


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")

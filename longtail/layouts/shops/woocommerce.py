"""WooCommerce: its export of products, and orders as its report and three plugins write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from longtail.layouts.conversion import Conversion
from longtail.layouts.layout import Layout, Part
from longtail.layouts.sample import any_of, with_header
from longtail.layouts.shops.products import Products
from longtail.layouts.shops.woocommerce_orders import convert_orders, is_orders
from longtail.layouts.table_file import NUMBER, WHOLE
from longtail.layouts.values import joined, number

_PRODUCT_COLUMNS = ("ID", "Name")
_PRODUCT_OPTIONS = (
    "Type",
    "SKU",
    "Parent",
    "Categories",
    "Description",
    "Short description",
    "Brands",
    "Tags",
    "Regular price",
    "Sale price",
    "In stock?",
    "Published",
)
_ATTRIBUTE = re.compile(r"Attribute (\d+) name")
# A comma that belongs to a category has a backslash before it.
_COMMA = re.compile(r"(?<!\\),")


def _convert(job: Conversion) -> None:
    known = Products()
    items = job.items(
        "title",
        "categories",
        "description",
        "brand",
        "tags",
        "attributes",
        price=NUMBER,
        in_stock=WHOLE,
        published=WHOLE,
    )
    products, variations = _products(job, known)
    prices: dict[str, list[float]] = {}
    for own_id, sku, parent, price in variations:
        # The parent stands as "id:12", or as its stock keeping unit.
        item = known.find(own_ids=(parent.removeprefix("id:"),), sku=parent)
        if item is not None:
            known.add(item, own_id=own_id, sku=sku)
            prices.setdefault(item, []).extend([] if price is None else [price])
    for own_id, *cells, price, stock, published in products:
        items.add(
            own_id,
            *cells,
            min(prices.get(own_id, ()), default=None) if price is None else price,
            stock,
            published,
        )
    convert_orders(job, known)


def _products(
    job: Conversion, known: Products
) -> tuple[list[tuple[Any, ...]], list[tuple[str, str, str, float | None]]]:
    """Return the rows of the catalog, and id, SKU, parent and price of each variation."""
    products, variations = [], []
    for path in job.files("products"):
        attributes = _attribute_columns(job.records.header(path))
        columns = (*_PRODUCT_OPTIONS, *attributes)
        for row in job.records.rows(path, _PRODUCT_COLUMNS, columns):
            own_id, name, kind, sku, parent, *cells = (cell.strip() for cell in row)
            categories, long, short, brand, tags, regular, sale, stock, published = cells[:9]
            price = number(sale or regular)
            if "variation" in kind:
                variations.append((own_id, sku, parent, price))
                continue
            known.add(own_id, own_id=own_id, sku=sku, name=name)
            products.append(
                (
                    own_id,
                    name,
                    joined(_list(categories)),
                    joined((_unescaped(short), _unescaped(long)), " "),
                    brand,
                    joined(_list(tags)),
                    _attributes(cells[9:]),
                    price,
                    _flag(stock),
                    _flag(published),
                )
            )
    return products, variations


def _attribute_columns(header: Sequence[str]) -> list[str]:
    """Return the columns of the attributes, name and values in turn."""
    numbers = [found.group(1) for name in header if (found := _ATTRIBUTE.fullmatch(name))]
    return [f"Attribute {n} {which}" for n in numbers for which in ("name", "value(s)")]


def _attributes(cells: Sequence[str]) -> str:
    pairs = zip(cells[::2], cells[1::2], strict=True)
    return joined((f"{name}: {values}" for name, values in pairs if name and values), "; ")


def _list(cell: str) -> list[str]:
    """Return the categories or tags of a cell.

    >>> _list(r"Wear > Hats, Food\\, drink")
    ['Wear > Hats', 'Food, drink']
    """
    return [part.strip().replace("\\,", ",") for part in _COMMA.split(cell)]


def _unescaped(text: str) -> str:
    return text.replace("\\n", " ").replace("\\r", " ").strip()


def _flag(cell: str) -> int | None:
    return {"1": 1, "0": 0, "-1": 0, "instock": 1, "outofstock": 0}.get(cell)


WOOCOMMERCE = Layout(
    "WooCommerce's export of products, and orders of its reports or of export plugins",
    (
        Part(
            "products",
            ("wc-product-export*.csv", "products*.csv"),
            any_of(
                with_header(*_PRODUCT_COLUMNS, "Categories"),
                with_header(*_PRODUCT_COLUMNS, "Regular price"),
            ),
            several=True,
        ),
        Part("orders", ("orders*.csv", "*order*.csv"), is_orders, several=True),
    ),
    _convert,
)

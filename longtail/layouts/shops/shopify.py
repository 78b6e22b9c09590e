"""Shopify: products with a row a variant, orders with a row a line of the order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from longtail.layouts.conversion import Conversion
from longtail.layouts.layout import Layout, Part
from longtail.layouts.sample import any_of, with_header
from longtail.layouts.shops.products import Products
from longtail.layouts.table_file import NUMBER, TIME
from longtail.layouts.values import iso_time, joined, number

# The columns were renamed in 2025; both names are read.
_PRODUCT_COLUMNS = (
    ("Handle", "URL handle"),
    ("Title", "Title"),
    ("Body (HTML)", "Description"),
    ("Vendor", "Vendor"),
    ("Product Category", "Product category"),
    ("Type", "Type"),
    ("Tags", "Tags"),
    ("Status", "Status"),
    ("Variant SKU", "SKU"),
    ("Variant Price", "Price"),
    ("Option1 Name", "Option1 name"),
    ("Option1 Value", "Option1 value"),
    ("Option2 Name", "Option2 name"),
    ("Option2 Value", "Option2 value"),
    ("Option3 Name", "Option3 name"),
    ("Option3 Value", "Option3 value"),
)
_ORDER_COLUMNS = ("Name", "Created at", "Lineitem name")
_ORDER_OPTIONS = (
    "Email",
    "Phone",
    "Financial Status",
    "Cancelled at",
    "Lineitem sku",
    "Lineitem quantity",
)
# What a product without variants carries in their place.
_NO_VARIANT = "Default Title"
_NEVER_PAID = ("voided", "expired")


@dataclass
class _Product:
    cells: Sequence[str]
    price: float | None = None
    options: dict[str, dict[str, None]] = field(default_factory=dict)
    option_names: list[str] = field(default_factory=lambda: ["", "", ""])


def _convert(job: Conversion) -> None:
    known = Products()
    items = job.items(
        "title", "categories", "description", "brand", "tags", "options", "status", price=NUMBER
    )
    for handle, product in _products(job, known).items():
        _, title, body, vendor, category, kind, tags, status = product.cells
        known.add(handle, name=title)
        options = (f"{name}: {', '.join(values)}" for name, values in product.options.items())
        items.add(
            handle,
            title,
            joined((kind, category)),
            body,
            vendor,
            tags,
            joined(options, "; "),
            status,
            product.price,
        )
    log = job.log("event", weight=NUMBER, timestamp=TIME)
    for path in job.files("orders"):
        for line in _order_lines(job, path):
            item = known.find(sku=line.sku, name=line.name)
            if item is None:
                job.left_out.add("order lines", "of no product in the products file", line.name)
            elif not line.customer:
                job.left_out.add("order lines", "no customer (Email or Phone)", line.order)
            elif line.cancelled:
                job.left_out.add("order lines", "cancelled or never paid", line.order)
            else:
                event = "return" if line.status == "refunded" else "purchase"
                log.add(line.customer, item, event, line.quantity, iso_time(line.time))


def _products(job: Conversion, known: Products) -> dict[str, _Product]:
    """Return the products by handle; of the rows of one, the first alone says what it is."""
    products: dict[str, _Product] = {}
    for path in job.files("products"):
        header = job.records.header(path)
        columns = [new if new in header else old for old, new in _PRODUCT_COLUMNS]
        # A product without a title can't be shown; everything else may be missing.
        handle = ""
        for row in job.records.rows(path, columns[:2], columns[2:]):
            cells = [cell.strip() for cell in row]
            handle = cells[0] or handle
            product = products.setdefault(handle, _Product(cells[:8]))
            known.add(handle, sku=cells[8])
            prices = [p for p in (product.price, number(cells[9])) if p is not None]
            product.price = min(prices, default=None)
            _add_options(product, cells[10:])
    return products


def _add_options(product: _Product, cells: Sequence[str]) -> None:
    """Add a variant's options; their names, as the title, stand in the first row alone."""
    for at, (name, value) in enumerate(zip(cells[::2], cells[1::2], strict=True)):
        product.option_names[at] = name or product.option_names[at]
        if value and value != _NO_VARIANT and product.option_names[at]:
            product.options.setdefault(product.option_names[at], {})[value] = None


@dataclass(frozen=True)
class _Line:
    order: str
    time: str
    customer: str
    status: str
    cancelled: bool
    name: str
    sku: str
    quantity: float | None


def _order_lines(job: Conversion, path: Path) -> Iterable[_Line]:
    order, above = "", [""] * 5
    for row in job.records.rows(path, _ORDER_COLUMNS, _ORDER_OPTIONS):
        name, time, item, email, phone, status, cancelled, sku, quantity = map(str.strip, row)
        of_order = [time, email.lower(), phone, status, cancelled]
        if name in ("", order):
            # All but the first line of an order may leave the order's own columns empty.
            of_order = [cell or first for cell, first in zip(of_order, above, strict=True)]
        order, above = name or order, of_order
        time, email, phone, status, cancelled = of_order
        yield _Line(
            order,
            time,
            email or phone,
            status,
            bool(cancelled) or status in _NEVER_PAID,
            item,
            sku,
            number(quantity),
        )


SHOPIFY = Layout(
    "Shopify's exports of products and orders",
    (
        Part(
            "products",
            ("products_export*.csv", "products*.csv"),
            any_of(
                with_header("Handle", "Title"),
                with_header("URL handle", "Title"),
            ),
            several=True,
        ),
        Part(
            "orders",
            ("orders_export*.csv", "orders*.csv"),
            with_header(*_ORDER_COLUMNS),
            several=True,
        ),
    ),
    _convert,
)

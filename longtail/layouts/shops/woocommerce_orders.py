"""WooCommerce's orders, as the shop's report and three plugins write them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from longtail.layouts.conversion import Conversion
from longtail.layouts.sample import Sample
from longtail.layouts.shops.products import Products
from longtail.layouts.table_file import NUMBER, TIME
from longtail.layouts.values import iso_time, number
from longtail.retrieval.errors import DataError

# Names of an order's columns: the shop's own report, and plugins that people export with.
_ORDER = ("Order Number", "order_number", "order_id", "Order #", "Order ID")
_TIME = ("Order Date", "order_date", "date_created", "date", "Date")
_STATUS = ("Order Status", "order_status", "status", "Status")
_CUSTOMER = ("Customer User ID", "Customer Id", "Customer ID", "customer_id")
_EMAIL = ("Email (Billing)", "billing_email", "customer_email", "Billing Email", "Customer")
_PRODUCT_ID = ("Product Id", "Product ID", "product_id", "item_product_id")
_VARIATION_ID = ("Variation Id", "Variation ID", "variation_id", "item_variation_id")
_SKU = ("SKU", "sku", "item_sku")
_NAME = ("Item Name", "Product Name", "item_name", "product_name")
_QUANTITY = ("Quantity (- Refund)", "Quantity", "quantity", "item_quantity")
_LIST = ("line_items", "Product(s)")
_NUMBERED_LINE = re.compile(r"line_item_\d+")
# Lines of an order in one cell; a line may hold what PHP has written, semicolons included.
_NEXT_LINE = re.compile(r";(?=(?:id|name|sku|product_id):)")
_GUEST = ("", "0")
_NOT_TAKEN = ("cancelled", "failed", "pending", "pendingpayment", "checkoutdraft", "draft", "trash")
_OF_REPORT = re.compile(r"\s*(\d+)\s*[×x]\s+(.+)")


def convert_orders(job: Conversion, known: Products) -> None:
    """Write the log: a row for each line of an order that is of a known product and customer."""
    log = job.log("event", weight=NUMBER, timestamp=TIME)
    for path in job.files("orders"):
        for order, time, status, customer, line in _order_lines(job, path):
            product, variation, sku, name, quantity = line
            item = known.find(own_ids=(variation, product), sku=sku, name=name)
            plain = re.sub(r"^wc|[^a-z]", "", status.lower())
            if not (product or sku or name):
                job.left_out.add("order lines", "without a product", order)
            elif item is None:
                job.left_out.add("order lines", "of no product in the products file", name or sku)
            elif customer in _GUEST:
                job.left_out.add("order lines", "no customer", order)
            elif plain in _NOT_TAKEN:
                job.left_out.add("order lines", "cancelled or never paid", order)
            else:
                amount = number(quantity)
                # What is left of a line after refunds may be nothing.
                event = "return" if plain == "refunded" or amount == 0 else "purchase"
                log.add(customer, item, event, amount, _time(path, time))


_Line = tuple[str, str, str, str, str]


def _order_lines(job: Conversion, path: Path) -> Iterator[tuple[str, str, str, str, _Line]]:
    header = job.records.header(path)
    of_order = [_first(header, names) for names in (_ORDER, _TIME, _STATUS, _CUSTOMER, _EMAIL)]
    of_line = [
        _first(header, names) for names in (_PRODUCT_ID, _VARIATION_ID, _SKU, _NAME, _QUANTITY)
    ]
    lists = [name for name in header if name in _LIST or _NUMBERED_LINE.fullmatch(name)]
    above = [""] * len(of_order)
    for row in job.records.rows(path, of_order[:1], (*of_order[1:], *of_line, *lists)):
        cells = [cell.strip() for cell in row]
        mine = cells[: len(of_order)]
        if mine[0] in ("", above[0]):
            # Plugins may write the columns of an order in its first line alone.
            mine = [cell or first for cell, first in zip(mine, above, strict=True)]
        above = mine
        order, time, status, customer, email = mine
        who = customer if customer not in _GUEST else email.lower()
        rest = cells[len(of_order) :]
        if not lists:
            product, variation, sku, name, quantity = rest[: len(of_line)]
            yield order, time, status, who, (product, variation, sku, name, quantity)
        for cell in rest[len(of_line) :]:
            for line in _lines_of(cell):
                yield order, time, status, who, line


def _lines_of(cell: str) -> Iterator[_Line]:
    """Yield the lines of an order that stand in one cell.

    >>> list(_lines_of("name:Cap|product_id:7|sku:c|quantity:2;name:Tea|sku:t|quantity:1"))
    [('7', '', 'c', 'Cap', '2'), ('', '', 't', 'Tea', '1')]
    >>> list(_lines_of("2× Cap, 1× Tea, loose"))
    [('', '', '', 'Cap', '2'), ('', '', '', 'Tea, loose', '1')]
    """
    if "|" in cell:
        for part in _NEXT_LINE.split(cell):
            fields = dict(field.split(":", 1) for field in part.split("|") if ":" in field)
            names = ("product_id", "variation_id", "sku", "name", "quantity")
            product, variation, sku, name, quantity = (fields.get(n, "").strip() for n in names)
            yield product, variation, sku, name, quantity
    else:
        for part in re.split(r",\s*(?=\d+\s*[×x]\s)", cell):
            if found := _OF_REPORT.fullmatch(part):
                yield "", "", "", found.group(2).strip(), found.group(1)


def _first(header: Sequence[str], names: Sequence[str]) -> str:
    """Return the first of the names that the header has; the first of all where it has none."""
    return next((name for name in names if name in header), names[0])


def _time(path: Path, written: str) -> int | None:
    if re.match(r"\d\d?[/.]\d\d?[/.]\d{4}", written):
        raise DataError(
            f"{path}: the order date {written!r} may start with the month or the day; export "
            "dates as 2024-01-31"
        )
    return iso_time(written)


def is_orders(sample: Sample) -> bool:
    """Return whether a file is one of orders, whichever of the exports wrote it."""
    header = sample.cells(",") if not sample.keys else []
    lines = {*_NAME, *_SKU, *_PRODUCT_ID, *_LIST}
    return (
        any(name in header for name in _ORDER)
        and any(name in header for name in _TIME)
        and any(name in lines or _NUMBERED_LINE.fullmatch(name) for name in header)
    )

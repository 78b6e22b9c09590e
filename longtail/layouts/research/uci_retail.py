"""UCI Online Retail I and II: a gift shop's invoices, one file for the catalog and the log."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from longtail.layouts.conversion import Conversion
from longtail.layouts.layout import Layout, Part
from longtail.layouts.sample import any_of, with_header
from longtail.layouts.table_file import NUMBER, TIME
from longtail.layouts.values import iso_time, number, written_time
from longtail.retrieval.errors import DataError

_FIRST = ("InvoiceNo", "CustomerID", "UnitPrice")
_SECOND = ("Invoice", "Customer ID", "Price")
_BOTH = ("StockCode", "Description", "Quantity", "InvoiceDate")
# Postage, fees and corrections have codes of letters.
_PRODUCT = re.compile(r"\d{5}")
_NUMERIC_DATE = re.compile(r"(\d+)[/.](\d+)[/.]\d{4}")


def _convert(job: Conversion) -> None:
    items = job.items("title", price=NUMBER)
    log = job.log("event", weight=NUMBER, timestamp=TIME)
    for path in job.files("invoices"):
        date = _spelling(job, path)
        for invoice, customer, price, code, name, quantity, written in _rows(job, path):
            amount, own = number(quantity), customer.removesuffix(".0")
            if not own:
                job.left_out.add("invoice lines", "no customer", invoice)
                continue
            if not _PRODUCT.match(code) or amount is None:
                job.left_out.add("invoice lines", "of no product", code)
                continue
            if code not in items and name.strip():
                items.add(code, name.strip(), number(price))
            event = "return" if amount < 0 or invoice.startswith("C") else "purchase"
            time = written_time(written, date) if date else iso_time(written)
            log.add(own, code, event, abs(amount), time)


def _rows(job: Conversion, path: Path) -> Iterator[Sequence[str]]:
    first = "InvoiceNo" in job.records.header(path)
    columns = (*(_FIRST if first else _SECOND), *_BOTH)
    return job.records.rows(path, columns, any_encoding=True)


def _spelling(job: Conversion, path: Path) -> str:
    """Return how a file spells its dates, "" for ISO 8601: exports turn day and month round."""
    for *_, written in _rows(job, path):
        found = _NUMERIC_DATE.match(written)
        if not found:
            return ""
        clock = "%H:%M:%S" if written.count(":") > 1 else "%H:%M"
        dot = "." if "." in written else "/"
        if int(found.group(1)) > 12:
            return dot.join(("%d", "%m", "%Y")) + f" {clock}"
        if int(found.group(2)) > 12:
            return dot.join(("%m", "%d", "%Y")) + f" {clock}"
    raise DataError(
        f"{path}: no InvoiceDate tells whether the month or the day comes first; export dates as "
        "2010-12-31"
    )


UCI_RETAIL = Layout(
    "UCI Online Retail I and II, exported as CSV",
    (
        Part(
            "invoices",
            ("online_retail*.csv", "data.csv"),
            any_of(with_header(*_FIRST, *_BOTH), with_header(*_SECOND, *_BOTH)),
            several=True,
        ),
    ),
    _convert,
)

"""The tables of docs/encoders.md."""

from __future__ import annotations

from typing import Any

from report.markdown import DOCS, put_tables, rows_table
from report.results_file import read_results, results_path

from longtail.evaluation.report.numbers import share, signed

# By what an encoder's name is shortened.
NAMES = {"all-MiniLM-L6-v2": "MiniLM", "SmolLM2-135M-Instruct": "SmolLM2"}


def rewrite() -> None:
    """Put the tables between their markers."""
    measured = read_results(results_path("encoders"))["data"]
    costs, gains = [], []
    for data in measured.values():
        name = data["data"]
        items = f"{data['items']:,}" + (
            f" of {data['catalog']:,}" if data["items"] < data["catalog"] else ""
        )
        for record in data["encoders"]:
            start = {"data": name, "encoder": called(record["encoder"])}
            costs.append(start | cost_row(record, data["catalog"]))
            more = {"items": items, "users": f"{data['users']:,}"}
            gains.append(start | more | gain_row(record))
    put_tables(
        DOCS / "encoders.md",
        {"encoders costs": rows_table(costs), "encoders gains": rows_table(gains)},
    )


def called(encoder: str) -> str:
    """Return an encoder's name as the page has it.

    >>> called("all-MiniLM-L6-v2:layers=3")
    'MiniLM:layers=3'
    """
    name, colon, parts = encoder.partition(":")
    return NAMES.get(name, name) + colon + parts


def cost_row(record: dict[str, Any], catalog: int) -> dict[str, Any]:
    """Return what an encoder costs."""
    speed = record["texts a second"]
    return {
        "unknown tokens": f"{record['unknown tokens']:.1%}",
        "texts/s": f"{speed:,.0f}",
        "catalog": f"{catalog / speed:,.0f} s",
        "bytes an item": f"{record['bytes an item']:,}",
        "model": f"{record['model bytes'] / 1e6:,.0f} MB",
    }


def gain_row(record: dict[str, Any]) -> dict[str, Any]:
    """Return what an encoder's vectors alone give, and how much more than the first one's."""
    row: dict[str, Any] = {}
    for name, title in (("recall", "R@10"), ("tail recall", "tail R@10"), ("balance", "balance")):
        row[title] = share(record[name])
        if difference := record.get(f"{name} difference"):
            middle, low, high = map(signed, difference)
            row[title] += f" ({middle}: {low} to {high})"
    return row

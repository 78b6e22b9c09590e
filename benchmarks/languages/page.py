"""The tables of docs/languages.md."""

from __future__ import annotations

from typing import Any

from report.markdown import DOCS, put_tables, rows_table
from report.results_file import read_results, results_path

from longtail.evaluation.report.numbers import probability, share, signed

NAMES = {"sentence-transformers/all-MiniLM-L6-v2": "all-MiniLM-L6-v2"}
COLUMNS = {
    "recall": "R@10",
    "tail_recall": "tail R@10",
    "tail_pool_recall": "tail-pool R@10",
}


def rewrite() -> None:
    """Put the tables between their markers."""
    content = read_results(results_path("languages"))
    shops = content["shops"].values()
    reads = [*content["titles"], *(row for shop in shops for row in shop["rows"])]
    put_tables(
        DOCS / "languages.md",
        {
            "languages texts": rows_table([text_row(r) for r in reads if "unknown tokens" in r]),
            "languages found": rows_table([found_row(r) for s in shops for r in s["rows"]]),
            "languages tests": rows_table([test_row(t) for s in shops for t in s["tests"]]),
        },
    )


def text_row(record: dict[str, Any]) -> dict[str, Any]:
    """Return what an encoder makes of the texts of a data set."""
    return {
        **start_of(record),
        "unknown tokens": of_two_digits(record["unknown tokens"]),
        "same kind among 5 nearest": of_two_digits(record.get("same kind")),
    }


def found_row(record: dict[str, Any]) -> dict[str, Any]:
    """Return what is found by a data set's texts alone."""
    return {
        **start_of(record),
        **{name: share(record[metric]) for metric, name in COLUMNS.items()},
    }


def test_row(record: dict[str, Any]) -> dict[str, Any]:
    """Return one paired test."""
    return {
        "data": record["data"],
        "metric": COLUMNS[record["metric"]],
        "users": f"{record['users']:,}",
        "multilingual minus MiniLM": signed(record["difference"]),
        "95 %": f"{signed(record['low'])} to {signed(record['high'])}",
        "p": probability(record["p"]),
    }


def start_of(record: dict[str, Any]) -> dict[str, Any]:
    """Return the columns that all tables begin with."""
    encoder = record["encoder"]
    return {
        "data": record["data"],
        "items": f"{record['items']:,}",
        "texts read by": NAMES.get(encoder, encoder),
    }


def of_two_digits(value: float | None) -> str:
    """Return a share of texts, which are too few for more digits, a dash where there is none."""
    return "-" if value is None else f"{value:.2f}".removeprefix("0")

"""Answers on stdout, as a table for a person or as data for a program."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
import pandas as pd
from rich.console import Console
from rich.table import Table

FORMATS = ("table", "json", "jsonl", "csv")

format_option = click.option(
    "--format", "style", type=click.Choice(FORMATS), default="table", show_default=True
)


def print_answers(frame: pd.DataFrame, style: str) -> None:
    """Print a frame of answers to stdout, and its notes to stderr."""
    for user, note in frame.attrs.get("notes", {}).items():
        click.echo(f"note: {user}: {note}", err=True)
    if style == "csv":
        flat = frame.copy()
        if "because" in flat:
            flat["because"] = [" ".join(ids) for ids in flat["because"]]
        click.echo(flat.to_csv(index=False), nl=False)
    elif style == "table":
        _print_table(frame)
    else:
        records = [
            _plain({str(k): v for k, v in record.items()}) for record in frame.to_dict("records")
        ]
        if style == "json":
            click.echo(json.dumps(records, indent=2, ensure_ascii=False))
        else:
            for record in records:
                click.echo(json.dumps(record, ensure_ascii=False))


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record that JSON can hold: Python numbers, and null for what isn't known."""
    return {
        str(key): value
        if isinstance(value, list)
        else None
        if pd.isna(value)
        else getattr(value, "item", lambda value=value: value)()
        for key, value in record.items()
    }


def _print_table(frame: pd.DataFrame) -> None:
    shown = [c for c in frame.columns if c != "user_id" or frame["user_id"].nunique() > 1]
    table = Table(show_edge=False, pad_edge=False)
    for column in shown:
        numeric = pd.api.types.is_numeric_dtype(frame[column])
        heading = "percentile" if column == "popularity_percentile" else column
        table.add_column(
            heading.replace("_", " "),
            justify="right" if numeric else "left",
            overflow="ellipsis" if column == "title" else "fold",
            max_width=48 if column == "title" else None,
            no_wrap=column in ("title", "item_id", "bucket"),
        )
    for record in frame[shown].to_dict("records"):
        table.add_row(*(_cell(str(name), value) for name, value in record.items()))
    # A pipe has no width of its own; a table cut at 80 columns would lose its cells.
    width = None if sys.stdout.isatty() else 160
    Console(width=width).print(table)


def _cell(column: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(v) for v in value)
    if pd.isna(value):
        return "-"
    if column == "popularity_percentile":
        return f"{value:.0f}"
    if isinstance(value, float):
        return f"{value:.4f}" if column == "relevance" else f"{value:.3f}"
    return str(value)

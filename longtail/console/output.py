"""Answers on stdout, as a table for a person or as data for a program."""

from __future__ import annotations

import json
from typing import Any

import click
import pandas as pd

from longtail.console.console import stdout_console
from longtail.console.recommendation_table import answer_table
from longtail.retrieval.data.catalog import Catalog

FORMATS = ("table", "json", "jsonl", "csv")

format_option = click.option(
    "--format",
    "style",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="table for a person; json, jsonl and csv for a program.",
)


def print_answers(frame: pd.DataFrame, style: str, catalog: Catalog) -> None:
    """Print a frame of answers to stdout, and its notes to stderr.

    The table shows titles where the data formats give ids.
    """
    notes = frame.attrs.get("notes", {})
    for user, note in notes.items():
        # Of one answer everybody knows whose it is.
        click.echo(f"note: {user}: {note}" if len(notes) > 1 else f"note: {note}", err=True)
    if style == "table":
        console = stdout_console()
        console.print(answer_table(frame, catalog, console.width))
    elif style == "csv":
        flat = frame.copy()
        if "because" in flat:
            flat["because"] = [" ".join(ids) for ids in flat["because"]]
        click.echo(flat.to_csv(index=False), nl=False)
    else:
        records = [_plain(record) for record in frame.to_dict("records")]
        if style == "json":
            click.echo(json.dumps(records, indent=2, ensure_ascii=False))
        else:
            for record in records:
                click.echo(json.dumps(record, ensure_ascii=False))


def _plain(record: dict[Any, Any]) -> dict[str, Any]:
    """Return a record that JSON can hold: Python numbers, and null for what isn't known."""
    return {str(key): _plain_value(value) for key, value in record.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, list):
        return value
    if pd.isna(value):
        return None
    plain = value.item() if hasattr(value, "item") else value
    # Scores are float32: further digits would be noise.
    return float(f"{plain:.7g}") if isinstance(plain, float) else plain

"""Commands that change a catalog, and what they leave, for the tests of `longtail index`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from command_line import longtail

FAN = "oolong-fan-0"


ANSWERS = ("--format", "json", "-k", "60", "--pool", "all")


def item(item_id: str, text: str, **columns: object) -> dict[str, object]:
    """Return a line of a catalog file, with all columns that the tower reads."""
    return {
        "item_id": item_id,
        "title": text,
        "brand": "",
        "description": text,
        "niche": "",
        **columns,
    }


def done(*arguments: object) -> str:
    found = longtail(*arguments)
    assert found.code == 0, found.err
    return found.out


def asked(*arguments: object) -> list[dict[str, object]]:
    answers: list[dict[str, object]] = json.loads(done(*arguments, *ANSWERS))
    return answers


def ids(answers: list[dict[str, object]]) -> list[object]:
    return [answer["item_id"] for answer in answers]


def rejected(tmp_path: Path) -> tuple[str, Path]:
    return "--rejected", tmp_path / "rejected.csv"


def served_version(run: Path) -> str:
    return (run / "index" / "CURRENT").read_text().split()[0]


def writer(folder: Path) -> Callable[..., Path]:
    """Return what writes a file of lines (mappings) into a folder and gives its path."""

    def written(*lines: dict[str, object], name: str = "new.csv") -> Path:
        pd.DataFrame(list(lines)).to_csv(folder / name, index=False)
        return folder / name

    return written

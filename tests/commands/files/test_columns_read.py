"""What validate and train show of the columns, for a person to check."""

from pathlib import Path

import pytest
from command_line import longtail

from longtail.console.files_read.columns_read import columns_lines, columns_read, text_lines
from longtail.files.input_files import Inputs
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.progress import silent

ITEMS = """sku,Product,Maker,Size: EU,price,home
a1,Oak cup,Oro,small one,3.5,https://x.example/a
b2,Tin pot,Plum,large one,9,https://x.example/b
c3,Elm lid,Oro,large one,4,https://x.example/c
"""
LOG = """line,user_id,sku,timestamp,stars,city
1,u1,a1,1700000000,5,York
2,u2,b2,1700000600,4,Hull
3,u1,c3,1700086400,2,York
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "items.csv").write_text(ITEMS)
    (tmp_path / "interactions.csv").write_text(LOG)
    return tmp_path


def test_roles_ranges_values_texts_and_unused_columns_are_shown(folder: Path) -> None:
    reading = Reading(columns={"title": "Product"})
    inputs = Inputs(folder / "items.csv", folder / "interactions.csv", reading, folder / "r.csv")
    data = inputs.read(silent)
    read = columns_read(inputs, data)
    assert [(one.file, one.role, one.column, one.holds) for one in read] == [
        ("items.csv", "item_id", "sku", "a1 | b2 | c3"),
        ("items.csv", "title", "Product", "Oak cup | Tin pot | Elm lid"),
        ("items.csv", "brand", "Maker", "Oro | Plum"),
        ("items.csv", "(in the text)", "Size: EU", "small one | large one"),
        ("items.csv", "(for filters)", "price", "3.5 to 9"),
        ("items.csv", "(for filters)", "home", " | ".join(f"https://x.example/{c}" for c in "abc")),
        ("interactions.csv", "user_id", "user_id", "u1 | u2"),
        ("interactions.csv", "item_id", "sku", "a1 | b2 | c3"),
        ("interactions.csv", "timestamp", "timestamp", "2023-11-14 22:13 to 2023-11-15 22:13"),
        ("interactions.csv", "weight", "stars", "2 to 5"),
        ("interactions.csv", "(unused)", "line", "1 | 2 | 3"),
        ("interactions.csv", "(unused)", "city", "York | Hull"),
    ]
    assert columns_lines(read)[1].endswith("; unused: line, city")
    assert text_lines(data.catalog)[1] == "text of b2: Tin pot. Plum. large one"


def test_validate_prints_them(folder: Path) -> None:
    done = longtail(
        *("data", "validate", folder, "--column", "title=Product"),
        *("--rejected", folder / "r.csv"),
    )
    assert done.code == 0
    for shown in ("Size: EU", "(unused)", "York | Hull", "text of a1: Oak cup. Oro. small one"):
        assert shown in done.out

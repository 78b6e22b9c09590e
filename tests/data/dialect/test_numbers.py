"""Numbers as people write them, and rows that are kept though nobody can read their weight."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.dialect.reading import AS_THEY_ARE, Reading
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows

NOW = 1_750_000_000.0
CATALOG = Catalog(pd.DataFrame({"item_id": ["a", "b"], "title": ["A", "B"]}), "{title}")


def weights(
    path: Path, content: str, reading: Reading = AS_THEY_ARE
) -> tuple[list[float], list[str]]:
    path.write_text(content, encoding="utf-8")
    rejected = RejectedRows()
    log = read_interactions(path, CATALOG, reading=reading, rejected=rejected, now=NOW)
    assert len(rejected) == 0
    assert log.weight is not None
    return log.weight.tolist(), [note for note in rejected.notes if "weight" in note]


@pytest.mark.parametrize("name", ["log.tsv", "log.csv"])
def test_a_row_is_kept_though_its_weight_cannot_be_read(tmp_path: Path, name: str) -> None:
    content = "user_id\titem_id\tweight\nu\ta\t4,5\nu\tb\t5\nv\ta\tN/A\nv\tb\t4 stars\nw\ta\t-1\n"
    read, notes = weights(tmp_path / name, content)
    assert np.isnan([read[0], read[2], read[3]]).all()
    assert (read[1], read[4]) == (5, -1)
    assert len(notes) == 1
    assert "3 of 5 cells of column weight hold no number (first in row 1: '4,5')" in notes[0]
    assert "--decimal ," in notes[0]


def test_a_rating_is_read_however_it_is_spelt(tmp_path: Path) -> None:
    content = "user_id\titem_id\trating\nu\ta\t4,5\nu\tb\t5\nv\ta\tN/A\nv\tb\t4 stars\nw\ta\t-1\n"
    read, notes = weights(tmp_path / "log.tsv", content)
    assert np.isnan(read[2])
    assert (read[0], read[1], read[3], read[4]) == (4.5, 5, 4, -1)
    assert notes == []


def test_a_decimal_comma_that_was_said_is_read_everywhere(tmp_path: Path) -> None:
    content = "user_id\titem_id\trating\nu\ta\t4,5\nu\tb\t5\nv\ta\t3,25\n"
    read, notes = weights(tmp_path / "log.tsv", content, Reading(decimal=","))
    assert read == [4.5, 5, 3.25]
    assert notes == []


def test_numbers_of_full_width_and_in_quotes_are_numbers(tmp_path: Path) -> None:
    content = 'user_id,item_id,rating\nu,a,"４"\nu,b,"3.5"\nv,a,"""2"""\nv,b,１．５\n'
    assert weights(tmp_path / "log.csv", content) == ([4, 3.5, 2, 1.5], [])


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["$1.99", "$12.00", "$1,299.50"], [1.99, 12, 1299.5]),
        (["1,90 €", "12,00 €", "1.299,00 €"], [1.9, 12, 1299]),
        (["USD 5", "USD 7.5", ""], [5, 7.5, np.nan]),
        (["￥１２", "￥８", "￥300"], [12, 8, 300]),
        (["199元", "20元", "5元"], [199, 20, 5]),
        (["12", "", "7.5"], [12, np.nan, 7.5]),
        (["$5", "5 €", "$7"], None),
        (["12 kg", "3 kg", "1 kg"], None),
        (["007", "7", "8"], None),
        (["1,90", "2,50", "3,00"], None),
    ],
)
def test_a_column_of_one_currency_is_numbers(
    tmp_path: Path, cells: list[str], numbers: list[float] | None
) -> None:
    path = tmp_path / "items.csv"
    frame = pd.DataFrame({"item_id": ["a", "b", "c"], "title": ["A", "B", "C"], "cost": cells})
    frame.to_csv(path, index=False, quoting=1)
    read = read_catalog(path, rejected=RejectedRows()).frame["cost"]
    if numbers is None:
        assert read.tolist() == cells
    else:
        np.testing.assert_array_equal(read.to_numpy(float), numbers)


def test_amounts_in_json_are_numbers_and_codes_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    path.write_text(
        '{"item_id": "a", "title": "A", "price": "$1.99", "sku": "12"}\n'
        '{"item_id": "b", "title": "B", "price": "$20", "sku": "34"}\n'
    )
    frame = read_catalog(path, rejected=RejectedRows()).frame
    assert frame["price"].tolist() == [1.99, 20]

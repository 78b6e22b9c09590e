"""Small files that hold far too much, and files of what isn't data, are one line of error each."""

import gzip
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from longtail.retrieval.data.files import delimited
from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.dialect import inflating
from longtail.retrieval.data.files.dialect import lines as line_bounds
from longtail.retrieval.data.files.dialect.parquet import decoded_size
from longtail.retrieval.data.files.dialect.reading import AS_THEY_ARE, Reading
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.files.tables import read_table
from longtail.retrieval.errors import DataError


def refusal(path: Path, reading: Reading = AS_THEY_ARE) -> str:
    with pytest.raises(DataError) as caught:
        read_catalog(path, reading=reading, rejected=RejectedRows())
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)
    return str(caught.value)


@pytest.fixture
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflating, "_SMALL_BYTES", 1 << 20)
    monkeypatch.setattr(decoded_size, "_SMALL_BYTES", 1 << 20)
    monkeypatch.setattr(decoded_size, "_HARMLESS_BYTES", 1 << 20)
    monkeypatch.setattr(delimited, "_BLOCK_BYTES", 1 << 20)
    monkeypatch.setattr(line_bounds, "MOST_LINE_BYTES", 1 << 20)


@pytest.mark.usefixtures("small_bounds")
@pytest.mark.parametrize("name", ["items.csv.gz", "items.jsonl.gz", "items.tsv.gz"])
@pytest.mark.parametrize("row", [b"1,A\n", b"\n", b"x" * 100, b"\x00" * 100])
def test_a_gzip_bomb_is_one_line(tmp_path: Path, name: str, row: bytes) -> None:
    (tmp_path / name).write_bytes(gzip.compress(b"item_id,title\n" + row * (5_000_000 // len(row))))
    refusal(tmp_path / name)


@pytest.mark.usefixtures("small_bounds")
def test_a_file_may_be_said_to_be_large(tmp_path: Path) -> None:
    rows = b"".join(b"%d,A\n" % n for n in range(200)) + b"7,A\n" * 300_000
    path = tmp_path / "items.csv.gz"
    path.write_bytes(gzip.compress(b"item_id,title\n" + rows))
    assert "inflates to more than 200 times its size" in refusal(path)
    reading = Reading(max_inflated_gb=0.1)
    assert len(read_catalog(path, reading=reading, rejected=RejectedRows())) == 200
    assert "holds more than 0.001 GB once inflated" in refusal(path, Reading(max_inflated_gb=0.001))


@pytest.mark.usefixtures("small_bounds")
def test_a_line_without_end_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_bytes(b"item_id,title\n1," + b"x" * (3 << 20))
    assert "line 2 is longer than 1 MB" in refusal(tmp_path / "items.csv")
    (tmp_path / "zeros.csv").write_bytes(b"\x00" * (3 << 20))
    assert "longer than 1 MB" in refusal(tmp_path / "zeros.csv")
    (tmp_path / "items.jsonl").write_bytes(b'{"item_id": "' + b"x" * (3 << 20))
    assert "line 1 is longer than 1 MB" in refusal(tmp_path / "items.jsonl")


@pytest.mark.usefixtures("small_bounds")
def test_a_parquet_bomb_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    # One title of four kilobytes in the dictionary, named by every row.
    title = pa.DictionaryArray.from_arrays(np.zeros(3_000, np.int32), pa.array(["x" * 4_000]))
    ids = pa.array(np.zeros(3_000, np.int64))
    table = pa.table({"item_id": ids, "title": title.cast(pa.string())})
    pq.write_table(table, path, compression="zstd", write_statistics=False)
    assert path.stat().st_size < 10_000
    assert "holds more than 1,000 times its size" in refusal(path)
    assert "holds more than 0.01 GB" in refusal(path, Reading(max_inflated_gb=0.01))
    assert len(read_catalog(path, reading=Reading(max_inflated_gb=1), rejected=RejectedRows())) == 1


@pytest.mark.usefixtures("small_bounds")
def test_repeated_numbers_and_texts_of_a_usual_file_are_no_bomb(tmp_path: Path) -> None:
    n = 30_000
    ids = [f"item-{n * 7919 % 104729:09d}" for n in range(n)]
    table = pa.table(
        {"item_id": ids, "title": ids, "brand": ["Maker of things"] * n, "part": [1] * n}
    )
    pq.write_table(table, tmp_path / "items.parquet")
    assert len(read_catalog(tmp_path / "items.parquet", rejected=RejectedRows())) == n


@pytest.mark.parametrize("depth", [100, 5_000, 200_000])
def test_json_nested_without_end_is_set_aside(tmp_path: Path, depth: int) -> None:
    deep = "[" * depth + "]" * depth
    lines = ['{"item_id": "a", "title": "A"}', f'{{"item_id": "b", "title": "B", "x": {deep}}}']
    (tmp_path / "items.jsonl").write_text("\n".join(lines))
    rejected = RejectedRows()
    catalog = read_catalog(tmp_path / "items.jsonl", rejected=rejected)
    assert catalog.item_ids.tolist() == ["a"]
    assert "nested more than 64 deep" in rejected.first(tmp_path / "items.jsonl")


def test_a_list_in_a_cell_nested_without_end_is_text(tmp_path: Path) -> None:
    deep = "[" * (sys.getrecursionlimit() - 200) + "]" * (sys.getrecursionlimit() - 200)
    (tmp_path / "items.csv").write_text(f"item_id,title,description\na,A,{deep}\n")
    assert len(read_catalog(tmp_path / "items.csv", rejected=RejectedRows())) == 1


def test_json_with_a_key_of_its_own_in_every_row_is_one_line(tmp_path: Path) -> None:
    rows = [
        {"item_id": "a", "title": "A", **{f"k{n}-{m}": 1 for m in range(50)}} for n in range(300)
    ]
    (tmp_path / "items.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert "has more than 10,000 columns" in refusal(tmp_path / "items.jsonl")


def test_lines_of_python_name_the_converter(tmp_path: Path) -> None:
    lines = ["{'asin': 'B1', 'title': \"It's\", 'price': 3.5}", "{'asin': 'B2', 'title': 'Pan'}"]
    (tmp_path / "meta.json").write_text("\n".join(lines))
    assert "longtail data convert --from LAYOUT meta.json" in refusal(tmp_path / "meta.json")


def test_a_file_of_another_form_is_given_up_early(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,timestamp\n" + "9\n" * 120_000 + "u,i,1700000000\n")
    rejected = RejectedRows()
    with pytest.raises(DataError) as error:
        read_table(path, rejected)
    assert "100,000 of its first 100,000 records can't be used" in str(error.value)
    assert "wrong number of cells (100,000; row 1" in str(error.value)
    assert rejected.count(path) == 100_000
    assert len(read_table(path, RejectedRows(), reading=Reading(allow_loss=True))) == 1

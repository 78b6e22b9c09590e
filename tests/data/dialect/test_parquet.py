"""Parquet columns of every type: ids keep all their digits, bytes are left out."""

import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.files.users_file import read_users
from longtail.retrieval.errors import DataError

NOW = 1_750_000_000.0
LARGE = [2**53, 2**53 + 1, 2**53 + 5]
UUIDS = [uuid.UUID(int=n) for n in (1, 2**100 + 7, 2**128 - 1)]


def ids_read(folder: Path, items: Any, log: Any) -> list[str]:
    """Return the items of a log's events, by a catalog whose ids may be of another type."""
    pq.write_table(pa.table({"item_id": items, "title": ["A", "B", "C"]}), folder / "items.parquet")
    events = pa.table(
        {"user_id": log, "item_id": log, "timestamp": [1_700_000_000 + n for n in range(3)]}
    )
    pq.write_table(events, folder / "log.parquet")
    rejected = RejectedRows()
    catalog = read_catalog(folder / "items.parquet", rejected=rejected)
    read = read_interactions(folder / "log.parquet", catalog, rejected=rejected, now=NOW)
    assert len(rejected) == 0
    assert len(read) == 3
    assert sorted(read.user_ids) == sorted(catalog.item_ids)
    return [str(item) for item in catalog.item_ids]


def decimals(values: list[Any], digits: int, scale: int) -> Any:
    return pa.array([Decimal(value) for value in values], pa.decimal128(digits, scale))


@pytest.mark.parametrize(
    ("items", "log", "ids"),
    [
        (decimals(LARGE, 38, 0), pa.array(LARGE), [str(n) for n in LARGE]),
        (pa.array(LARGE), pa.array([str(n) for n in LARGE]), [str(n) for n in LARGE]),
        (pa.array(["1", "2", "30"]), decimals(["1.00", "2.00", "30.00"], 10, 2), ["1", "2", "30"]),
        (decimals(["1.50", "2", "10"], 10, 2), pa.array([1.5, 2.0, 10.0]), ["1.5", "2", "10"]),
        (decimals(["1e-9", "2", "10"], 20, 10), pa.array(["0.000000001", "2", "10"]), None),
        (pa.array([7.0, 8.0, 9.0]), pa.array([7, 8, 9], pa.int16()), ["7", "8", "9"]),
        (pa.array([float(2**53), 2.0**60, 1.0]), pa.array([2**53, 2**60, 1]), None),
        (pa.array([u.bytes for u in UUIDS], pa.uuid()), pa.array(map(str, UUIDS)), None),
        (pa.array([u.bytes for u in UUIDS], pa.binary(16)), pa.array(map(str, UUIDS)), None),
        (pa.array(["é", "b", "c"]).cast(pa.binary()), pa.array(["é", "b", "c"]), None),
        (pa.array(["a", "b", "c"], pa.string_view()), pa.array(["a", "b", "c"]), None),
    ],
)  # fmt: skip
def test_ids_of_any_type_meet_exactly(
    tmp_path: Path, items: Any, log: Any, ids: list[str] | None
) -> None:
    assert ids_read(tmp_path, items, log) == (ids or log.cast(pa.string()).to_pylist())
    assert len(ids_read(tmp_path, log, items)) == 3


def test_whole_numbers_with_a_point_zero_are_whole_numbers(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\n7,A\n8,B\n")
    (tmp_path / "log.csv").write_text("user_id,item_id\n1.0,7.0\n,8.0\n2.0,8.0\n")
    rejected = RejectedRows()
    catalog = read_catalog(tmp_path / "items.csv", rejected=rejected)
    log = read_interactions(tmp_path / "log.csv", catalog, rejected=rejected, now=NOW)
    assert log.user_ids.tolist() == ["1", "2"]
    assert {reason for _, reason in rejected.counts()} == {"no user"}
    (tmp_path / "users.csv").write_text("user_id,age\n1.0,30\n2.0,40\n")
    assert read_users(tmp_path / "users.csv", rejected=rejected).user_ids.tolist() == ["1", "2"]
    (tmp_path / "items.csv").write_text("item_id,title\n1.0,A\n1.5,B\n")
    versions = read_catalog(tmp_path / "items.csv", rejected=rejected)
    assert versions.item_ids.tolist() == ["1.0", "1.5"]


@pytest.mark.parametrize("name", ["log.parquet", "log.jsonl"])
@pytest.mark.parametrize("items", [[["a", "b"], ["b"]], [[1, 2], [3]]])
def test_a_list_of_items_in_a_row_is_one_line_of_error(
    tmp_path: Path, name: str, items: list[list[Any]]
) -> None:
    pq.write_table(
        pa.table({"item_id": ["a", "b"], "title": ["A", "B"]}), tmp_path / "items.parquet"
    )
    catalog = read_catalog(tmp_path / "items.parquet", rejected=RejectedRows())
    table = pa.table({"user_id": ["u", "v"], "item_id": items})
    if name.endswith("parquet"):
        pq.write_table(table, tmp_path / name)
    else:
        table.to_pandas().to_json(tmp_path / name, orient="records", lines=True)
    with pytest.raises(DataError, match=r"column item_id holds several values in a row; write one"):
        read_interactions(tmp_path / name, catalog, rejected=RejectedRows(), now=NOW)


def test_columns_of_bytes_are_left_out_with_a_note(tmp_path: Path) -> None:
    picture = b"\x89PNG\r\n\x1a\n\x00\xff"
    table = pa.table(
        {
            "item_id": ["a", "b"],
            "title": ["A", "B"],
            "image": [picture, None],
            "hf_image": [{"bytes": picture, "path": "a.png"}, None],
            "frames": [[picture], []],
            "hash": pa.array([b"\xff" * 20] * 2, pa.binary(20)),
            "old_text": pa.array([b"plain", "é".encode()]),
            "size": [{"w": 1, "h": 2.5}, None],
            "token": pa.array([UUIDS[0].bytes, None], pa.uuid()),
        }
    )
    pq.write_table(table, tmp_path / "items.parquet")
    rejected = RejectedRows()
    frame = read_catalog(tmp_path / "items.parquet", rejected=rejected).frame
    assert list(frame.columns) == ["item_id", "title", "old_text", "size", "token"]
    assert frame["old_text"].tolist() == ["plain", "é"]
    assert frame["size"].tolist() == ['{"w": 1, "h": 2.5}', ""]
    assert frame["token"].tolist() == [str(UUIDS[0]), ""]
    assert len(rejected) == 0
    for name in ("image", "hf_image", "frames", "hash"):
        assert any(f"column {name} holds bytes, not text; left out" in n for n in rejected.notes)


def test_ids_that_are_bytes_and_no_text_are_one_line_of_error(tmp_path: Path) -> None:
    raw = pa.array([b"\xff\x00\x01", b"\xfe\x02"])
    pq.write_table(pa.table({"item_id": raw, "title": ["A", "B"]}), tmp_path / "items.parquet")
    with pytest.raises(DataError, match="column item_id holds bytes, not text; write it as text"):
        read_catalog(tmp_path / "items.parquet", rejected=RejectedRows())

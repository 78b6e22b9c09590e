"""What a text file is that holds no table as it stands, and the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.files.tables import column_names, read_table
from longtail.retrieval.errors import DataError

_ROWS = "u0,1,1700000000\nu7,12,1700007200\nu1,3,1700014400\n"
_LOG = "user_id,item_id,timestamp\n" + _ROWS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (_LOG.replace(",", "^"), r"between its cells stands '\^'.*: delimiter '\^'"),
        (_LOG.replace(",", " "), r"between its cells stands space.*: delimiter space"),
        (_LOG.replace(",", "\x01"), r"between its cells stands '\\x01'"),
        (_ROWS, r"Name its 3 columns in their order: names user_id,item_id,timestamp$"),
        ("# exported 2024\n" + _LOG, r"a line stands before its header: '# exported 2024'"),
        ("Orders\n\n" + _LOG, r"a line stands before its header: 'Orders'"),
        ("<html><body><table></table></html>\n", r"holds HTML or XML, not cells"),
        ('{"user_id": "u0", "item_id": "1"}\n', r"holds JSON, not cells; name it log\.jsonl"),
    ],
)
def test_a_file_that_is_no_table_says_what_it_is(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(DataError, match=said):
        column_names(tmp_path / "log.csv", Reading(file="log"))


@pytest.mark.parametrize("said", ["^", "space", "\\x01"])
def test_the_named_delimiter_is_read(tmp_path: Path, said: str) -> None:
    between = {"space": " ", "\\x01": "\x01"}.get(said, said)
    (tmp_path / "log.csv").write_text(_LOG.replace(",", between))
    names = column_names(tmp_path / "log.csv", Reading(delimiter=said))
    assert names == ["user_id", "item_id", "timestamp"]


def test_rows_within_one_json_object_are_told_of_jq(tmp_path: Path) -> None:
    (tmp_path / "log.json").write_text('{"events": [{"user_id": "u0", "item_id": "1"}]}')
    with pytest.raises(DataError, match=r"its rows in 'events'.*jq -c '\.\[\"events\"\]\[\]'"):
        column_names(tmp_path / "log.json")


def test_quotes_behind_backslashes_are_named_with_the_cause(tmp_path: Path) -> None:
    rows = "".join(f'{n},"cup \\"{n}\\" big, blue"\n' for n in range(5))
    (tmp_path / "items.csv").write_text("item_id,title\n" + rows)
    with pytest.raises(DataError, match=r"written \\\", as MySQL and Hive do; double them"):
        read_table(tmp_path / "items.csv", RejectedRows())

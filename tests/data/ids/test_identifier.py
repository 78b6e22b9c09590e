"""One definition of an id, and how values are spelt as one."""

from pathlib import Path
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.ids.identifier import (
    LONGEST_ID,
    fault_of_id,
    faults_of_ids,
    name_nobody,
    names_nobody,
    spelt_id,
)

ODD = [
    "a",
    "a b",
    'q"uote',
    "=1+1",
    "a\nb",
    "a\x00b",
    "a\u2028b",
    "a\x85b",
    "x" * 513,
    "é",
    "\u200bb",
]
NOBODY = ["NULL", "null", "\\N", "nan", "NaN", "None", "guest", "Anonymous", "<NA>"]


@pytest.mark.parametrize(
    ("value", "spelt"),
    [
        ("u1", "u1"),
        (" 007\t", "007"),
        (196, "196"),
        (np.int64(196), "196"),
        (np.uint8(7), "7"),
        (196.0, "196"),
        (np.float32(7), "7"),
        (pd.Series([5]).iloc[0], "5"),
        (np.str_("u"), "u"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_values_are_spelt_as_ids(value: object, spelt: str) -> None:
    assert spelt_id(value) == spelt
    assert type(spelt_id(value)) is str


@pytest.mark.parametrize("value", [None, 1.5, True, float("nan"), b"u", ["u"]])
def test_what_is_no_id_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="is no id"):
        spelt_id(value)


def test_files_and_requests_find_the_same_faults() -> None:
    by_file = {fault: mask.tolist() for fault, mask in faults_of_ids(pa.array(ODD)).items()}
    for place, item_id in enumerate(ODD):
        fault = fault_of_id(item_id)
        assert [name for name, mask in by_file.items() if mask[place]] == [fault] * bool(fault)
    assert sum(map(bool, map(fault_of_id, ODD))) == 5
    assert not fault_of_id("x" * LONGEST_ID)
    assert fault_of_id("") == "empty id"


def test_words_for_nobody_are_no_users() -> None:
    assert all(map(names_nobody, NOBODY))
    assert not any(map(names_nobody, ["0", "NA", "u", "nancy", "guest7"]))
    assert name_nobody(pa.array([*NOBODY, "0"])).tolist() == [True] * len(NOBODY) + [False]


def test_rows_without_a_user_are_set_aside_and_counted(tmp_path: Path) -> None:
    rows = [(user, "a") for user in ["u", *NOBODY, "", "0"]]
    pd.DataFrame(rows, columns=["user_id", "item_id"]).to_csv(tmp_path / "log.csv", index=False)
    catalog = Catalog(pd.DataFrame({"item_id": ["a"], "title": ["A"]}), "{title}")
    rejected = RejectedRows()
    log = read_interactions(tmp_path / "log.csv", catalog, rejected=rejected)
    assert log.user_ids.tolist() == ["u", "0"]
    assert [(why, n) for (_, why), n in rejected.counts().items()] == [
        ("no user (NULL, nan, guest and the like)", len(NOBODY)),
        ("no user", 1),
    ]


def test_ids_that_no_request_could_name_are_set_aside(tmp_path: Path) -> None:
    frame = pd.DataFrame({"item_id": ["a", "b\nc", "x" * 513], "title": "A thing"})
    frame.to_parquet(tmp_path / "items.parquet")
    rejected = RejectedRows()
    catalog = read_catalog(tmp_path / "items.parquet", rejected=rejected)
    assert catalog.item_ids.tolist() == ["a"]
    assert {why for _, why in rejected.counts()} == {
        "control character in an id",
        "id longer than 512 characters",
    }


def test_a_user_with_much_of_a_log_is_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    users = [f"u{n}" for n in range(400)] * 3 + ["0"] * 60
    frame = pd.DataFrame({"user_id": users, "item_id": "a", "timestamp": 1_700_000_000})
    frame["timestamp"] += rng.permutation(len(frame))
    catalog = Catalog(pd.DataFrame({"item_id": ["a"], "title": ["A"]}), "{title}")
    frame.to_parquet(tmp_path / "log.parquet")
    rejected = RejectedRows()
    read_interactions(tmp_path / "log.parquet", catalog, rejected=rejected)
    assert any("of 1,260 events '0' (60, 5%) have more" in note for note in rejected.notes)
    frame[:1200].to_parquet(tmp_path / "log.parquet")
    read_interactions(tmp_path / "log.parquet", catalog, rejected=(rejected := RejectedRows()))
    assert not any("more than a person takes" in note for note in rejected.notes)

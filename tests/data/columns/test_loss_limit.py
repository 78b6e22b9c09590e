"""A file that loses much is an error that says what would have matched."""

from pathlib import Path

import pandas as pd
import pytest
from command_line import longtail

N = 40


def shop(folder: Path, items: pd.DataFrame, log: pd.DataFrame) -> Path:
    items.to_csv(folder / "items.csv", index=False)
    log.to_csv(folder / "interactions.csv", index=False)
    return folder


def items(ids: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"item_id": ids, "title": [f"thing {n} of many" for n in range(len(ids))]})


def log(ids: list[str]) -> pd.DataFrame:
    users = [f"u{n % 7}" for n in range(len(ids))]
    times = [1_700_000_000 + n * 3600 for n in range(len(ids))]
    return pd.DataFrame({"user_id": users, "item_id": ids, "timestamp": times})


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        ([f"{n:03}" for n in range(N)], [str(n) for n in range(N)], "without leading zeros"),
        ([f"k{n}" for n in range(N)], [f"K{n}" for n in range(N)], "in lower case"),
        ([f"k{n}" for n in range(N)], [f"'k{n}'" for n in range(N)], "trimmed"),
    ],
)
def test_another_spelling_of_the_ids_is_told(
    tmp_path: Path, ours: list[str], theirs: list[str], words: str
) -> None:
    folder = shop(tmp_path, items(ours), log(theirs))
    done = longtail("data", "validate", folder, "--rejected", tmp_path / "r.csv")
    assert f"of the {N} would match {words}" in done.complaint


def test_a_fifth_may_be_lost_and_more_where_that_is_allowed(tmp_path: Path) -> None:
    ids = [f"k{n}" for n in range(N)]
    words = ("data", "validate", tmp_path, "--rejected", tmp_path / "r.csv")
    shop(tmp_path, items(ids), log([*ids[:-8], *(f"gone{n}" for n in range(8))]))
    assert longtail(*words).code == 0
    shop(tmp_path, items(ids), log([*ids[:-9], *(f"gone{n}" for n in range(9))]))
    found = longtail(*words)
    assert (
        "9 of 40 rows (22%) can't be used; most of them: item not in the catalog (9; first row"
        in (found.complaint)
    )
    assert found.complaint.endswith("go on without these rows: --allow-loss")
    assert len(pd.read_csv(tmp_path / "r.csv")) == 9
    assert longtail(*words, "--allow-loss").code == 0


def test_the_column_that_matches_is_named(tmp_path: Path) -> None:
    ids = [str(100 + n) for n in range(N)]
    lines = log([f"line-{n}" for n in range(N)]).assign(article=ids)
    words = ("data", "validate", tmp_path, "--rejected", tmp_path / "r.csv")
    shop(tmp_path, items(ids), lines)
    assert "--column log.item_id=article" in longtail(*words).complaint
    assert longtail(*words, "--column", "log.item_id=article").code == 0
    shop(tmp_path, items([f"p{n}" for n in range(N)]).assign(ref=ids), log(ids))
    assert "--column items.item_id=ref" in longtail(*words).complaint
    assert longtail(*words, "--column", "items.item_id=ref").code == 0
    shop(tmp_path, items(ids), log(ids).rename(columns={"item_id": "what"}))
    assert "--column log.item_id=what" in longtail(*words).complaint
    shop(tmp_path, items(ids).rename(columns={"item_id": "what"}), log(ids))
    assert "--column items.item_id=what" in longtail(*words).complaint


def test_a_mapping_that_neither_file_has_is_an_error(tmp_path: Path) -> None:
    ids = [str(100 + n) for n in range(N)]
    shop(tmp_path, items(ids), log(ids))
    found = longtail("data", "validate", tmp_path, "--column", "item_id=artikel")
    assert "no column 'artikel' to read item_id from" in found.complaint

"""`longtail data subset`: the rows come out in the file's own columns and read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import longtail

N = 200
DAYS = pd.Timestamp(2024, 1, 1) + pd.to_timedelta(np.arange(N) // 2, unit="D")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A shop whose log has columns and spellings of its own."""
    folder = tmp_path / "shop"
    folder.mkdir()
    number = np.arange(N)
    pd.DataFrame(
        {
            "Customer ID": [f"00{n % 20}" for n in number],
            "sku": [f"i{n % 7}" for n in number],
            "InvoiceDate": DAYS.strftime("%d.%m.%Y %H:%M"),
            "note": [f'{n}, "so"' for n in number],
        }
    ).to_csv(folder / "interactions.csv", index=False)
    pd.DataFrame({"sku": [f"i{n}" for n in range(9)], "name": "Tea", "price": 2.5}).to_csv(
        folder / "items.csv", index=False
    )
    return folder


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_rows_stand_in_their_own_columns_and_read_back(folder: Path, kind: str) -> None:
    out, items = folder.parent / f"interactions.{kind}", folder.parent / f"items.{kind}"
    words = ("data", "subset", folder, "--since", "2024-03-01", "--until", "2024-04-01")
    done = longtail(*words, "--out", out, "--catalog-out", items)
    assert done.code == 0, done.err
    assert "62 of 200 events, 20 of 20 users, 7 of 9 items" in done.out
    if kind == "csv":
        whole = (folder / "interactions.csv").read_text(encoding="utf-8").splitlines()
        assert out.read_text(encoding="utf-8").splitlines() == [whole[0], *whole[121:183]]
        assert items.read_text(encoding="utf-8").splitlines()[0] == "sku,name,price"
    done = longtail("data", "validate", "--catalog", items, "--interactions", out, "--strict")
    assert done.code == 0, done.err
    assert "7 items, 20 users, 62 interactions" in done.out


def test_decimal_commas_stay_numbers(folder: Path) -> None:
    log = pd.read_csv(folder / "interactions.csv", dtype=str)
    log["rating"] = "4,5"
    log.to_csv(folder / "interactions.csv", index=False, sep=";")
    out = folder.parent / "interactions.csv"
    done = longtail("data", "subset", folder, "--newest", "50", "--out", out)
    assert done.code == 0, done.err
    back = ("--catalog", folder / "items.csv", "--interactions", out, "--strict")
    done = longtail("data", "validate", *back)
    assert done.code == 0, done.err
    assert "50 interactions" in done.out
    assert "not a number" not in done.err


def test_misuse_is_refused_and_the_log_stays(folder: Path) -> None:
    log = folder / "interactions.csv"
    before = log.read_bytes()
    assert longtail("data", "subset", folder, "--out", log).code == 2
    assert log.read_bytes() == before
    for words in (
        ("--out", folder / "log.xlsx"),
        ("--out", folder / "log.csv", "--since", "soon"),
        ("--out", folder / "log.csv", "--user-share", "0"),
    ):
        assert longtail("data", "subset", folder, *words).code == 2
    done = longtail("data", "subset", folder, "--core", "99", "--out", folder / "log.csv")
    assert done.code == 1
    assert "core of 99" in done.complaint
    assert not (folder / "log.csv").exists()


def test_a_log_of_which_most_is_lost_makes_no_subset(folder: Path) -> None:
    (folder / "items.csv").write_text("sku,name\ni1,Tea\n")
    words = ("data", "subset", folder, "--newest", "10", "--out", folder / "out.csv")
    done = longtail(*words, "--rejected", folder / "r.csv")
    assert done.code == 1
    assert "can't be used" in done.err
    assert "--allow-loss" in done.err
    assert longtail(*words, "--rejected", folder / "r.csv", "--allow-loss").code == 0

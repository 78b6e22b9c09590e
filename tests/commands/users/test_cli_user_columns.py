"""Users files on the command line: found, named, told, left out; and queries that bring columns."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from command_line import longtail, write_shop_with_users

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.splits import Split

CSV = ("--format", "csv", "--pool", "all", "-k", 5)


def teams(text: str) -> set[str]:
    return {row["item_id"].split("-")[0] for row in csv.DictReader(io.StringIO(text))}


@pytest.fixture
def shop(tmp_path: Path, catalog: Catalog, split: Split, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_shop_with_users(tmp_path / "shop", catalog, split)


def test_columns_alone_are_a_query(users_run: Path) -> None:
    done = longtail("query", users_run, "--user-column", "team=tea", *CSV)
    assert (done.code, teams(done.out)) == (0, {"tea"})


def test_columns_go_with_a_user_or_a_history(users_run: Path) -> None:
    by_file = longtail("query", users_run, "--user", "somebody-new", *CSV)
    assert teams(by_file.out) == {"paint"}
    tea = ("--user-column", "team=tea")
    other = longtail("query", users_run, "--user", "somebody-new", *tea, *CSV)
    assert teams(other.out) == {"tea"}
    history = ("--history", "tea-oolong-small,tea-oolong-large")
    with_history = longtail("query", users_run, *history, *tea, *CSV)
    assert with_history.code == 0, with_history.err


def test_recommend_answers_users_of_the_file(users_run: Path, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("somebody-new\n")
    out = tmp_path / "out.parquet"
    done = longtail("recommend", users_run, "--users", tmp_path / "ids.txt", "-k", 5, "--out", out)
    assert done.code == 0, done.err
    assert {item.split("-")[0] for item in pd.read_parquet(out)["item_id"]} == {"paint"}


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ("salary=hush", 1, "--user-column 'salary' is no user column of this run; there are team"),
        ("hush", 2, "one of them is not COLUMN=VALUE"),
    ],
)
def test_a_column_that_can_t_be_read_is_named_and_its_value_isn_t(
    users_run: Path, given: str, code: int, said: str
) -> None:
    done = longtail("query", users_run, "--user-column", given)
    assert done.code == code
    assert said in done.err
    assert "hush" not in done.err


def test_a_run_without_a_users_file_says_what_it_needs(cli_run: Path) -> None:
    done = longtail("query", cli_run, "--user-column", "team=tea")
    assert done.code == 1
    assert "--user-column needs a run that was trained with a users file" in done.err


class TestValidate:
    def test_what_was_read_of_the_users_is_told(self, shop: Path) -> None:
        done = longtail("data", "validate", shop)
        assert "users.csv" in done.out
        assert "82 users, 81 of them in the log; columns: team (3 values)" in done.out
        assert "user column left out: phone: nearly as many values as users" in done.out

    def test_a_named_file_wins_over_the_folder_s(self, shop: Path) -> None:
        (shop.parent / "other.csv").write_text("user_id,colour\nu1,red\n")
        done = longtail("data", "validate", shop, "--users", shop.parent / "other.csv")
        assert "other.csv" in done.out
        assert "users file: 1 users, 0 of them in the log; columns: none" in done.out

    def test_a_found_file_that_holds_no_users_is_left_out_with_the_reason(self, shop: Path) -> None:
        (shop / "users.csv").write_text("colour\nred\n")
        done = longtail("data", "validate", shop)
        assert done.code == 0
        assert "no column for user_id; found: colour" in done.err
        assert "this file of users is left out" in done.err

    def test_a_named_file_that_holds_no_users_is_refused(self, shop: Path) -> None:
        (shop / "users.csv").write_text("colour\nred\n")
        done = longtail("data", "validate", shop, "--users", shop / "users.csv")
        assert done.code == 1
        assert "no column for user_id" in done.err

    @pytest.mark.parametrize("name", ["customers.jsonl", "shop.user"])
    def test_other_names_are_found_too(self, shop: Path, name: str) -> None:
        frame = pd.read_csv(shop / "users.csv", dtype=str)
        (shop / "users.csv").unlink()
        if name.endswith("jsonl"):
            frame.to_json(shop / name, orient="records", lines=True)
        else:
            frame.to_csv(shop / name, sep="\t", index=False)
        done = longtail("data", "validate", shop)
        assert "columns: team (3 values)" in done.out, done.err

    def test_two_files_of_users_ask_for_one(self, shop: Path) -> None:
        (shop / "customers.csv").write_text("customer_id\n1\n")
        done = longtail("data", "validate", shop)
        assert done.code == 1
        assert "users.csv, customers.csv; name one with --users" in done.err

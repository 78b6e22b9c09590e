"""`longtail data`: tables on stdout, warnings on stderr, every row accounted for."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from longtail.commands.data import data
from longtail.console.progress import StderrProgress
from longtail.retrieval.errors import DataError


def run(*arguments: object) -> Result:
    return CliRunner().invoke(data, [str(a) for a in arguments], catch_exceptions=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "items.csv").write_text(
        "item_id,title,genre\n" + "".join(f"i{n},Title {n},G{n % 2}\n" for n in range(10))
    )
    events = "".join(f"u{n % 4},i{n * 7 % 10},{1_700_000_000 + n * 1000}\n" for n in range(40))
    (folder / "interactions.csv").write_text("user,item,time\n" + events + "u1,zz,1700000000\n")
    return folder


def test_validate_says_what_was_kept_and_where_the_rest_lies(folder: Path) -> None:
    done = run("validate", folder)
    assert done.exit_code == 0
    assert "item not in the catalog" in done.stdout
    assert "text template: {title}. {categories}" in done.stdout
    assert "1 rows were set aside; see rejected.csv" in done.stderr
    rejected = pd.read_csv("rejected.csv")
    assert rejected[["row", "column", "value"]].values.tolist() == [[41, "item", "zz"]]


def test_validate_says_whether_the_catalog_looks_filtered_by_its_future(folder: Path) -> None:
    assert "future filter: the log is too small to tell" in run("validate", folder).stdout
    rng = np.random.default_rng(0)
    item = rng.choice(3000, 30_000, p=(weight := rng.lognormal(0, 1.3, 3000)) / weight.sum())
    item = item[np.bincount(item)[item] >= 5]
    rows = pd.DataFrame(
        {
            "user": rng.integers(0, 3000, len(item)),
            "item": item,
            "time": 1_600_000_000 + np.arange(len(item)) * 600,
        }
    )
    rows.to_csv(folder / "interactions.csv", index=False)
    items = pd.DataFrame({"item_id": np.unique(item), "title": "x"})
    items.to_csv(folder / "items.csv", index=False)
    done = run("validate", folder)
    assert done.exit_code == 0
    assert "future filter: the catalog seems filtered by its own future" in done.stdout
    assert "reaches 5 events" in done.stdout


def test_validate_lists_what_looks_made_to_game_the_engine(folder: Path) -> None:
    assert "suspects: none\n" in run("validate", folder).stdout
    assert not Path("suspects.csv").exists()
    with (folder / "items.csv").open("a") as lines:
        lines.write("new,<b>Title</b>,G0\n")
    done = run("validate", folder)
    assert "suspects: 1 item looks made to game the engine (1 markup); see suspects.csv" in (
        done.stdout
    )
    assert "  new: markup: its columns hold <b>\n" in done.stdout
    assert pd.read_csv("suspects.csv")["item_id"].tolist() == ["new"]
    run("validate", folder, "--suspects", "elsewhere.csv")
    assert pd.read_csv("elsewhere.csv")["item_id"].tolist() == ["new"]


def test_strict_validation_fails_on_a_row_set_aside(folder: Path) -> None:
    with pytest.raises(DataError, match=r"1 rows were set aside and --strict"):
        run("validate", folder, "--strict")


def test_what_was_set_aside_is_on_disk_also_when_reading_fails(folder: Path) -> None:
    (folder / "interactions.csv").write_text("user,item,time\nu,zz,1\n")
    with pytest.raises(DataError, match="none of its 1 rows"):
        run("validate", folder, "--rejected", "bad.csv")
    assert len(pd.read_csv("bad.csv")) == 1


def test_a_clean_run_does_not_leave_an_old_list_of_rejected_rows(folder: Path) -> None:
    run("validate", folder)
    lines = (folder / "interactions.csv").read_text().splitlines()
    (folder / "interactions.csv").write_text("\n".join(lines[:-1]))
    run("validate", folder)
    assert len(pd.read_csv("rejected.csv")) == 0


def test_describe_prints_popularity_histories_and_tokens(folder: Path) -> None:
    done = run("describe", folder, "--bucket-rule", "count:4", "--max-tokens", 6)
    assert done.exit_code == 0
    for part in ("Gini", "count:4", "events a user", "Split: temporal"):
        assert part in done.stdout


def test_describe_goes_on_without_a_tokenizer(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    done = run("describe", folder, "--encoder", "./no-such-folder")
    assert done.exit_code == 0
    assert "tokens are not counted" in done.stderr
    assert "tokens a text" not in done.stdout


def test_a_written_split_is_taken_as_given(folder: Path) -> None:
    done = run("split", folder, "--split", "leave-last", "--out", "new/split.parquet")
    assert "leaks" in done.stderr or "later than those" in done.stderr
    assert pd.read_parquet("new/split.parquet")["split"].value_counts()["test"] == 4
    again = run(
        "describe", "--catalog", folder / "items.csv", "--interactions", "new/split.parquet"
    )
    assert "Split: given" in again.stdout


def test_mappings_and_template_reach_the_readers(folder: Path) -> None:
    done = run("validate", folder, "--column", "title=genre", "--template", "{title}!")
    assert "text template: {title}!" in done.stdout


def test_synth_writes_a_shop_that_validates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("synth", "demo", "--items", 200, "--users", 50).exit_code == 0
    done = run("validate", "demo")
    assert "200 items" in done.stdout
    assert "set aside" not in done.stderr


def test_a_catalog_is_validated_alone_where_there_is_no_log(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("validate", "--catalog", folder / "items.csv")
    assert done.exit_code == 0
    assert "0 users, 0 interactions" in done.stdout
    assert "items.csv" in done.stdout
    (tmp_path / "log.csv").write_text("user_id,item_id\n")
    done = run("validate", "--catalog", folder / "items.csv", "--interactions", "log.csv")
    assert done.exit_code == 0
    assert "it is taken for a log without events" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["validate"], "name a FOLDER, or --catalog"),
        (["describe", "--catalog", "items.csv"], "name a FOLDER, or both"),
        (["validate", "no-such-folder"], "does not exist"),
        (["split", "."], "Missing option '--out'"),
        (["describe", ".", "--split", "random"], "is not one of"),
    ],
)
def test_misuse_exits_with_2(folder: Path, arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr


def test_a_column_option_without_equals_sign_is_misuse(folder: Path) -> None:
    done = run("validate", folder, "--column", "title")
    assert done.exit_code == 2
    assert "is not ROLE=COLUMN" in done.stderr


def test_a_folder_without_the_files_or_with_two_of_a_kind_is_an_error(folder: Path) -> None:
    (folder / "items.parquet").write_bytes(b"")
    with pytest.raises(DataError, match=r"2 files could be it: items\.parquet, items\.csv"):
        run("validate", folder)
    with pytest.raises(DataError, match=r"no items\.\* or catalog\.\*"):
        run("validate", folder.parent)


@pytest.mark.parametrize("command", [[], ["validate"], ["describe"], ["split"], ["synth"]])
def test_every_command_explains_itself(command: list[str]) -> None:
    done = run(*command, "-h")
    assert done.exit_code == 0
    assert "Usage:" in done.stdout


def test_progress_into_a_file_says_little_and_quick_steps_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    stream = io.StringIO()
    progress = StderrProgress(stream)
    progress("quick", 1, 2)
    progress("quick", 2, 2)
    for second in range(31):
        now[0] = float(second)
        progress("slow", second, 40)
    progress.close()
    assert stream.getvalue() == "slow: 25%\nslow: 50%\nslow: 75%\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal_draws_a_bar_for_slow_steps_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    progress = StderrProgress(stream)
    progress("quick", 1, 2)
    progress("slow", 0, 10)
    progress._began["slow"] -= 5.0
    progress("slow", 5, 10)
    progress("slow", 10, 10)
    progress.close()
    assert "slow" in stream.getvalue()
    assert "quick" not in stream.getvalue()

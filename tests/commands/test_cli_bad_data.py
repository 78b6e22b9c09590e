"""Bad input files, as a person has them: one clear line, exit 1, and every row accounted for."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import longtail, train_arguments
from processes import as_nobody

ITEMS = b"item_id,title\na,Apple\nb,Banana\nc,Cherry\n"
EVENTS = b"user_id,item_id,timestamp\n" + b"".join(
    f"u{n % 3},{'abc'[n % 7 % 3]},{1_700_000_000 + n}\n".encode() for n in range(30)
)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "items.csv").write_bytes(ITEMS)
    (folder / "interactions.csv").write_bytes(EVENTS)
    return folder


def replace_file(shop: Path, name: str, content: bytes) -> None:
    for old in shop.glob(f"{name.split('.')[0]}.*"):
        old.unlink()
    (shop / name).write_bytes(content)


NOISE = np.random.default_rng(0).integers(1 << 60, size=4_000).tolist()
# Without the time of now, which would be another in each worker's name of the test.
CUT_OFF = gzip.compress(b"item_id,title\n" + b"".join(b"%d,t\n" % n for n in NOISE), mtime=0)[
    :9_000
]


@pytest.mark.parametrize(
    ("name", "content", "messages"),
    [
        ("items.csv", b"", ["items.csv", "empty"]),
        ("interactions.csv", b"", ["interactions.csv", "empty"]),
        ("items.csv", b"item_id,title\n", ["items.csv", "no rows"]),
        ("items.csv", b"item_id,label_of\na,A\n", ["no column for title", "item_id, label_of"]),
        ("items.csv", b"thing,title\na,A\n", ["no column for item_id", "found: thing, title"]),
        ("interactions.csv", b"who,item_id\nu,a\n", ["no column for user_id", "who, item_id"]),
        ("items.csv", b"item_id,title\na,\nb, \n", ["none of its 2 rows", "no text"]),
        ("interactions.csv", b"user_id,item_id\nu,zz\n", ["item not in the catalog", "'zz'"]),
        (
            "interactions.csv",
            b"user_id,item_id,timestamp\nu,a,soon\nu,b,later\n",
            ["none of its 2 rows", "row 1, column timestamp"],
        ),
        (
            "interactions.csv",
            b"user_id,item_id,timestamp\nu,a,4102444800\n",
            ["none of its 1 rows", "future"],
        ),
        ("items.csv", b"item_id,title\n\x81\x98,a\n\x98\x81,b\n", ["not UTF-8", "--encoding NAME"]),
        ("items.csv.gz", CUT_OFF, ["items.csv.gz", "cut off after"]),
        ("items.csv.gz", b"item_id,title\na,A\n", ["is not a gzip file"]),
        ("items.parquet", b"PAR1 cut off", ["items.parquet", "not a whole Parquet file"]),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else None,
)
def test_a_file_that_cannot_be_used_is_one_line(
    shop: Path, name: str, content: bytes, messages: list[str]
) -> None:
    replace_file(shop, name, content)
    for command in (["data", "validate", shop], ["train", shop, "--out", "run"]):
        complaint = longtail(*command).complaint
        for message in messages:
            assert message in complaint
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("name", "content", "reason", "row"),
    [
        ("items.csv", ITEMS + b"a,Apple again\n", "item_id again (the first is kept)", 4),
        ("items.csv", ITEMS + b"d,\n", "no text", 4),
        ("items.csv", ITEMS + b",Date\n", "no item_id", 4),
        ("items.csv", ITEMS.replace(b"Ch", b"Ch\xc3\xa9") + b"d,caf\xe9\n", "not UTF-8", 4),
        ("interactions.csv", EVENTS + b"u1,zz,1700000000\n", "item not in the catalog", 31),
        ("interactions.csv", EVENTS + b",a,1700000000\n", "no user", 31),
        ("interactions.csv", EVENTS + b"u1,a,4102444800\n", "future", 31),
        ("interactions.csv", EVENTS + b"u1,a,yesterday\n", "time", 31),
        ("interactions.csv", EVENTS + b"u1,a\n", "wrong number of cells", 31),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_bad_row_is_set_aside_and_the_rest_is_used(
    shop: Path, name: str, content: bytes, reason: str, row: int
) -> None:
    replace_file(shop, name, content)
    done = longtail("data", "validate", shop)
    assert done.code == 0
    assert "3 items, 3 users, 30 interactions" in done.out
    assert "1 rows were set aside; see rejected.csv" in done.err
    rejected = pd.read_csv("rejected.csv")
    assert rejected["row"].tolist() == [row]
    assert reason in rejected["reason"][0]
    complaint = longtail("data", "validate", shop, "--strict").complaint
    assert "1 rows were set aside and --strict was given; see rejected.csv" in complaint


def test_a_text_of_a_megabyte_and_nul_bytes_are_read(shop: Path) -> None:
    replace_file(shop, "items.csv", ITEMS + b"d," + b"word " * 210_000 + b"\ne,El\0der\n")
    done = longtail("data", "validate", shop)
    assert done.code == 0
    assert "1,050,000 characters" in done.err
    # A NUL byte is either taken out of the text or its row is set aside; in both cases said.
    assert "NUL" in done.err + done.out + Path("rejected.csv").read_text()


def test_a_catalog_of_one_item_is_a_run_with_nothing_left_to_recommend(
    shop: Path, tiny_bert: Path
) -> None:
    replace_file(shop, "items.csv", b"item_id,title\na,Apple\n")
    done = longtail("train", shop, *train_arguments(tiny_bert), "--allow-loss", "--out", "run")
    assert done.code == 0, done.err
    asked = longtail("query", "run", "--text", "fruit", "--pool", "all", "--format", "json")
    assert '"item_id": "a"' in asked.out
    asked = longtail("query", "run", "--history", "a", "--pool", "all")
    assert asked.code == 0
    assert "0 of 10 answers" in asked.err


def test_a_catalog_without_an_item_is_refused(shop: Path, tiny_bert: Path) -> None:
    replace_file(shop, "items.csv", b"item_id,title\n")
    arguments = train_arguments(tiny_bert)
    done = longtail("train", "--catalog", shop / "items.csv", *arguments, "--out", "run")
    assert "items.csv: has no rows, only a header" in done.complaint
    assert [path.name for path in Path().iterdir() if "run" in path.name] == []


def test_users_with_a_single_interaction_each_leave_the_stages_out(
    shop: Path, tiny_bert: Path
) -> None:
    lines = [f"u{n},{'abc'[n % 3]},{1_700_000_000 + n}\n".encode() for n in range(30)]
    replace_file(shop, "interactions.csv", b"user_id,item_id,timestamp\n" + b"".join(lines))
    done = longtail("train", shop, *train_arguments(tiny_bert), "--out", "run")
    assert done.code == 0, done.err
    assert "left out: no user has two training events" in " ".join(done.out.split())
    asked = longtail("query", "run", "--user", "u4", "--pool", "all", "--format", "json")
    assert asked.out.count('"item_id"') == 2


def test_some_users_with_a_single_interaction_are_fine(
    shop_files: Path, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    log = pd.read_csv(shop_files / "interactions.csv")
    single = pd.DataFrame(
        {
            "user_id": [f"once-{n}" for n in range(20)],
            "item_id": "tea-sencha-small",
            "timestamp": log["timestamp"].min() + np.arange(20),
            "split": "train",
        }
    )
    pd.concat([log, single]).to_csv("events.csv", index=False)
    files = ["--catalog", shop_files / "items.csv", "--interactions", "events.csv"]
    assert longtail("train", *files, *train_arguments(tiny_bert), "--out", "run").code == 0
    done = longtail("query", "run", "--user", "once-3", "-k", 2, "--format", "jsonl")
    assert len(done.out.splitlines()) == 2


def test_a_log_without_a_test_part_trains_and_is_not_evaluated(
    shop_files: Path, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    log = pd.read_csv(shop_files / "interactions.csv")
    log[log["split"] != "test"].to_csv("events.csv", index=False)
    files = ["--catalog", shop_files / "items.csv", "--interactions", "events.csv"]
    assert longtail("train", *files, *train_arguments(tiny_bert), "--out", "run").code == 0
    complaint = longtail("evaluate", "run").complaint
    assert "without a test part" in complaint
    assert "longtail data split" in complaint
    assert not Path("run/metrics.json").exists()


def test_a_folder_in_the_place_of_a_file_is_one_line(shop: Path) -> None:
    done = longtail(
        "data", "validate", "--catalog", shop, "--interactions", shop / "interactions.csv"
    )
    assert "is a folder" in done.complaint
    done = longtail("data", "validate", "--catalog", "none.csv", "--interactions", "none.csv")
    assert "none.csv: no such file" in done.complaint


def test_a_file_that_may_not_be_read_is_one_line() -> None:
    # Folders of tests are their owner's alone, and root reads everything.
    with tempfile.TemporaryDirectory() as folder:
        shop = Path(folder)
        shop.chmod(0o777)
        (shop / "items.csv").write_bytes(ITEMS)
        (shop / "interactions.csv").write_bytes(ITEMS)
        (shop / "items.csv").chmod(0)
        with as_nobody():
            rejected = ("--rejected", shop / "rejected.csv")
            complaint = longtail("data", "validate", shop, *rejected).complaint
    assert complaint == f"{shop / 'items.csv'}: can't be read: Permission denied"


def test_a_list_of_rejected_rows_that_cannot_be_written_is_one_line(shop: Path) -> None:
    replace_file(shop, "items.csv", ITEMS + b"d,\n")
    Path("file").write_text("")
    done = longtail("data", "validate", shop, "--rejected", "file/rejected.csv")
    assert "can't write file/rejected.csv" in done.complaint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no user id; write one a line"),
        (b"\n \n", "holds no user id; write one a line"),
        (b"saw-fan-1\n\xe9\n", "line 2: is not UTF-8"),
        (b"saw-fan-1\nsaw-fan-l\n", "no user 'saw-fan-l'"),
    ],
    ids=str,
)
def test_a_list_of_users_that_cannot_be_used_is_one_line(
    cli_run: Path, tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "users.txt").write_bytes(content)
    out = tmp_path / "recs.parquet"
    out.write_text("what was here before")
    done = longtail("recommend", cli_run, "--users", tmp_path / "users.txt", "--out", out)
    assert message in done.complaint
    assert out.read_text() == "what was here before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["recs.parquet", "users.txt"]

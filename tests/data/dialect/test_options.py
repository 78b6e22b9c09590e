"""What the command line says of files reaches their readers, for one file or for all."""

import gzip
from pathlib import Path

import pytest
from command_line import longtail

MOVIES = [f"{n}::Café no. {n} (1999)::Drama|War" for n in range(1, 21)]
RATINGS = [f"{n % 7}::{n % 20 + 1}::{n % 5 + 1}::{1_700_000_000 + n}" for n in range(100)]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "movies.dat").write_bytes("\n".join(MOVIES).encode("latin-1"))
    (tmp_path / "ratings.dat").write_text("\n".join(RATINGS))
    return tmp_path


def validate(folder: Path, *options: str) -> tuple[int, str, str]:
    files = ["--catalog", folder / "movies.dat", "--interactions", folder / "ratings.dat"]
    done = longtail("data", "validate", *files, *options)
    return done.code, done.out, done.err


def test_files_without_header_lines_are_read_with_names(files: Path) -> None:
    code, _, err = validate(files)
    assert code == 1
    assert "--names item_id,title,categories" in err
    names = ("--names", "user_id,item_id,weight,timestamp", "--names", "item_id,title,genres")
    code, out, err = validate(files, *names)
    assert code == 0
    assert "20 items, 7 users, 100 interactions" in out
    assert "read as Windows-1252" in err
    assert "Traceback" not in err


def test_what_is_said_of_one_file_leaves_the_other_alone(files: Path) -> None:
    rows = "".join(f"{n}|Łódź {n}\n" for n in range(1, 21))
    (files / "movies.dat").write_bytes(f"item_id|title\n{rows}".encode("iso8859-2"))
    names = "log=user_id,item_id,weight,timestamp"
    options = ("--encoding", "items=ISO-8859-2", "--delimiter", "items=|", "--names", names)
    code, out, err = validate(files, *options)
    assert code == 0, err
    assert "20 items" in out
    assert "read as iso8859-2" in err


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--encoding", "klingon", "'klingon' is no encoding"),
        ("--delimiter", '"', "can't stand between cells"),
        ("--names", "items=item_id,title", "has 3 columns"),
        ("--decimal", ";", "--decimal"),
    ],
)
def test_what_cannot_be_is_one_line(files: Path, option: str, value: str, message: str) -> None:
    code, _, err = validate(files, option, value)
    assert code in (1, 2)
    assert message in err
    assert "Traceback" not in err


def test_how_large_a_file_may_become_is_said_in_gigabytes(files: Path) -> None:
    rows = b"item_id,title\n" + b"1,A\n" * 400_000
    (files / "items.csv.gz").write_bytes(gzip.compress(rows))
    catalog = ("--catalog", str(files / "items.csv.gz"))
    code, _, err = validate(files, *catalog, "--max-inflated", "0.001")
    assert code == 1
    assert "holds more than 0.001 GB once inflated; if it may, say so: --max-inflated 0.004" in err

"""What killed writers leave is removed by the next; what others are writing isn't."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from processes import run_python

from longtail.index.files import write_file_atomically

KILLED = """
import os, signal, sys
from pathlib import Path
from longtail.index.files import write_file_atomically
with write_file_atomically(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_next_writer_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    path = tmp_path / "recs.parquet"
    path.write_text("old")
    done = run_python("-c", KILLED, path)
    assert done.code == -signal.SIGKILL
    assert path.read_text() == "old"
    assert len(names(tmp_path)) == 2
    with write_file_atomically(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert names(tmp_path) == ["recs.parquet"]


def test_two_writers_of_one_file_leave_each_other_alone(tmp_path: Path) -> None:
    path = tmp_path / "recs.parquet"
    with write_file_atomically(path) as first:
        first.write_text("first")
        with write_file_atomically(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"
    assert names(tmp_path) == ["recs.parquet"]


def test_other_files_and_folders_stay(tmp_path: Path) -> None:
    others = [".recs.0badcafe.tmp", ".other.parquet.0badcafe.tmp", ".recs.parquet.0badcafe.old"]
    for name in (*others, ".recs.parquet.0badcafe.tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / ".recs.parquet.1badcafe.tmp").mkdir()
    (tmp_path / ".recs.parquet.1badcafe.tmp" / "manifest.json").touch()
    with write_file_atomically(tmp_path / "recs.parquet") as temporary:
        temporary.touch()
    assert names(tmp_path) == sorted([*others, ".recs.parquet.1badcafe.tmp", "recs.parquet"])


def test_without_locks_files_are_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def none(*_: object) -> None:
        raise OSError(38, os.strerror(38))

    (tmp_path / ".a.0badcafe.tmp").mkdir()
    monkeypatch.setattr(fcntl, "flock", none)
    with write_file_atomically(tmp_path / "a") as temporary:
        temporary.write_text("a")
    assert names(tmp_path) == [".a.0badcafe.tmp", "a"]

"""A full disk in training, indexing and recommending: one line, and what was there still stands."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import longtail, train_arguments
from full_disk import largest_file, small_disk

from longtail.retrieval.data.event_log.log_writer import LogWriter
from longtail.retrieval.data.events import EVENTS, UserEvent

ITEM = "tea-oolong-small"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 600 kB."""
    with small_disk(tmp_path / "disk", "600k") as folder:
        yield folder


# Each size stops another writer: the job's marker, vectors, checkpoints, weights, the index.
@pytest.mark.parametrize("size", [0, 50, 4_000, 16_000, 40_000, 60_000])
def test_no_room_while_training_is_one_line_and_the_work_goes_on(
    shop_files: Path, tiny_bert: Path, tmp_path: Path, size: int
) -> None:
    words = ["train", shop_files, *train_arguments(tiny_bert), "--out", tmp_path / "run"]
    with largest_file(size):
        done = longtail(*words)
    assert done.complaint.startswith("no room on the disk (")
    assert "the same command with --resume goes on" in done.complaint
    assert not (tmp_path / "run").exists()
    assert {path.name for path in tmp_path.iterdir()} <= {".run.work"}
    assert longtail(*words, "--resume").code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("more", [(), ("--read-texts",)])
@pytest.mark.parametrize("size", [0, 200, 3_000])
def test_no_room_while_indexing_leaves_the_old_index(
    run_copy: Path, size: int, more: tuple[str, ...]
) -> None:
    current = (run_copy / "index" / "CURRENT").read_bytes()
    with largest_file(size):
        complaint = longtail("index", "build", run_copy, *more).complaint
    assert complaint.startswith("no room on the disk (")
    assert (run_copy / "index" / "CURRENT").read_bytes() == current
    assert [path.name for path in (run_copy / "index").glob("*v0*")] == ["v0001"]
    assert longtail("index", "verify", run_copy).code == 0
    assert longtail("index", "build", run_copy).code == 0


def test_no_room_for_recommendations_leaves_the_old_file(cli_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "recs.parquet"
    out.write_bytes(b"old")
    with largest_file(1_000):
        complaint = longtail("recommend", cli_run, "--all", "--out", out).complaint
    assert complaint.startswith("no room on the disk (")
    assert out.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_no_room_for_an_evaluation_is_one_line(run_copy: Path) -> None:
    with largest_file(100):
        complaint = longtail("evaluate", run_copy, "--baselines", "popularity").complaint
    assert complaint.startswith("no room on the disk (")
    assert longtail("index", "verify", run_copy).code == 0


@pytest.mark.parametrize("used_kb", [580, 530, 400])
def test_a_small_file_system_that_fills_up_while_training(
    shop_files: Path, tiny_bert: Path, disk: Path, used_kb: int
) -> None:
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(1024 * used_kb))
    words = ["train", shop_files, *train_arguments(tiny_bert), "--out", disk / "run"]
    complaint = longtail(*words).complaint
    assert complaint.startswith("no room on the disk (")
    assert {path.name for path in disk.iterdir()} <= {"ballast", ".run.work"}


def test_a_small_file_system_that_fills_up_while_indexing(
    trained_run: Path, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "4m") as disk:
        run = disk / "run"
        shutil.copytree(trained_run, run, ignore=shutil.ignore_patterns("report.html"))
        free = shutil.disk_usage(disk).free
        (disk / "ballast").write_bytes(bytes(max(free - 9_000, 0)))
        complaint = longtail("index", "build", run).complaint
        assert complaint.startswith("no room on the disk (")
        assert [path.name for path in (run / "index").glob("*v0*")] == ["v0001"]
        assert longtail("index", "verify", run).code == 0


@pytest.mark.parametrize("free", [0, 12_000])
@pytest.mark.parametrize("name", ["add", "remove", "compact", "refresh", "learn", "events"])
def test_a_small_file_system_that_fills_up_under_a_change(
    trained_run: Path, tmp_path: Path, name: str, free: int
) -> None:
    items, log = tmp_path / "items.csv", tmp_path / "log.csv"
    items.write_text("item_id,title,description\nnew,a new tea,black\n")
    log.write_text(f"user_id,item_id,timestamp\nnewcomer,{ITEM},1750000000\n")
    rejected = ("--rejected", tmp_path / "rejected.csv")
    with small_disk(tmp_path / "disk", "4m") as disk:
        run = disk / "run"
        shutil.copytree(trained_run, run)
        writer, _ = LogWriter.open(run / EVENTS)
        writer.append([UserEvent("u", ITEM, 1)])
        writer.close()
        words = {
            "add": ("index", "add", run, "--catalog", items, *rejected),
            "remove": ("index", "remove", run, "--items", ITEM),
            "compact": ("index", "compact", run),
            "refresh": ("index", "refresh", run, "--interactions", log, *rejected),
            "learn": ("learn", run, "--events", log, "--force", *rejected),
            "events": ("data", "events", run, "--with-log", "--out", disk / "events.csv"),
        }
        (disk / "ballast").write_bytes(bytes(shutil.disk_usage(disk).free - free))
        current = (run / "index" / "CURRENT").read_bytes()
        assert longtail(*words[name]).complaint.startswith("no room ")
        assert (run / "index" / "CURRENT").read_bytes() == current
        assert [path.name for path in (run / "index").glob("*v0*")] == ["v0001"]
        assert not list((run / "learned").glob("*"))
        (disk / "ballast").unlink()
        assert longtail("index", "verify", run).code == 0
        assert longtail(*words[name]).code == 0

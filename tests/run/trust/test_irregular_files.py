"""A FIFO, a device, a socket or a folder in the place of a file: one line, and nobody waits."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import longtail
from processes import LONGEST_WAIT_S, run_python

from longtail.index.errors import LongtailError
from longtail.index.storage.file_lock import FileLock, is_held
from longtail.retrieval.data.event_log.log_writer import LogWriter
from longtail.retrieval.data.events import EVENTS, UserEvent
from longtail.retrieval.run.served_run import open_run
from longtail.serving.explorer.evaluation_digest import NoEvaluationError, evaluation_digest


@pytest.fixture(autouse=True)
def nobody_waits() -> Iterator[None]:
    """Fail where something waits for ever, instead of waiting with it."""

    def fail(*_: object) -> None:
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(int(LONGEST_WAIT_S))
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def a_socket(path: Path) -> None:
    # The name of a socket is short, wherever it lies.
    with socket.socket(socket.AF_UNIX) as bound, contextlib.chdir(path.parent):
        bound.bind(path.name)


KINDS: dict[str, Callable[[Path], None]] = {
    "a FIFO": os.mkfifo,
    "a folder": Path.mkdir,
    "a socket": a_socket,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a link to itself": lambda path: path.symlink_to(path.name),
}


def become(path: Path, kind: str) -> None:
    """Let something else be in the place of a file."""
    path.unlink(missing_ok=True)
    KINDS[kind](path)


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_file_of_a_run_is_none_opening_names_it(run_copy: Path, kind: str) -> None:
    files = [path for path in sorted(run_copy.rglob("*")) if path.is_file()]
    own = [path for path in files if path.name != ".lock"]
    assert len(own) > 30
    for path in own:
        content = path.read_bytes()
        become(path, kind)
        with pytest.raises((LongtailError, OSError)) as refused:
            open_run(run_copy)
        said = str(refused.value)
        assert str(path) in said or str(path.parent) in said, path
        assert "\n" not in said
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()
        path.write_bytes(content)
    open_run(run_copy)


@pytest.mark.parametrize("name", ["manifest.json", "index/CURRENT", "index/v0001/manifest.json"])
@pytest.mark.parametrize("kind", ["a FIFO", "a folder", "a socket", "a device"])
def test_the_message_says_what_it_is(run_copy: Path, name: str, kind: str) -> None:
    become(run_copy / name, kind)
    for words in (
        ("index", "verify", run_copy),
        ("query", run_copy, "--history", "tea-oolong-small"),
        ("index", "compact", run_copy),
        ("learn", run_copy, "--events", run_copy / "e.csv"),
        ("evaluate", run_copy),
    ):
        complaint = longtail(*words).complaint
        assert f"{run_copy / name} is {kind}, not a file; " in complaint, words


@pytest.mark.parametrize("name", ["item_tower/x.json", "index/v0001/x", "evidence/x.safetensors"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_listed_is_refused_unopened(run_copy: Path, name: str, kind: str) -> None:
    become(run_copy / name, kind)
    if kind == "a folder":
        (run_copy / name / "x").touch()  # an empty one holds nothing that anybody would read
    assert "is not among the files" in longtail("index", "verify", run_copy).complaint


@pytest.mark.parametrize(
    "name", [EVENTS, f"{EVENTS}/events.jsonl", f"{EVENTS}/events-000001.jsonl"]
)
@pytest.mark.parametrize("kind", ["a FIFO", "a folder", "a socket", "a device"])
def test_events_that_are_no_file(run_copy: Path, tmp_path: Path, name: str, kind: str) -> None:
    writer, _ = LogWriter.open(run_copy / EVENTS)
    writer.append([UserEvent("u", "tea-oolong-small", 1)])
    writer.turn()
    writer.close()
    if name == EVENTS and kind == "a folder":
        return
    path = run_copy / name
    shutil.rmtree(path) if path.is_dir() else None
    become(path, kind)
    for words in (
        ("data", "events", run_copy, "--out", tmp_path / "events.csv"),
        ("data", "events", run_copy, "--compact"),
        ("serve", run_copy, "--port", 0),
    ):
        assert str(path) in longtail(*words).complaint, words


@pytest.mark.parametrize("name", ["index/.lock", "index/.lock.next"])
@pytest.mark.parametrize("kind", ["a FIFO", "a folder", "a device"])
def test_a_lock_that_is_no_file(run_copy: Path, name: str, kind: str) -> None:
    path = run_copy / name
    become(path, kind)
    complaint = longtail("index", "remove", run_copy, "--items", "tea-oolong-small").complaint
    assert str(path) in complaint


def test_nobody_waits_to_learn_whether_a_lock_is_held(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lock")
    assert not is_held(tmp_path / "lock")
    with pytest.raises(LongtailError, match="lock is a FIFO, not a file; remove it"):
        FileLock.take(tmp_path / "lock")


def test_an_evaluation_that_is_no_file(run_copy: Path) -> None:
    become(run_copy / "metrics.json", "a FIFO")
    with pytest.raises(NoEvaluationError):
        evaluation_digest(run_copy)


@pytest.mark.parametrize("kind", ["a FIFO", "a socket", "a device"])
def test_an_input_file_that_can_be_read_once_is_refused(
    run_copy: Path, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "items.csv"
    become(path, kind)
    complaint = longtail("index", "add", run_copy, "--catalog", path).complaint
    assert complaint.startswith(f"{path}: is {kind}, not a file; write it to a file")


def test_ids_may_come_through_a_pipe(run_copy: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"tea-oolong-small\n")
    os.close(writing)
    done = longtail("index", "remove", run_copy, "--file", f"/dev/fd/{reading}")
    os.close(reading)
    assert "1 removed" in done.out


def test_a_device_is_written_to_and_not_replaced(run_copy: Path, tmp_path: Path) -> None:
    out = tmp_path / "null.csv"
    out.symlink_to("/dev/null")  # not the machine's own: a test that fails would replace that
    new = tmp_path / "items.csv"
    new.write_text("item_id,title,description\nnew,a new tea,black\n,nobody's,\n")
    done = longtail("index", "add", run_copy, "--catalog", new, "--rejected", out)
    assert done.code == 0, done.err
    writer, _ = LogWriter.open(run_copy / EVENTS)
    writer.append([UserEvent("u", "tea-oolong-small", 1)])
    writer.close()
    for words in (("data", "events", run_copy), ("recommend", run_copy, "--all")):
        assert longtail(*words, "--out", out).code == 0
    assert out.is_symlink()
    assert out.is_char_device()
    assert not list(tmp_path.glob(".*"))


def test_a_stream_takes_what_a_file_would(run_copy: Path, tmp_path: Path) -> None:
    writer, _ = LogWriter.open(run_copy / EVENTS)
    writer.append([UserEvent("u", "tea-oolong-small", 1)])
    writer.close()
    words = ("data", "events", run_copy, "--out")
    done = run_python("-m", "longtail.cli", *words, "/proc/self/fd/1")
    assert done.code == 0, done.err
    assert done.out.startswith("user_id,item_id,timestamp\nu,tea-oolong-small,1\n")

"""A lock that ends with its holder, and that a busy holder shares."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from processes import line_of, started_python

from longtail.index.storage.file_lock import NEXT, FileLock, HeldError, is_held

HOLD = (
    "import sys; from pathlib import Path; from longtail.index.storage.file_lock import FileLock\n"
    "lock = FileLock.take(Path(sys.argv[1])); print('held', flush=True); sys.stdin.readline()\n"
    "lock.release(remove=True)"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".lock"


def test_a_killed_holder_holds_nothing(path: Path) -> None:
    with started_python("-c", HOLD, path) as holder:
        assert line_of(holder) == "held"
        assert is_held(path)
        with pytest.raises(HeldError) as refused:
            FileLock.take(path)
        assert refused.value.holder.startswith(f"process {holder.pid} on ")
    assert not is_held(path)
    FileLock.take(path).release()


def test_who_waits_gets_it_when_the_holder_lets_go(path: Path) -> None:
    with started_python("-c", HOLD, path) as holder:
        assert line_of(holder) == "held"
        with pytest.raises(HeldError):
            FileLock.take(path, wait_s=0.05)
        taken: list[FileLock] = []
        waiting = threading.Thread(target=lambda: taken.append(FileLock.take(path, wait_s=600)))
        waiting.start()
        assert holder.stdin is not None
        holder.stdin.write("\n")
        holder.stdin.flush()
        waiting.join()
    [lock] = taken
    # The holder has removed the file: the one that is held is the one that is there.
    assert lock.is_at(path)
    lock.release(remove=True)
    assert list(path.parent.iterdir()) == []


def test_a_busy_holder_lets_a_waiting_one_pass(path: Path) -> None:
    turns: list[str] = []
    passed = threading.Event()

    def busy() -> None:
        while not passed.is_set():
            lock = FileLock.take(path, wait_s=600)
            turns.append("busy")
            time.sleep(0.001)
            lock.release()

    holder = threading.Thread(target=busy)
    holder.start()
    try:
        while len(turns) < 10:
            time.sleep(0.001)
        for _ in range(3):
            lock = FileLock.take(path, wait_s=600)
            turns.append("waited")
            lock.release()
    finally:
        passed.set()
        holder.join()
    assert turns.count("waited") == 3


def test_nobody_steps_before_one_who_waits(path: Path) -> None:
    first = FileLock.take(path)
    waiting = threading.Thread(target=lambda: FileLock.take(path, wait_s=600).release())
    waiting.start()
    line = path.with_name(path.name + NEXT)
    while not is_held(line):
        time.sleep(0.001)
    with pytest.raises(HeldError):
        FileLock.take(path)
    first.release()
    waiting.join()
    assert not line.exists()
    # What a killed one left in line keeps nobody, and goes.
    line.touch()
    FileLock.take(path).release()
    assert not line.exists()


def test_a_folder_that_was_replaced_has_another_lock(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    lock = FileLock.take(folder / ".lock")
    folder.rename(tmp_path / "old")
    assert not lock.is_at(folder / ".lock")
    with pytest.raises(FileNotFoundError):
        FileLock.take(folder / ".lock")
    folder.mkdir()
    FileLock.take(folder / ".lock").release()
    with pytest.raises(HeldError):
        FileLock.take(tmp_path / "old" / ".lock")
    lock.release(remove=True)
    assert (folder / ".lock").exists()

"""What tests lean on: processes that end, and folders that are made once."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from made_once import MadeOnce
from processes import finish, line_of, started_python, wait_until

# A process that has started another, and waits for it.
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
child.wait()
"""
MAKER = """
import sys, time
from pathlib import Path
from made_once import MadeOnce

def make(folder):
    folder.mkdir()
    with (Path(sys.argv[1]) / "made").open("a") as file:
        file.write("once ")
    time.sleep(0.3)
    (folder / "content").write_text("whole")

print((MadeOnce(Path(sys.argv[1])).folder("toy", make) / "content").read_text())
"""


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_process_and_what_it_has_started_end_with_a_test_that_fails() -> None:
    children: list[int] = []

    def failing_test() -> None:
        with started_python("-c", PARENT) as process:
            children.append(int(line_of(process)))
            assert is_running(children[0])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing_test()
    wait_until(lambda: not is_running(children[0]))


def test_processes_that_come_together_make_a_folder_once(tmp_path: Path) -> None:
    with ExitStack() as stack:
        makers = [stack.enter_context(started_python("-c", MAKER, tmp_path)) for _ in range(3)]
        done = [finish(maker) for maker in makers]
    assert [(found.code, found.out) for found in done] == [(0, "whole\n")] * 3, done
    assert (tmp_path / "made").read_text() == "once "


def whole(folder: Path) -> None:
    folder.mkdir()
    (folder / "content").write_text("whole")


def half(folder: Path) -> None:
    folder.mkdir()
    (folder / "content").write_text("ha")
    raise KeyboardInterrupt


def nothing(folder: Path) -> None:
    raise AssertionError("it was there")


def test_a_folder_half_made_is_made_anew(tmp_path: Path) -> None:
    made_once = MadeOnce(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        made_once.folder("toy", half)
    assert (made_once.folder("toy", whole) / "content").read_text() == "whole"
    MadeOnce(tmp_path).folder("toy", nothing)


def test_a_folder_that_a_test_has_changed_is_named_and_made_anew(tmp_path: Path) -> None:
    made_once = MadeOnce(tmp_path)
    content = made_once.folder("toy", whole) / "content"
    assert made_once.spoiled() == []
    content.write_text("other")
    assert made_once.spoiled() == ["toy"]
    made_once.folder("toy", whole)
    assert content.read_text() == "whole"


def test_what_another_state_of_the_code_made_is_left_for_a_day(tmp_path: Path) -> None:
    new, old = tmp_path / "of another branch", tmp_path / "of last week"
    for place, age_s in ((new, 3600), (old, 7 * 24 * 3600)):
        place.mkdir()
        os.utime(place, (time.time() - age_s,) * 2)
    MadeOnce(tmp_path)
    assert new.exists()
    assert not old.exists()

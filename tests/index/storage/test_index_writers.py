"""One writes at a time, and nobody undoes what another has published."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from index_folders import (
    answers,
    grown,
    toy,
    updated,
)
from processes import line_of, started_python

from longtail.index.errors import (
    LockedIndexError,
    StaleIndexError,
)
from longtail.index.storage.lock import index_lock
from longtail.index.storage.store import (
    open_index,
    rollback,
    save_index,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return updated(tmp_path / "run" / "index")


def test_a_second_writer_is_told_who_holds_the_lock(folder: Path) -> None:
    index = open_index(folder)
    script = (
        "import sys; from pathlib import Path; from longtail.index.storage.lock import index_lock\n"
        "with index_lock(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with started_python("-c", script, folder) as holder:
        assert line_of(holder) == "held"
        message = rf"index is locked by process {holder.pid} on \S+ since 20\S+\+00:00; wait until"
        for write in (lambda: save_index(grown(index, 1), folder), lambda: rollback(folder)):
            with pytest.raises(LockedIndexError, match=message):
                write()
        assert answers(open_index(folder)) == answers(index)
    # It was killed, and so never released the lock.
    assert save_index(grown(index, 1), folder) == "v0003"


def test_a_thread_can_hold_the_lock_from_reading_to_publishing_and_another_can_not(
    folder: Path,
) -> None:
    told: list[str] = []

    def write_too() -> None:
        try:
            save_index(toy(), folder)
        except LockedIndexError as error:
            told.append(str(error))

    with index_lock(folder):
        index = open_index(folder)
        other = threading.Thread(target=write_too)
        other.start()
        other.join()
        save_index(grown(index, 1), folder)
        with index_lock(folder):
            save_index(grown(open_index(folder), 1), folder)
    assert len(told) == 1
    assert f"locked by process {os.getpid()}" in told[0]
    assert open_index(folder).n_items == 36


def test_what_another_has_published_meanwhile_is_not_undone(folder: Path) -> None:
    mine, theirs = open_index(folder), open_index(folder)
    save_index(grown(theirs, 5), folder)
    with pytest.raises(
        StaleIndexError, match=r"served v0003 since .* from v0002: .*open the index"
    ):
        save_index(grown(mine, 1), folder)
    assert open_index(folder).n_items == 39
    save_index(grown(grown(theirs, 5), 1), folder)  # made from what they have published

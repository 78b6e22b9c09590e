"""Whoever reads while others publish gets whole answers."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest
from index_folders import (
    answers,
    grown,
    number_of,
    save,
    toy,
)
from processes import finish, line_of, started_python

from longtail.index import files
from longtail.index.errors import (
    LongtailError,
)
from longtail.index.storage.store import (
    open_attached,
    rollback,
)
from longtail.index.updates import compact, remove_items


@pytest.fixture
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that nobody waits for, where it is not the plug that is pulled."""
    monkeypatch.setattr(files.os, "fsync", lambda descriptor: None)


@pytest.mark.usefixtures("quick_disk")
@pytest.mark.parametrize("memory_map", [False, True])
def test_a_reader_during_publish_compact_and_rollback_never_gets_a_mixed_answer(
    tmp_path: Path, memory_map: bool
) -> None:
    folder = tmp_path / "index"
    index = toy()
    states = [index, grown(index, 9), remove_items(grown(index, 9), np.arange(0, 30, 2))]
    states.append(compact(states[-1])[0])
    expected = [answers(state) for state in states]
    save(states[0], folder, 0)
    wrong: list[object] = []
    done = threading.Event()
    reads = 0

    def read() -> None:
        nonlocal reads
        kept, number = open_attached(folder, number_of, memory_map=memory_map)
        while not done.is_set():
            try:
                # The index that was opened first goes on answering, whatever is published.
                before = answers(kept) == expected[number]
                kept, number = open_attached(folder, number_of, memory_map=memory_map)
                if not before or answers(kept) != expected[number]:
                    wrong.append(number)
                reads += 1
            except LongtailError as error:
                wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for turn in range(20):
        if turn % 5 == 4:
            rollback(folder)
        else:
            save(states[turn % 4], folder, turn % 4)
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert reads > 2


@pytest.mark.usefixtures("quick_disk")
def test_a_reader_in_another_process_never_gets_a_mixed_answer(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    states = [toy(), grown(toy(), 9)]
    expected = [[list(part) for part in answers(state)] for state in states]
    save(states[0], folder, 0)
    script = (
        "import json, sys; from pathlib import Path\n"
        "from longtail.index.storage.store import open_attached\n"
        "from index_folders import number_of, answers\n"
        "folder, expected = Path(sys.argv[1]), json.loads(sys.argv[2])\n"
        "reads = 0\n"
        "while not (folder.parent / 'done').exists():\n"
        "    index, number = open_attached(folder, number_of, memory_map=True)\n"
        "    assert [list(part) for part in answers(index)] == expected[number]\n"
        "    reads += 1\n"
        "    if reads == 1: print('reading', flush=True)\n"
        "print(reads)"
    )
    with started_python("-c", script, folder, json.dumps(expected)) as reader:
        assert line_of(reader) == "reading"
        for turn in range(30):
            save(states[turn % 2], folder, turn % 2)
        (tmp_path / "done").touch()
        done = finish(reader)
    assert done.code == 0, done.err
    assert int(done.out) > 1

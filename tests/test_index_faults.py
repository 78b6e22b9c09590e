"""Whatever stops a writer or spoils a file, what is served is whole, or refused by name."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from index_toys import build, unit_rows

from index import files
from index.errors import (
    DamagedFileError,
    DiskFullError,
    LockedIndexError,
    LongtailError,
    StaleIndexError,
)
from index.lock import LOCK_FILE, index_lock
from index.origin import Origin
from index.store import (
    index_info,
    open_attached,
    open_index,
    rollback,
    save_index,
    verify_index,
)
from index.updates import add_items, compact, remove_items
from index.vector_index import VectorIndex
from index.versions import Pointer, current_version, point_at

HERE = Path(__file__).parent
DIM = 4


def grown(index: VectorIndex, n: int, seed: int = 1) -> VectorIndex:
    """Return the index with n more items."""
    ids = [f"item {index.n_items + number}" for number in range(n)]
    zeros = np.zeros(n, np.float32)
    vectors = unit_rows(np.random.default_rng(seed), n, index.dim)
    return add_items(index, vectors, zeros, (np.arange(n) % 3).astype(np.int8), ids)


def toy(n: int = 30) -> VectorIndex:
    return build(unit_rows(np.random.default_rng(0), n, DIM))


def answers(index: VectorIndex) -> tuple[list[list[int]], list[str]]:
    queries = unit_rows(np.random.default_rng(99), 6, DIM)
    return index.search(queries, 5).rows.tolist(), index.item_ids.tolist()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An index that was updated, with a file of every kind and an attached one."""
    target = tmp_path / "run" / "index"
    save_index(toy(), target)
    index = remove_items(grown(open_index(target), 4), np.array([2, 5], np.int64))

    def attach(place: Path) -> None:
        (place / "notes.json").write_text("{}")

    save_index(index, target, attach=attach)
    return target


def version_files(folder: Path) -> list[Path]:
    place = folder / current_version(folder).version
    return sorted(path for path in place.rglob("*") if path.is_file())


def test_a_killed_writer_leaves_an_index_that_opens_and_verifies(tmp_path: Path) -> None:
    printed = subprocess.run(
        [sys.executable, str(HERE / "killed_writers.py"), str(tmp_path / "index"), "50", "0"],
        env={**os.environ, "PYTHONPATH": str(HERE.parent), "OMP_NUM_THREADS": "1"},
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    found = json.loads(printed)
    assert found["steps"] >= 40
    assert found["wrong"] == 0
    # The next writer swept up all that the others had left.
    assert found["left"][:2] == [LOCK_FILE, "CURRENT"]
    assert len(found["left"]) == 4


@pytest.mark.parametrize("memory_map", [False, True])
def test_a_flipped_bit_in_any_file_is_refused_by_the_files_name(
    folder: Path, memory_map: bool
) -> None:
    rng = np.random.default_rng(0)
    assert len(version_files(folder)) > 15
    for path in version_files(folder):
        whole = path.read_bytes()
        for place in {0, len(whole) - 1, *rng.integers(0, len(whole), 5).tolist()}:
            changed = bytearray(whole)
            changed[place] ^= 1 << int(rng.integers(8))
            _overwrite(path, bytes(changed))
            with pytest.raises(DamagedFileError) as caught:
                open_index(folder, memory_map=memory_map)
            assert path.name in str(caught.value)
        _overwrite(path, whole)
    open_index(folder)


@pytest.mark.parametrize("check", ["sums", "sizes"])
def test_a_file_cut_short_is_refused_by_its_name_whatever_is_checked(
    folder: Path, check: Any
) -> None:
    for path in version_files(folder):
        whole = path.read_bytes()
        for length in {0, len(whole) // 2, len(whole) - 1}:
            _overwrite(path, whole[:length])
            with pytest.raises(DamagedFileError, match=path.name.replace("+", r"\+")):
                open_index(folder, check=check)
        _overwrite(path, whole)


def test_damage_in_a_file_that_versions_share_is_seen_in_both_and_not_published_again(
    folder: Path,
) -> None:
    index = open_index(folder)
    shared = folder / "v0002" / "tail.faiss"
    assert shared.samefile(folder / "v0001" / "tail.faiss")
    content = bytearray(shared.read_bytes())
    content[-1] ^= 1
    _overwrite(shared, bytes(content))
    with pytest.raises(DamagedFileError, match=r"tail\.faiss"):
        rollback(folder)
    save_index(grown(index, 1), folder)
    with pytest.raises(DamagedFileError, match=r"tail\.faiss"):
        open_index(folder)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond ``size`` bytes: writing fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("size", [0, 20, 100, 200, 700, 3_000])
def test_a_file_that_can_not_grow_leaves_the_old_version(folder: Path, size: int) -> None:
    index, before = open_index(folder), listing(folder)
    expected = answers(index)
    with largest_file(size), pytest.raises((DiskFullError, OSError)):
        save_index(grown(index, 40), folder)
    assert listing(folder) == before
    assert answers(open_index(folder)) == expected
    save_index(grown(index, 40), folder)
    assert open_index(folder).n_items == 74


@pytest.mark.parametrize("free_kb", [4, 40, 100, 300])
def test_a_real_disk_that_is_full_leaves_the_old_version(tmp_path: Path, free_kb: int) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount, options = shutil.which("mount"), ["-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if mount is None or subprocess.run([mount, *options], capture_output=True).returncode:
        pytest.skip("this user can't mount a file system")
    try:
        folder = disk / "run" / "index"
        save_index(toy(), folder)
        expected, before = answers(open_index(folder)), listing(folder)
        free = shutil.disk_usage(disk).free
        (disk / "ballast").write_bytes(bytes(max(free - free_kb * 1024, 0)))
        with pytest.raises(DiskFullError, match="nothing was changed"):
            save_index(grown(open_index(folder), 20_000), folder)
        assert listing(folder) == before
        assert answers(open_index(folder)) == expected
        (disk / "ballast").unlink()
        save_index(grown(open_index(folder), 1), folder)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


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
        kept, number = open_attached(folder, _number, memory_map=memory_map)
        while not done.is_set():
            try:
                # The index that was opened first goes on answering, whatever is published.
                before = answers(kept) == expected[number]
                kept, number = open_attached(folder, _number, memory_map=memory_map)
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
        "import json, sys; from pathlib import Path; from index.store import open_attached\n"
        "from test_index_faults import _number, answers\n"
        "folder, expected = Path(sys.argv[1]), json.loads(sys.argv[2])\n"
        "reads = 0\n"
        "while not (folder.parent / 'done').exists():\n"
        "    index, number = open_attached(folder, _number, memory_map=True)\n"
        "    assert [list(part) for part in answers(index)] == expected[number]\n"
        "    reads += 1\n"
        "print(reads)"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", script, str(folder), json.dumps(expected)],
        env={**os.environ, "PYTHONPATH": f"{HERE.parent}:{HERE}", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    for turn in range(30):
        save(states[turn % 2], folder, turn % 2)
    (tmp_path / "done").touch()
    printed, _ = reader.communicate(timeout=60)
    assert reader.returncode == 0
    assert int(printed) >= 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def fuzzed_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    target = tmp_path_factory.mktemp("fuzzed") / "run" / "index"
    save_index(toy(), target)
    save_index(remove_items(open_index(target), np.array([3], np.int64)), target)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files.os, "fsync", lambda descriptor: None)
        yield target


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_a_manifest_with_anything_in_it_opens_or_is_refused_in_one_line(
    fuzzed_folder: Path, data: st.DataObject
) -> None:
    path = fuzzed_folder / current_version(fuzzed_folder).version / "manifest.json"
    whole = path.read_bytes()
    _vouched(fuzzed_folder, path, _spoilt(json.loads(whole), data))
    try:
        for read in (open_index, verify_index, index_info):
            assert "\n" not in _complaint(read, fuzzed_folder)
    finally:
        _vouched(fuzzed_folder, path, whole)
    assert open_index(fuzzed_folder).n_live == 29


@pytest.mark.parametrize(
    ("key", "value"),
    [("dim", float("inf")), ("items", 10**400), ("segments", [])],
    ids=["infinite", "huge", "none"],
)
def test_numbers_that_are_none_are_damage(folder: Path, key: str, value: Any) -> None:
    path = folder / "v0002" / "manifest.json"
    stored = json.loads(path.read_bytes())
    _vouched(folder, path, json.dumps({**stored, key: value}).encode())
    with pytest.raises(DamagedFileError, match=r"manifest\.json"):
        open_index(folder)


def test_a_file_that_the_manifest_does_not_vouch_for_is_not_read(folder: Path) -> None:
    path = folder / "v0002" / "manifest.json"
    stored = json.loads(path.read_bytes())
    del stored["files"]["head.rows.int64"]
    _vouched(folder, path, json.dumps(stored).encode())
    with pytest.raises(DamagedFileError, match=r"no record of head\.rows\.int64; rebuild it"):
        open_index(folder)


def test_an_index_of_the_format_before_is_refused_with_the_command(folder: Path) -> None:
    path = folder / "v0002" / "manifest.json"
    _vouched(folder, path, json.dumps({"format": 1}).encode())
    with pytest.raises(LongtailError, match=r"format 1, .* reads from 2 on; rebuild it with `"):
        open_index(folder)


def test_a_second_writer_is_told_who_holds_the_lock(folder: Path) -> None:
    index = open_index(folder)
    script = (
        "import sys; from pathlib import Path; from index.lock import index_lock\n"
        "with index_lock(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)],
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    message = rf"index is locked by process {holder.pid} on \S+ since 20\S+\+00:00; wait until"
    for write in (lambda: save_index(grown(index, 1), folder), lambda: rollback(folder)):
        with pytest.raises(LockedIndexError, match=message):
            write()
    assert answers(open_index(folder)) == answers(index)
    holder.kill()
    holder.communicate()
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


def listing(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def save(index: VectorIndex, folder: Path, number: int) -> None:
    """Publish the index as a new one, whatever was published before."""

    def attach(place: Path) -> None:
        (place / "number").write_text(str(number))

    save_index(replace(index, origin=Origin()), folder, attach=attach)


def _number(place: Path) -> int:
    return int((place / "number").read_text())


def _complaint(read: Callable[[Path], object], folder: Path) -> str:
    try:
        read(folder)
    except LongtailError as error:
        return str(error)
    return ""


def _overwrite(path: Path, content: bytes) -> None:
    """Change the file in place, as a bad disk does: names that share it share the damage."""
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(content)


def _vouched(folder: Path, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    point_at(folder, Pointer(path.parent.name, files.sha256_of(path)))


def _spoilt(manifest: dict[str, Any], data: st.DataObject) -> bytes:
    """Return the manifest with some entry, at any depth, gone, renamed or replaced."""
    place: Any = manifest
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        inner = place[key]
        if isinstance(inner, dict | list) and inner and data.draw(st.booleans()):
            place = inner
            continue
        break
    if data.draw(st.integers(0, 3)) == 0:
        del place[key]
    else:
        place[key] = data.draw(JSON)
    text = json.dumps(manifest)
    if data.draw(st.integers(0, 5)) == 0:
        text = text[: data.draw(st.integers(0, len(text)))]
    return text.encode()

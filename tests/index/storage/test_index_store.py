"""A stored index comes back with the same answers, or is refused with the way out."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from checkout import SUPPORT_PATH
from index_toys import build, unit_rows
from processes import run_python

from longtail.index import files
from longtail.index.errors import (
    DamagedFileError,
    DiskFullError,
    ForeignIndexError,
    MissingVersionError,
    UnsupportedFormatError,
    VectorIndexError,
)
from longtail.index.faiss_runtime import load_faiss
from longtail.index.storage import store
from longtail.index.storage.lock import LOCK_FILE
from longtail.index.storage.store import index_info, open_index, rollback, save_index, verify_index
from longtail.index.storage.versions import Pointer, point_at
from longtail.index.vector_index import VectorIndex

VERSION_FILES = {
    "manifest.json",
    "ids+0001.utf8",
    "ids+0001.ends.int64",
    *(f"{pool}.{kind}" for pool in ("head", "tail", "cold") for kind in ("faiss", "rows.int64")),
}


def toy(seed: int = 0, n: int = 30) -> VectorIndex:
    rng = np.random.default_rng(seed)
    return build(unit_rows(rng, n, 4), rng.normal(-8, 2, n).astype(np.float32))


def answers(index: VectorIndex) -> list[list[int]]:
    queries = unit_rows(np.random.default_rng(99), 6, index.dim)
    return index.search(queries, 5, popularity_weight=0.2).rows.tolist()


def listing(folder: Path) -> set[str]:
    """Return what lies in the folder, the lock's file left out, which stays there."""
    return {path.name for path in folder.iterdir()} - {LOCK_FILE}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "run" / "index"
    assert save_index(toy(), target) == "v0001"
    return target


def test_an_index_comes_back_with_everything_it_had(folder: Path) -> None:
    before, after = toy(), open_index(folder, expected_fingerprint="tower-a")
    rows = np.arange(30)
    assert answers(after) == answers(before)
    assert (after.vectors(rows) == before.vectors(rows)).all()
    assert (after.popularity(rows) == before.popularity(rows)).all()
    assert after.item_ids.tolist() == before.item_ids.tolist()
    assert after.segment_sizes == before.segment_sizes
    assert after.tower_fingerprint == "tower-a"
    assert {p.name for p in (folder / "v0001").iterdir()} == VERSION_FILES


def test_a_new_process_gives_the_same_answers_from_a_moved_folder(
    folder: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere" / "index"
    shutil.copytree(folder, moved)
    shutil.rmtree(folder)
    script = (
        "import json, sys; from pathlib import Path; "
        "from longtail.index.storage.store import open_index; "
        "from test_index_store import answers; "
        "print(json.dumps(answers(open_index(Path(sys.argv[1])))))"
    )
    path = os.pathsep.join([str(Path(__file__).parent), SUPPORT_PATH])
    done = run_python("-c", script, moved, environment={"PYTHONPATH": path})
    assert done.code == 0, done.err
    assert json.loads(done.out) == answers(toy())


def test_any_string_is_an_item_id(tmp_path: Path) -> None:
    ids = ["", "two\nlines", "tab\t", "\x00", "épée", "商品", "🛒", "\ud800", '"quoted"', "007"]
    index = VectorIndex.build(
        np.eye(10, dtype=np.float32),
        np.zeros(10, np.float32),
        np.zeros(10, np.int8),
        item_ids=ids,
        tower_fingerprint="t",
    )
    save_index(index, tmp_path)
    assert open_index(tmp_path).item_ids.tolist() == ids


def test_empty_segments_and_a_single_item_are_stored(tmp_path: Path) -> None:
    save_index(build(np.ones((1, 2), np.float32)), tmp_path)
    assert open_index(tmp_path).segment_sizes == {"head": 1, "tail": 0, "cold": 0}


def test_the_next_version_is_served_and_the_one_before_is_kept(folder: Path) -> None:
    for seed in (1, 2, 3):
        save_index(toy(seed), folder)
    assert index_info(folder).version == "v0004"
    assert index_info(folder).kept_versions == ("v0003", "v0004")
    assert listing(folder) == {"CURRENT", "v0003", "v0004"}
    assert answers(open_index(folder)) == answers(toy(3))


def test_as_many_versions_are_kept_as_are_asked_for(folder: Path) -> None:
    for seed in range(1, 6):
        save_index(toy(seed), folder, keep=3)
    assert index_info(folder).kept_versions == ("v0004", "v0005", "v0006")
    assert listing(folder) == {"CURRENT", "v0004", "v0005", "v0006"}
    save_index(toy(6), folder, keep=1)
    assert index_info(folder).kept_versions == ("v0006", "v0007")


def test_the_version_before_can_be_served_again_and_so_can_the_later(folder: Path) -> None:
    save_index(toy(1), folder)
    assert rollback(folder) == "v0001"
    assert answers(open_index(folder)) == answers(toy(0))
    assert index_info(folder).kept_versions == ("v0001", "v0002")
    with pytest.raises(MissingVersionError, match=r"no version before v0001; it can serve v0001"):
        rollback(folder)
    assert rollback(folder, "v0002") == "v0002"
    assert rollback(folder, "v0002") == "v0002"
    assert answers(open_index(folder)) == answers(toy(1))


def test_what_is_published_after_a_rollback_replaces_what_was_rolled_back(folder: Path) -> None:
    save_index(toy(1), folder)
    rollback(folder)
    assert save_index(toy(2), folder) == "v0003"
    assert index_info(folder).kept_versions == ("v0001", "v0003")
    rollback(folder)
    assert answers(open_index(folder)) == answers(toy(0))


@pytest.mark.parametrize("name", sorted({*VERSION_FILES, "manifest.sha256"}))
def test_a_damaged_version_is_not_gone_back_to(folder: Path, name: str) -> None:
    save_index(toy(1), folder)
    path = folder / "v0001" / name
    path.write_bytes(path.read_bytes()[:-3] + b"??\n")
    with pytest.raises(DamagedFileError, match=re.escape(name)):
        rollback(folder)
    assert answers(open_index(folder)) == answers(toy(1))


def test_a_folder_without_an_index_has_nothing_to_go_back_to(tmp_path: Path) -> None:
    with pytest.raises(MissingVersionError, match="no published index"):
        rollback(tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []


def test_the_info_says_what_is_stored(folder: Path) -> None:
    info = index_info(folder)
    assert (info.version, info.n_items, info.dim) == ("v0001", 30, 4)
    assert info.items_by_pool == {"head": 10, "tail": 10, "cold": 10}
    assert info.tower_fingerprint == "tower-a"
    stored = (p.stat().st_size for p in (folder / "v0001").iterdir() if p.name != "manifest.json")
    assert info.size_bytes == sum(stored)
    assert info.library_versions["faiss"].startswith("faiss")
    assert info.created.endswith("+00:00")
    assert verify_index(folder) == info


@pytest.mark.parametrize("name", ["CURRENT", *sorted(f"v0001/{n}" for n in VERSION_FILES)])
def test_a_flipped_byte_anywhere_is_caught_and_the_remedy_named(folder: Path, name: str) -> None:
    path = folder / name
    whole = path.read_bytes()
    for place in sorted({*range(0, len(whole), 1 + len(whole) // 40), len(whole) - 1}):
        for flip in (0x01, 0x80):
            changed = bytearray(whole)
            changed[place] ^= flip
            path.write_bytes(changed)
            for read in (open_index, verify_index):
                with pytest.raises(DamagedFileError, match=r"longtail index build \S+run`") as e:
                    read(folder)
                assert "\n" not in str(e.value)
    path.write_bytes(whole)
    assert answers(open_index(folder)) == answers(toy())


@pytest.mark.parametrize("name", sorted(VERSION_FILES))
def test_a_truncated_a_lengthened_and_a_missing_file_are_caught(folder: Path, name: str) -> None:
    path = folder / "v0001" / name
    whole = path.read_bytes()
    for content in (b"", whole[: len(whole) // 2], whole[:-1], whole + b"\0"):
        path.write_bytes(content)
        with pytest.raises(DamagedFileError, match=re.escape(name)):
            open_index(folder)
    path.unlink()
    with pytest.raises(DamagedFileError, match=rf"{re.escape(name)} is missing"):
        open_index(folder)


def test_faiss_never_sees_a_damaged_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        pytest.fail("the file was read before it was verified")

    path = folder / "v0001" / "tail.faiss"
    path.write_bytes(path.read_bytes()[::-1])
    monkeypatch.setattr(store, "read_version", refuse)
    with pytest.raises(DamagedFileError, match=r"tail\.faiss"):
        open_index(folder)


def test_a_well_summed_file_of_another_kind_is_no_index(folder: Path) -> None:
    place = folder / "v0001"
    shutil.copy(place / "ids+0001.utf8", place / "tail.faiss")
    rewrite_manifest(folder, {})
    with pytest.raises(DamagedFileError, match="can't be read as an index") as caught:
        open_index(folder)
    assert "\n" not in str(caught.value)


def test_segments_that_were_exchanged_are_no_index(folder: Path) -> None:
    place = folder / "v0001"
    save_index(toy(n=31), folder)
    shutil.copy(folder / "v0002" / "head.faiss", place / "head.faiss")
    rewrite_manifest(folder, {})
    with pytest.raises(DamagedFileError, match="holds 11 float32 vectors for 10 items"):
        open_index(folder)


def test_a_manifest_that_lacks_an_entry_is_damaged(folder: Path) -> None:
    rewrite_manifest(folder, {"segments": None})
    with pytest.raises(DamagedFileError, match="lacks a readable entry"):
        index_info(folder)


def test_an_index_of_another_tower_is_refused_with_the_command(folder: Path) -> None:
    with pytest.raises(
        ForeignIndexError,
        match=r"index was filled by item tower tower-a, but the bundle holds 0123456789ab; "
        r"rebuild it with `longtail index build \S+run`",
    ):
        open_index(folder, expected_fingerprint="0123456789abcdef")


def test_a_newer_format_is_refused(folder: Path) -> None:
    rewrite_manifest(folder, {"format": 3, "segments": "laid out anew"})
    for read in (open_index, verify_index, index_info):
        with pytest.raises(UnsupportedFormatError, match=r"written by format 3.*upgrade longtail"):
            read(folder)


@pytest.mark.parametrize("kind", ["absent", "empty", "a file"])
def test_a_folder_without_an_index_says_how_to_build_one(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "index"
    if kind == "empty":
        target.mkdir()
    elif kind == "a file":
        target.write_text("no folder")
    for read in (open_index, verify_index, index_info):
        with pytest.raises(MissingVersionError, match="build one with `longtail index build"):
            read(target)


def fail_at_fsync(monkeypatch: pytest.MonkeyPatch, nth: int, failure: BaseException) -> None:
    fsync, calls = os.fsync, iter(range(1, 1_000))

    def count(descriptor: int) -> None:
        if next(calls) == nth:
            raise failure
        fsync(descriptor)

    monkeypatch.setattr(files.os, "fsync", count)


@pytest.mark.parametrize("nth", range(1, 12))
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_a_full_disk_or_ctrl_c_at_any_step_leaves_the_old_version_served(
    folder: Path, monkeypatch: pytest.MonkeyPatch, nth: int, failure: BaseException
) -> None:
    fail_at_fsync(monkeypatch, nth, failure)
    with pytest.raises((DiskFullError, KeyboardInterrupt)):
        save_index(toy(1), folder)
    monkeypatch.undo()
    assert answers(open_index(folder)) == answers(toy(0))
    assert listing(folder) == {"CURRENT", "v0001"}
    save_index(toy(2), folder)
    assert answers(open_index(folder)) == answers(toy(2))


def test_a_disk_that_fills_while_faiss_writes_is_a_full_disk(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(load_faiss(), "PyCallbackIOWriter", lambda write: fail)
    monkeypatch.setattr(load_faiss(), "write_index", lambda flat, writer: writer())
    with pytest.raises(DiskFullError, match="no room to write"):
        save_index(toy(1), folder)
    assert listing(folder) == {"CURRENT", "v0001"}


def test_what_killed_writers_left_is_swept_up_by_the_next(folder: Path) -> None:
    half, pointer = folder / ".v0002.0badcafe.tmp", folder / ".CURRENT.0badcafe.tmp"
    half.mkdir()
    pointer.write_text("v00")
    shutil.copytree(folder / "v0001", folder / "v0002")  # whole, but CURRENT never named it
    with pytest.raises(MissingVersionError, match="no version v0002 to go back to"):
        rollback(folder, "v0002")
    save_index(toy(1), folder, keep=5)
    assert listing(folder) == {"CURRENT", "v0001", "v0003"}


def test_readers_go_on_while_a_writer_publishes(folder: Path) -> None:
    expected = [answers(toy(seed)) for seed in range(6)]
    wrong: list[object] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                if answers(open_index(folder)) not in expected:
                    wrong.append("another answer")
            except VectorIndexError as error:
                wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for seed in range(1, 6):
        save_index(toy(seed), folder)
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []


def rewrite_manifest(folder: Path, changed: dict[str, object]) -> None:
    """Make a manifest, and a CURRENT that vouches for it, of the files as they are now."""
    path = folder / "v0001" / "manifest.json"
    records = files.record_files(path.parent, leave_out={"manifest.json"})
    table = {name: {"size": r.size, "sha256": r.sha256} for name, r in records.items()}
    files.write_json_atomically(path, {**files.read_json(path), "files": table, **changed})
    point_at(folder, Pointer("v0001", files.sha256_of(path)))

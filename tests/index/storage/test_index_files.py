"""A file or folder is published whole or not at all, and a changed one is noticed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from longtail.index import files
from longtail.index.errors import DamagedFileError, DiskFullError, UnsupportedFormatError
from longtail.index.files import (
    FileRecord,
    check_format,
    publish_folder,
    read_json,
    read_records,
    record_files,
    sha256_of,
    verify_files,
    write_file_atomically,
    write_json_atomically,
)

REMEDY = "rebuild it with `longtail train`"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "bundle"
    (root / "tower").mkdir(parents=True)
    (root / "a.txt").write_text("first")
    (root / "tower" / "b.bin").write_bytes(bytes(range(256)))
    return root


def fill_disk(monkeypatch: pytest.MonkeyPatch, code: int = errno.ENOSPC) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.os, "fsync", fail)


def test_the_sum_is_that_of_the_standard(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256_of(tmp_path / "abc").startswith("ba7816bf8f01cfea414140de5dae2223")


def test_every_file_is_recorded_by_its_relative_path(folder: Path) -> None:
    records = record_files(folder)
    assert list(records) == ["a.txt", "tower/b.bin"]
    assert records["tower/b.bin"].size == 256
    verify_files(folder, records, remedy=REMEDY)


def test_a_file_or_a_whole_folder_can_be_left_out(folder: Path) -> None:
    assert list(record_files(folder, leave_out={"tower"})) == ["a.txt"]
    assert list(record_files(folder, leave_out={"a.txt"})) == ["tower/b.bin"]


def test_an_unrecorded_file_is_no_damage(folder: Path) -> None:
    records = record_files(folder)
    (folder / "report.html").write_text("made later")
    verify_files(folder, records, remedy=REMEDY)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"b\.bin is missing; rebuild it"),
        (b"short", r"b\.bin has 5 bytes, but 256 were written; rebuild it"),
        (bytes(256), r"b\.bin is not the file that was written .*; rebuild it"),
    ],
)
def test_a_changed_file_is_named_with_the_difference_and_the_remedy(
    folder: Path, content: bytes | None, message: str
) -> None:
    records = record_files(folder)
    path = folder / "tower" / "b.bin"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=message):
        verify_files(folder, records, remedy=REMEDY)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/../../b"])
def test_a_manifest_can_not_reach_outside_its_folder(folder: Path, name: str) -> None:
    with pytest.raises(DamagedFileError, match="outside it"):
        verify_files(folder, {name: FileRecord(1, "0")}, remedy=REMEDY)


def test_records_survive_json(folder: Path) -> None:
    path, records = folder.parent / "manifest.json", record_files(folder)
    table = {name: {"size": r.size, "sha256": r.sha256} for name, r in records.items()}
    write_json_atomically(path, {"files": table})
    assert read_records(read_json(path), path, remedy=REMEDY) == records


@pytest.mark.parametrize("stored", [{}, {"files": ["a.txt"]}, {"files": {"a.txt": {"size": 1}}}])
def test_a_manifest_without_a_table_of_files_is_damaged(stored: dict[str, object]) -> None:
    with pytest.raises(DamagedFileError, match="no readable table of files"):
        read_records(stored, Path("manifest.json"), remedy=REMEDY)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", None])
def test_what_is_no_json_object_is_damaged(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "manifest.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"manifest\.json .*; rebuild it") as caught:
        read_json(path, remedy=REMEDY)
    assert "\n" not in str(caught.value)


def test_a_newer_format_asks_for_a_newer_longtail() -> None:
    with pytest.raises(
        UnsupportedFormatError, match="written by format 3, this longtail reads up to 1; upgrade"
    ):
        check_format({"format": 3}, Path("manifest.json"), reads=1, remedy=REMEDY)
    check_format({"format": 1}, Path("manifest.json"), reads=1, remedy=REMEDY)


@pytest.mark.parametrize("number", [None, "1", True, 0])
def test_a_manifest_with_no_format_is_damaged(number: object) -> None:
    with pytest.raises(DamagedFileError, match="names no format version"):
        check_format({"format": number}, Path("manifest.json"), reads=1, remedy=REMEDY)


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "CURRENT"
    for text in ("one", "two"):
        with write_file_atomically(path) as temporary:
            temporary.write_text(text)
        assert path.read_text() == text
    assert [p.name for p in path.parent.iterdir()] == ["CURRENT"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_an_interrupted_file_leaves_the_old_one(tmp_path: Path, stop: type[BaseException]) -> None:
    path = tmp_path / "CURRENT"
    path.write_text("old")

    def write_half() -> None:
        with write_file_atomically(path) as temporary:
            temporary.write_text("half")
            raise stop

    with pytest.raises(stop):
        write_half()
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"CURRENT": "old"}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_and_the_old_file_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path = tmp_path / "CURRENT"
    path.write_text("old")
    fill_disk(monkeypatch, code)
    with (
        pytest.raises(DiskFullError, match=r"no room to write .*CURRENT \([\d,]+ bytes free"),
        write_file_atomically(path) as temporary,
    ):
        temporary.write_text("new")
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"CURRENT": "old"}


def test_another_failure_of_the_disk_passes_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_disk(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match=r"\[Errno 5\]"), publish_folder(tmp_path / "run"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_takes_the_place_of_the_old_one(folder: Path) -> None:
    with publish_folder(folder) as temporary:
        assert (folder / "a.txt").exists()
        (temporary / "deep").mkdir()
        (temporary / "deep" / "new.txt").write_text("new")
    assert list(record_files(folder)) == ["deep/new.txt"]
    assert [p.name for p in folder.parent.iterdir()] == ["bundle"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_an_interrupted_folder_leaves_the_old_one(folder: Path, stop: type[BaseException]) -> None:
    before = record_files(folder)

    def write_half() -> None:
        with publish_folder(folder) as temporary:
            (temporary / "half.txt").write_text("half")
            raise stop

    with pytest.raises(stop):
        write_half()
    assert record_files(folder) == before
    assert [p.name for p in folder.parent.iterdir()] == ["bundle"]


def test_a_stop_between_the_two_renames_puts_the_old_folder_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, rename = record_files(folder), os.rename

    def stop_at_publication(source: Path, target: Path) -> None:
        if Path(source).name.endswith(".tmp"):
            raise KeyboardInterrupt
        rename(source, target)

    # Where the two can't change places in one step.
    monkeypatch.setattr(files, "_exchanged", lambda one, other: False)
    monkeypatch.setattr(files.os, "rename", stop_at_publication)
    with pytest.raises(KeyboardInterrupt), publish_folder(folder) as temporary:
        (temporary / "new.txt").write_text("new")
    assert record_files(folder) == before
    assert [p.name for p in folder.parent.iterdir()] == ["bundle"]


def test_a_full_disk_leaves_the_old_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = record_files(folder)
    fill_disk(monkeypatch)
    with pytest.raises(DiskFullError), publish_folder(folder) as temporary:
        (temporary / "new.txt").write_text("new")
    assert record_files(folder) == before
    assert [p.name for p in folder.parent.iterdir()] == ["bundle"]


def test_a_folder_that_must_be_new_replaces_nothing(folder: Path) -> None:
    before = record_files(folder)
    with pytest.raises(FileExistsError), publish_folder(folder, replace=False):
        pass
    assert record_files(folder) == before
    assert [p.name for p in folder.parent.iterdir()] == ["bundle"]


def test_what_is_published_can_be_read_by_others(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        with publish_folder(tmp_path / "run") as temporary:
            (temporary / "a.txt").write_text("a")
    finally:
        os.umask(mask)
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "run" / "a.txt").stat().st_mode & 0o777 == 0o644


def test_every_file_has_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    (usual := tmp_path / "usual").touch()
    with publish_folder(tmp_path / "run") as folder:
        (folder / "deep").mkdir()
        for name in ("a", "deep/b"):
            (folder / name).touch(mode=0o600)
    with write_file_atomically(tmp_path / "alone") as temporary:
        temporary.touch(mode=0o600)
    for name in ("run/a", "run/deep/b", "alone"):
        assert (tmp_path / name).stat().st_mode == usual.stat().st_mode, name

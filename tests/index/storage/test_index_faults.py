"""Whatever stops a writer or spoils a file, what is served is whole, or refused by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkout import PROGRAMS
from full_disk import largest_file, small_disk
from index_folders import (
    answers,
    grown,
    listing,
    overwrite,
    toy,
    updated,
    version_files,
)
from processes import output_of_python

from longtail.index.errors import (
    DamagedFileError,
    DiskFullError,
)
from longtail.index.storage.lock import LOCK_FILE
from longtail.index.storage.store import (
    open_index,
    rollback,
    save_index,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return updated(tmp_path / "run" / "index")


def test_a_killed_writer_leaves_an_index_that_opens_and_verifies(tmp_path: Path) -> None:
    printed = output_of_python(PROGRAMS / "killed_writers.py", tmp_path / "index", 100, 0)
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
            overwrite(path, bytes(changed))
            with pytest.raises(DamagedFileError) as caught:
                open_index(folder, memory_map=memory_map)
            assert path.name in str(caught.value)
        overwrite(path, whole)
    open_index(folder)


@pytest.mark.parametrize("check", ["sums", "sizes"])
def test_a_file_cut_short_is_refused_by_its_name_whatever_is_checked(
    folder: Path, check: Any
) -> None:
    for path in version_files(folder):
        whole = path.read_bytes()
        for length in {0, len(whole) // 2, len(whole) - 1}:
            overwrite(path, whole[:length])
            with pytest.raises(DamagedFileError, match=path.name.replace("+", r"\+")):
                open_index(folder, check=check)
        overwrite(path, whole)


def test_damage_in_a_file_that_versions_share_is_seen_in_both_and_not_published_again(
    folder: Path,
) -> None:
    index = open_index(folder)
    shared = folder / "v0002" / "tail.faiss"
    assert shared.samefile(folder / "v0001" / "tail.faiss")
    content = bytearray(shared.read_bytes())
    content[-1] ^= 1
    overwrite(shared, bytes(content))
    with pytest.raises(DamagedFileError, match=r"tail\.faiss"):
        rollback(folder)
    save_index(grown(index, 1), folder)
    with pytest.raises(DamagedFileError, match=r"tail\.faiss"):
        open_index(folder)


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
    with small_disk(tmp_path / "disk", "1m") as disk:
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

"""A new version writes what is new, shares the rest, and opens in place where that is asked."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from index_toys import build, unit_rows
from processes import output_of_python

from longtail.index.ann.faiss_files import read_faiss
from longtail.index.ann_build import AnnSettings, with_ann
from longtail.index.errors import VectorIndexError
from longtail.index.faiss_runtime import load_faiss
from longtail.index.files import sha256_of
from longtail.index.storage.store import index_info, open_index, rollback, save_index, verify_index
from longtail.index.updates import add_items, compact, remove_items
from longtail.index.vector_index import VectorIndex

DIM = 4


def toy(n: int = 30, storage: Any = "float32") -> VectorIndex:
    rng = np.random.default_rng(0)
    return VectorIndex.build(
        unit_rows(rng, n, DIM),
        rng.normal(-8, 2, n).astype(np.float32),
        (np.arange(n) % 3).astype(np.int8),
        item_ids=[f"item {row}" for row in range(n)],
        tower_fingerprint="tower-a",
        storage=storage,
    )


def grown(index: VectorIndex, n: int = 3) -> VectorIndex:
    ids = [f"item {index.n_items + number}" for number in range(n)]
    vectors = unit_rows(np.random.default_rng(7), n, DIM)
    return add_items(index, vectors, np.zeros(n, np.float32), np.full(n, 2, np.int8), ids)


def answers(index: VectorIndex) -> Any:
    queries = unit_rows(np.random.default_rng(99), 6, DIM)
    found = index.search(queries, 5, popularity_weight=0.2)
    return found.rows.tolist(), found.scores.tolist()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "run" / "index"
    save_index(toy(), target)
    return target


def written(folder: Path, version: str) -> set[str]:
    """Return the names of files that this version shares with no other."""
    return {p.name for p in (folder / version).iterdir() if p.stat().st_nlink == 1}


def test_added_items_are_all_that_is_written(folder: Path) -> None:
    save_index(grown(open_index(folder)), folder)
    assert written(folder, "v0002") == {
        "manifest.json", "cold+0002.faiss", "cold+0002.rows.int64", "ids+0031.utf8",
        "ids+0031.ends.int64",
    }  # fmt: skip
    shared = folder / "v0002" / "head.faiss"
    assert shared.samefile(folder / "v0001" / "head.faiss")
    assert open_index(folder).n_items == 33
    verify_index(folder)


def test_removed_items_are_written_as_positions_only(folder: Path) -> None:
    save_index(remove_items(open_index(folder), np.array([4], np.int64)), folder)
    assert written(folder, "v0002") == {"manifest.json", "tail.removed.int64"}
    removed = np.fromfile(folder / "v0002" / "tail.removed.int64", "<i8")
    assert removed.tolist() == [1]


def test_an_index_that_was_saved_goes_on_sharing_without_being_opened(folder: Path) -> None:
    index = open_index(folder)
    for _ in range(3):
        index = grown(index)
        save_index(index, folder)
    assert "head.faiss" not in written(folder, "v0004")
    fresh = toy()
    save_index(fresh, folder / "other")
    save_index(grown(fresh), folder / "other")
    assert "head.faiss" not in written(folder / "other", "v0002")


def test_what_another_folder_holds_is_copied(folder: Path) -> None:
    other = folder.parent / "second"
    save_index(open_index(folder), other)
    assert written(other, "v0001") == {path.name for path in (other / "v0001").iterdir()}


def test_a_file_system_without_hard_links_gets_copies(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    save_index(grown(open_index(folder)), folder)
    assert "head.faiss" in written(folder, "v0002")
    verify_index(folder)
    assert answers(open_index(folder)) == answers(grown(toy()))


def test_a_version_that_went_away_is_written_again_from_memory(folder: Path) -> None:
    index = open_index(folder)
    shutil.rmtree(folder / "v0001")
    save_index(index, folder)
    assert answers(open_index(folder)) == answers(toy())


def test_rows_that_compaction_renumbers_keep_their_vectors_file(folder: Path) -> None:
    index = remove_items(open_index(folder), np.array([0], np.int64))
    save_index(compact(index)[0], folder)
    assert {"head.faiss", "tail.rows.int64"} < written(folder, "v0002")
    assert "tail.faiss" not in written(folder, "v0002")


@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_a_memory_mapped_index_gives_the_same_answers(tmp_path: Path, storage: Any) -> None:
    index = remove_items(grown(toy(storage=storage)), np.array([1, 31], np.int64))
    save_index(index, tmp_path)
    for check in ("sums", "sizes"):
        mapped = open_index(tmp_path, memory_map=True, check=check)
        assert answers(mapped) == answers(index)
        assert mapped.storage == storage
        assert mapped.item_ids.tolist() == index.item_ids.tolist()
    save_index(grown(mapped), tmp_path)
    assert answers(open_index(tmp_path)) == answers(grown(index))


def test_a_mapped_index_goes_on_answering_when_its_version_is_removed(folder: Path) -> None:
    mapped = open_index(folder, memory_map=True)
    for _ in range(3):
        save_index(build(unit_rows(np.random.default_rng(5), 9, DIM)), folder)
    assert not (folder / "v0001").exists()
    assert answers(mapped) == answers(toy())


def test_a_mapped_index_leaves_its_vectors_in_the_file(tmp_path: Path) -> None:
    n, dim = 20_000, 64
    save_index(build(unit_rows(np.random.default_rng(0), n, dim)), tmp_path)
    script = (
        "import json, sys; from pathlib import Path\n"
        "from longtail.index.storage.store import open_index\n"
        "index = open_index(Path(sys.argv[1]), memory_map=True, check='sizes')\n"
        "lines = [line.split() for line in open('/proc/self/smaps')]\n"
        "shared, file = 0, ''\n"
        "for line in lines:\n"
        "    file = line[-1] if '-' in line[0] else file\n"
        "    if line[0] == 'Size:' and file.endswith('.faiss'): shared += int(line[1])\n"
        "print(shared)"
    )
    if not Path("/proc/self/smaps").exists():
        pytest.skip("this system doesn't tell what is mapped")
    printed = output_of_python("-c", script, tmp_path)
    assert int(printed) * 1024 >= n * (dim + 1) * 4


def test_plain_faiss_opens_and_searches_a_segments_file(folder: Path) -> None:
    faiss = load_faiss()
    plain = faiss.read_index(str(folder / "v0001" / "head.faiss"))
    rows = np.fromfile(folder / "v0001" / "head.rows.int64", "<i8")
    queries = unit_rows(np.random.default_rng(3), 2, DIM)
    weighted = np.concatenate([queries, np.full((2, 1), -0.3, np.float32)], axis=1)
    _, found = plain.search(weighted, 4)
    expected = toy().search(queries, 4, popularity_weight=-0.3, segments=["head"])
    assert rows[found].tolist() == expected.rows.tolist()


def test_a_file_that_asks_for_more_memory_than_it_has_bytes_is_refused(tmp_path: Path) -> None:
    faiss = load_faiss()
    flat = faiss.IndexFlatIP(4)
    flat.add(np.ones((8, 4), np.float32))
    path = tmp_path / "small.faiss"
    faiss.write_index(flat, str(path))
    content = bytearray(path.read_bytes())
    content[37:45] = (2**40).to_bytes(8, "little")  # how many numbers follow
    path.write_bytes(content)
    before = faiss.get_deserialization_vector_byte_limit()
    with pytest.raises(RuntimeError, match="limit"):
        read_faiss(path)
    assert faiss.get_deserialization_vector_byte_limit() == before


def test_altered_bytes_pass_where_only_sizes_are_checked_and_are_caught_by_verify(
    folder: Path,
) -> None:
    path = folder / "v0001" / "head.faiss"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    open_index(folder, check="sizes")
    with pytest.raises(VectorIndexError, match=r"head\.faiss"):
        verify_index(folder)
    with pytest.raises(VectorIndexError, match="no check 'none'; use sums or sizes"):
        open_index(folder, check="none")  # type: ignore[arg-type]


def test_a_version_that_was_served_keeps_the_sum_of_its_manifest(folder: Path) -> None:
    save_index(grown(open_index(folder)), folder)
    kept = (folder / "v0001" / "manifest.sha256").read_text()
    assert kept == f"{sha256_of(folder / 'v0001' / 'manifest.json')}  manifest.json\n"
    assert rollback(folder) == "v0001"
    assert answers(open_index(folder)) == answers(toy())


def test_the_manifest_says_what_is_in_each_segment(folder: Path) -> None:
    save_index(remove_items(grown(open_index(folder)), np.array([0], np.int64)), folder)
    stored = json.loads((folder / "v0002" / "manifest.json").read_text())
    assert [s["name"] for s in stored["segments"]] == ["head", "tail", "cold", "cold+0002"]
    assert [s["removed"] for s in stored["segments"]] == [1, 0, 0, 0]
    info = verify_index(folder)
    assert (info.n_items, info.n_live, info.n_tombstones) == (33, 32, 1)
    assert info.structures == {}


@pytest.mark.parametrize("memory_map", [False, True])
def test_a_structure_comes_back_with_its_settings_and_is_shared(
    tmp_path: Path, memory_map: bool
) -> None:
    rng = np.random.default_rng(4)
    plain = build(unit_rows(rng, 3_000, 8))
    index = with_ann(plain, AnnSettings(structure="IVF8,Flat", target=0.9))
    save_index(index, tmp_path)
    opened = open_index(tmp_path, memory_map=memory_map)
    queries = unit_rows(rng, 20, 8)
    assert (opened.search(queries, 10).rows == index.search(queries, 10).rows).all()
    assert index_info(tmp_path).structures["head"]["factory"].endswith("IVF8,Flat")
    save_index(remove_items(opened, np.array([7], np.int64)), tmp_path)
    assert written(tmp_path, "v0002") == {"manifest.json", "tail.removed.int64"}
    seen = open_index(tmp_path).search(queries, 1_000).rows
    assert not (seen == 7).any()
    compacted, _ = compact(open_index(tmp_path))
    # The pool that was written anew has its structure again, over the items that are left.
    assert [int(s.ann.index.ntotal) for s in compacted.segments if s.ann] == [
        len(s) for s in compacted.segments
    ]

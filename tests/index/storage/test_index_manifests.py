"""A manifest with anything in it opens, or is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from index_folders import (
    toy,
    updated,
    vouched,
)

from longtail.index import files
from longtail.index.errors import (
    DamagedFileError,
    LongtailError,
)
from longtail.index.storage.store import (
    index_info,
    open_index,
    save_index,
    verify_index,
)
from longtail.index.storage.versions import current_version
from longtail.index.updates import remove_items

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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return updated(tmp_path / "run" / "index")


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_manifest_with_anything_in_it_opens_or_is_refused_in_one_line(
    fuzzed_folder: Path, data: st.DataObject
) -> None:
    path = fuzzed_folder / current_version(fuzzed_folder).version / "manifest.json"
    whole = path.read_bytes()
    vouched(fuzzed_folder, path, _spoilt(json.loads(whole), data))
    try:
        for read in (open_index, verify_index, index_info):
            assert "\n" not in _complaint(read, fuzzed_folder)
    finally:
        vouched(fuzzed_folder, path, whole)
    assert open_index(fuzzed_folder).n_live == 29


@pytest.mark.parametrize(
    ("key", "value"),
    [("dim", float("inf")), ("items", 10**400), ("segments", [])],
    ids=["infinite", "huge", "none"],
)
def test_numbers_that_are_none_are_damage(folder: Path, key: str, value: Any) -> None:
    path = folder / "v0002" / "manifest.json"
    stored = json.loads(path.read_bytes())
    vouched(folder, path, json.dumps({**stored, key: value}).encode())
    with pytest.raises(DamagedFileError, match=r"manifest\.json"):
        open_index(folder)


def test_a_file_that_the_manifest_does_not_vouch_for_is_not_read(folder: Path) -> None:
    path = folder / "v0002" / "manifest.json"
    stored = json.loads(path.read_bytes())
    del stored["files"]["head.rows.int64"]
    vouched(folder, path, json.dumps(stored).encode())
    with pytest.raises(DamagedFileError, match=r"head\.rows\.int64 is not among the files"):
        open_index(folder)


def test_an_index_of_the_format_before_is_refused_with_the_command(folder: Path) -> None:
    path = folder / "v0002" / "manifest.json"
    vouched(folder, path, json.dumps({"format": 1}).encode())
    with pytest.raises(LongtailError, match=r"format 1, .* reads from 2 on; rebuild it with `"):
        open_index(folder)


def _complaint(read: Callable[[Path], object], folder: Path) -> str:
    try:
        read(folder)
    except LongtailError as error:
        return str(error)
    return ""


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

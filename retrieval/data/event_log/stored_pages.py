"""The pages of a folder of events on the disk: made anew whenever they aren't there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from longtail.index.errors import LongtailError
from longtail.index.files import (
    FileRecord,
    check_format,
    publish_folder,
    read_json,
    read_records,
    record_files,
    sha256_of,
    verify_files,
    write_json_atomically,
)
from longtail.retrieval.data.event_log.event_pages import EventPages
from longtail.retrieval.data.meaning.behaviours import MEANINGS

FOLDER = "pages"
_FORMAT = 1
_MANIFEST = "manifest.json"
_REMEDY = "remove it: it is made again"
_ARRAYS = {
    "starts": np.int64,
    "item": np.int32,
    "time": np.int64,
    "code": np.int8,
    "said": np.bool_,
    "first": np.bool_,
}
_TEXTS = ("user_ids", "item_ids")


def store_pages(folder: Path, pages: EventPages) -> EventPages:
    """Write pages into a folder of events, and return them as they lie on the disk.

    Raises:
        OSError, DiskFullError: they can't be written; those before stand.
    """
    with publish_folder(folder / FOLDER) as temporary:
        for name in _ARRAYS:
            np.save(temporary / f"{name}.npy", getattr(pages, name))
        for name in _TEXTS:
            offsets, data = _parts(getattr(pages, name))
            np.save(temporary / f"{name}.offsets.npy", offsets)
            np.save(temporary / f"{name}.bytes.npy", data)
        content = {
            "format": _FORMAT,
            "covered": {name: vars(record) for name, record in pages.covered.items()},
            "files": {name: vars(file) for name, file in record_files(temporary).items()},
        }
        write_json_atomically(temporary / _MANIFEST, content)
    return _open(folder / FOLDER, pages.covered)


def load_pages(folder: Path, full: Mapping[str, Path]) -> EventPages | None:
    """Return the pages of a folder of events; None where there are none of its ``full`` files.

    What is damaged is as good as missing: the events themselves are in the files.
    """
    path = folder / FOLDER
    try:
        manifest = read_json(path / _MANIFEST, remedy=_REMEDY)
        check_format(manifest, path / _MANIFEST, reads=_FORMAT, remedy=_REMEDY)
        covered = read_records({"files": manifest["covered"]}, path / _MANIFEST, remedy=_REMEDY)
        if not all(name in full and record_of(full[name]) == covered[name] for name in covered):
            return None
        files = read_records(manifest, path / _MANIFEST, remedy=_REMEDY)
        verify_files(path, files, remedy=_REMEDY)
        pages = _open(path, covered)
        return pages if _agree(pages) else None
    except (LongtailError, OSError, ValueError, KeyError, TypeError):
        return None


def record_of(path: Path) -> FileRecord:
    """Return a file's size and sum."""
    return FileRecord(path.stat().st_size, sha256_of(path))


def _open(path: Path, covered: Mapping[str, FileRecord]) -> EventPages:
    arrays = {name: _mapped(path / f"{name}.npy", dtype) for name, dtype in _ARRAYS.items()}
    texts = {}
    for name in _TEXTS:
        offsets = _mapped(path / f"{name}.offsets.npy", np.int32)
        data = _mapped(path / f"{name}.bytes.npy", np.uint8)
        if not (offsets[0] == 0 and offsets[-1] == len(data) and (np.diff(offsets) >= 0).all()):
            raise ValueError("offsets of texts lie outside them")
        buffers = (pa.py_buffer(offsets), pa.py_buffer(data))
        texts[name] = pa.StringArray.from_buffers(len(offsets) - 1, *buffers)
        texts[name].validate(full=True)
    return EventPages(covered, **arrays, **texts)


def _mapped(path: Path, dtype: Any) -> NDArray[Any]:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.dtype != dtype or array.ndim != 1:
        raise ValueError(f"{path.name} holds something else")
    # The plain array over the same pages: looking one number up is ten times as fast.
    return np.asarray(array)


def _agree(pages: EventPages) -> bool:
    n = len(pages)
    places = (pages.starts, len(pages.user_ids) + 1), (pages.code, n), (pages.said, n)
    return (
        all(len(array) == size for array, size in (*places, (pages.item, n), (pages.first, n)))
        and pages.starts[0] == 0
        and pages.starts[-1] == n
        and bool((np.diff(pages.starts) >= 0).all())
        and bool(((pages.item >= 0) & (pages.item < max(len(pages.item_ids), 1))).all())
        and bool(((pages.code >= 0) & (pages.code < len(MEANINGS))).all())
    )


def _parts(texts: Any) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    _, offsets, data = pa.concat_arrays([texts]).buffers()
    starts = np.frombuffer(offsets, np.int32, len(texts) + 1, texts.offset * 4)
    size = int(starts[-1])
    whole = np.frombuffer(data, np.uint8, size) if size else np.empty(0, np.uint8)
    return (starts - starts[0]).astype(np.int32), whole[starts[0] :]

"""``columns.yaml`` beside data files: which column plays which role, kept for the next command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from longtail.index.files import write_file_atomically
from longtail.retrieval.data.files.columns import FileKind
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.roles.find_roles import mapping_of
from longtail.retrieval.errors import DataError
from longtail.retrieval.plain_yaml import read_yaml

NAME = "columns.yaml"
_KINDS: tuple[FileKind, ...] = ("items", "log", "users")


def with_kept_columns(reading: Reading, paths: Iterable[Path]) -> Reading:
    """Return the reading with what is kept beside files; what was said otherwise wins.

    Raises:
        DataError: a ``columns.yaml`` isn't of its form.
    """
    kept: dict[str, str] = {}
    for folder in dict.fromkeys(path.parent for path in paths):
        kept |= _read(folder / NAME)
    said = {f"{kind}.{role}" for kind in _KINDS for role in mapping_of(kind, reading.columns)}
    fresh = {key: column for key, column in kept.items() if key not in said}
    return replace(reading, columns={**fresh, **reading.columns}) if fresh else reading


def keep_columns(path: Path, roles: Mapping[str, Mapping[str, str]]) -> Path:
    """Write the column of each role, by file, beside a data file; return where.

    Raises:
        DataError: it can't be written.
    """
    target = path.parent / NAME
    content = {kind: dict(columns) for kind, columns in roles.items() if columns}
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
    try:
        with write_file_atomically(target) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"can't write {target}: {error.strerror or error}") from error
    return target


def _read(path: Path) -> dict[str, str]:
    """Return what a file keeps, by file and role: ``items.item_id``."""
    try:
        content = read_yaml(path)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: can't be read: {' '.join(str(error).split())}") from error
    kept: dict[str, str] = {}
    for kind, columns in (content or {}).items() if isinstance(content, dict | None) else [("", 0)]:
        kept |= _of_file(path, kind, columns)
    for known in _KINDS:
        try:
            mapping_of(known, kept)
        except DataError as error:
            raise DataError(f"{path}: ", *error.args) from error
    return kept


def _of_file(path: Path, kind: Any, columns: Any) -> dict[str, str]:
    if kind not in _KINDS or not isinstance(columns, dict):
        raise DataError(
            f"{path}: holds roles and columns below items, log or users, e.g. "
            "items: {item_id: id, title: name}"
        )
    return {f"{kind}.{role}": str(column) for role, column in columns.items()}

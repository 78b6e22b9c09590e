"""Failures of the data, the towers and the bundle; all are `longtail.index.errors.LongtailError`.

LongtailError
├── DataError                 a catalog or interaction file can't be used; names file, row, column
├── ModelNotFoundError        a model name was found in none of the places tried
├── EncoderError              a text encoder is there, and can't be used as the settings ask
├── BackendError              a way of reading texts can't be used on this machine
│   └── ParityError           it gives other vectors than float32; the message has the numbers
├── BundleError               the run folder is incomplete, damaged, or not a run folder
├── LeaseError                another process serves, trains or replaces the run folder
├── UnknownUserError          no such user; near ids are suggested
├── UnknownItemError          no such item; near ids are suggested
└── QueryError                a request that can't be answered as it was put (pool, k, where)
"""

from __future__ import annotations

from collections.abc import Sequence

from longtail.index.errors import LongtailError


class DataError(LongtailError):
    """A catalog or interaction file can't be used; the message names file, row and column."""


class NoRowsError(DataError):
    """A file has a header and nothing below it."""


class ModelNotFoundError(LongtailError):
    """A text encoder was found neither in a folder, nor the hub or its cache, nor a package."""


class EncoderError(LongtailError):
    """A text encoder is there, and the settings ask for more than it has or can read."""


class BackendError(LongtailError):
    """A way of reading texts can't be used: not here, or not with this encoder."""


class ParityError(BackendError):
    """A faster way of reading texts gives other vectors; the message holds the numbers."""


class BundleError(LongtailError):
    """The run folder is incomplete, damaged, or no run folder at all."""


class LeaseError(LongtailError):
    """Another process serves, trains or replaces the run folder, or has replaced it."""


class UnknownUserError(LongtailError):
    """The user id isn't in the bundle."""


class UnknownItemError(LongtailError):
    """The item id isn't in the catalog."""


class QueryError(LongtailError):
    """A request can't be answered as it was put."""


def near_ones(near: Sequence[str]) -> str:
    """Return ids like an unknown one as the end of a sentence, nothing where there are none.

    >>> near_ones(["a1", "a2"]), near_ones([])
    ('; near ones: a1, a2', '')
    """
    return f"; near ones: {', '.join(near)}" if near else ""

"""How files are to be read, where that isn't left to the files themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from longtail.retrieval.data.meaning.behaviours import Meaning

_Said = TypeVar("_Said", str, Sequence[str])
# What a job's files are called where something is said of one of them alone.
FILES = ("items", "log", "users")


@dataclass(frozen=True)
class Reading:
    """What somebody said of how to read the files of a job.

    What may differ from file to file is one value for all, or values by ``items``, ``log`` and
    ``users``, with "" for the others.

    Attributes:
        columns: role to column.
        template: the text template of an item.
        time_format: how the log spells its times, as ``strftime`` would, or ``excel`` or
            ``order``; None for the usual ways.
        events: what an event of this name means, beside the usual ones.
        rating: ``taken``, ``rejected`` and ``none`` as comparisons, like ``>=4``; None: told by
            the scale.
        positive: what is taken, like ``weight>=4`` or ``event=purchase,cart``.
        keep: filters that rows of the log must pass, like ``Quantity>0``.
        trained: whether it is a run that says what rows mean: its log, or a part of it.
        delimiter: what stands between two cells, one character or more.
        encoding: what the bytes are in.
        names: the names of the columns of a file without a header line, in their order.
        decimal: what stands before the decimals of a number, ``.`` or ``,``.
        max_inflated_gb: how large a compressed file may become; None: 64, and no more than
            inflates files that hold something.
        match: by which spelling a log's item ids are compared with the catalog's where they
            aren't there as they stand: zeros, decimal, case, trim, unicode or last.
        allow_loss: whether more than a fifth of a file may be set aside.
        file: which of the files this is about; "" where that isn't known.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    template: str = "auto"
    time_format: str | None = None
    events: Mapping[str, Meaning] = field(default_factory=dict)
    rating: Mapping[str, str] | None = None
    positive: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    trained: bool = False
    delimiter: str | Mapping[str, str] | None = None
    encoding: str | Mapping[str, str] | None = None
    names: Sequence[str] | Mapping[str, Sequence[str]] | None = None
    decimal: str | None = None
    max_inflated_gb: float | None = None
    match: str | None = None
    allow_loss: bool = False
    file: str = ""

    def of(self, file: str) -> Reading:
        """Return the reading of one of the files: items, log or users.

        >>> Reading(delimiter={"log": "::", "": ";"}).of("items").delimiter
        ';'
        """
        return replace(
            self,
            file=file,
            delimiter=_of(file, self.delimiter),
            encoding=_of(file, self.encoding),
            names=_of(file, self.names),
        )


AS_THEY_ARE = Reading()


def _of(file: str, said: _Said | Mapping[str, _Said] | None) -> _Said | None:
    if isinstance(said, Mapping):
        return said.get(file) or said.get("")
    return said

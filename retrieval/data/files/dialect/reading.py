"""How files are to be read, where that isn't left to the files themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from longtail.retrieval.data.meaning.behaviours import Meaning


@dataclass(frozen=True)
class Reading:
    """What somebody said of how to read the files of a job.

    Attributes:
        columns: role to column.
        template: the text template of an item.
        time_format: how the log spells its times, as ``strftime`` would, or ``excel`` or
            ``order``; None for the usual ways.
        events: what an event of this name means, beside the usual ones.
        rating: ``taken`` and ``rejected`` as comparisons, like ``>=4``; None: told by the scale.
        positive: what is taken, like ``weight>=4`` or ``event=purchase,cart``.
        keep: filters that rows of the log must pass, like ``Quantity>0``.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    template: str = "auto"
    time_format: str | None = None
    events: Mapping[str, Meaning] = field(default_factory=dict)
    rating: Mapping[str, str] | None = None
    positive: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()


AS_THEY_ARE = Reading()

"""How files are to be read, where that isn't left to the files themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Reading:
    """What somebody said of how to read the files of a job.

    Attributes:
        columns: role to column.
        template: the text template of an item.
        time_format: how the log spells its times, as ``strftime`` would; None for the usual ways.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    template: str = "auto"
    time_format: str | None = None


AS_THEY_ARE = Reading()

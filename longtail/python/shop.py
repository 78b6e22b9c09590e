"""A shop's catalog, log and users, as frames or files: read, checked, and ready to train on."""

from __future__ import annotations

from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any, Unpack

from longtail.files.input_files import Inputs, make_inputs, set_aside_lines
from longtail.python.failures import failures_for_python
from longtail.python.frames.frame_files import FrameFiles, FrameOrPath
from longtail.python.reading_arguments import ReadingArguments, reading_of
from longtail.retrieval.progress import silent

if TYPE_CHECKING:
    import pandas as pd

    from longtail.python.shop_report import ShopReport


class Shop:
    """A catalog, a log of who took what, and perhaps what is known of users.

    Each is a data frame (pandas, polars, Arrow, ...) or the path of a file; ``items`` alone may be
    a folder as `longtail train` takes it. Without ``interactions`` it is a shop's first day: there
    are texts alone. ``reading`` is what the commands' options say of columns and rows
    (`ReadingArguments`).

    Everything is read at once, as a command reads it, so that what can't be used is refused here.
    Rows that can't be used are set aside and counted: see `rejected` and `report`. The frames
    themselves are never changed.

    Raises:
        MisuseError: an argument is no frame, or can't be meant.
        DataError: a frame or file can't be used; the message names it, the row and the column.

    >>> import pandas as pd
    >>> items = pd.DataFrame({"item_id": [7, 8], "title": ["green tea", "tea pot"]})
    >>> Shop(items)
    Shop(2 items, no interactions)
    """

    def __init__(
        self,
        items: FrameOrPath,
        interactions: FrameOrPath | None = None,
        users: FrameOrPath | None = None,
        **reading: Unpack[ReadingArguments],
    ) -> None:
        self._files = FrameFiles("shop.rejected", "shop.report.suspects")
        said = reading_of(reading)
        with failures_for_python(self._files.spelled):
            named = [
                None if given is None else self._files.path_of(given, name)
                for given, name in ((interactions, "interactions"), (users, "users"))
            ]
            catalog = self._files.path_of(items, "items")
            log, known = named
            is_folder = log is None and catalog.is_dir()
            self._inputs = make_inputs(
                folder=catalog if is_folder else None,
                catalog=None if is_folder else catalog,
                interactions=log,
                users=known,
                reading=said,
                rejected_path=self._files.rejected_path,
                needs_log=False,
            )
            self._data = self._inputs.read(silent)

    @property
    def inputs(self) -> Inputs:
        """The files that a job reads: those of frames are temporary, and this shop's."""
        return self._inputs

    def spelled(self, text: str) -> str:
        """Return a text with the frames' names for their files."""
        return self._files.spelled(text)

    @property
    def notes(self) -> list[str]:
        """What a person should know of the rows: remarks, and how many are set aside and why."""
        lines = set_aside_lines(self._data.rejected, self._files.rejected_path)
        return [self.spelled(line) for line in lines]

    @cached_property
    def rejected(self) -> pd.DataFrame:
        """The rows that were set aside: file, row (from 1), column, reason, value."""
        from longtail.python.shop_report import rejected_frame

        return rejected_frame(self._data.rejected, self._files)

    @cached_property
    def report(self) -> ShopReport:
        """What `longtail data validate` would say."""
        from longtail.python.shop_report import shop_report

        with failures_for_python(self.spelled):
            return shop_report(self._inputs, self._data, self._files)

    def __repr__(self) -> str:
        return f"Shop({self._sizes()})"

    def _sizes(self) -> str:
        catalog, log, users = self._data.catalog, self._data.log, self._data.users
        if not len(log):
            text = f"{len(catalog):,} items, no interactions"
        else:
            text = f"{len(catalog):,} items, {len(log.user_ids):,} users, {len(log):,} interactions"
        return text if users is None else f"{text}, {len(users):,} users with columns"

    def _repr_html_(self) -> str:
        lines = [self._sizes(), *self.notes]
        return "<b>Shop</b><br>" + "<br>".join(escape(line) for line in lines)


def shop_of(given: Any) -> Shop:
    """Return a shop that is given as one; a folder, or a catalog, is one too.

    Raises:
        MisuseError, DataError: as `Shop` says.
    """
    return given if isinstance(given, Shop) else Shop(given)

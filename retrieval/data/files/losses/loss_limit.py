"""How much of a file may be set aside before that is an error."""

from __future__ import annotations

from pathlib import Path

from longtail.index.errors import Field
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.cells import NOT_UTF8
from longtail.retrieval.data.files.data_file import identify
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.dialect.recognition import foreign_encoding
from longtail.retrieval.data.files.dialect.records import BACKSLASHES, TEXT_AFTER_QUOTE
from longtail.retrieval.data.files.losses.unmatched_ids import Hint, hint_for
from longtail.retrieval.data.files.rejected import NOT_IN_CATALOG, RejectedRows
from longtail.retrieval.data.ids.identifier import NO_USER
from longtail.retrieval.errors import DataError

# Of the rows of a file; a handful is no share.
MOST_LOST, A_HANDFUL = 0.2, 3


def refuse_loss(
    path: Path, reading: Reading, rejected: RejectedRows, catalog: Catalog | None = None
) -> None:
    """Refuse a file of which more than a fifth was set aside, unless that is allowed.

    Rows of nobody, as guests' are, don't count. With the ``catalog`` that a log belongs to, the
    message says what would make its items match; where the loss is allowed, that is noted.

    Raises:
        DataError: too much of the file was set aside.
    """
    reasons = {why: n for (file, why), n in rejected.counts().items() if file == str(path)}
    # Visitors without a name are no sign of a file that is read wrongly: many shops have more of
    # them than customers.
    nobody = reasons.pop(NO_USER, 0)
    lost, total = rejected.count(path) - nobody, rejected.size(path) - nobody
    if lost <= max(MOST_LOST * total, A_HANDFUL):
        return
    hint: Hint = ()
    unmatched = rejected.values(path, NOT_IN_CATALOG)
    if catalog is not None and len(unmatched):
        hint = hint_for(path, reading.of("log"), catalog, unmatched, total)
    most = next(iter(reasons))
    said = f"{path}: {lost:,} of {total:,} rows ({lost / total:.0%}) can't be used"
    place = rejected.first(path, reason=most).replace(f": {most} (", " (")
    first = f"; most of them: {most} ({reasons[most]:,}; first {place})"
    if reading.allow_loss:
        if hint:
            rejected.note("".join((f"{path}: {len(unmatched):,} rows: {most}", *hint)))
        return
    if most == NOT_UTF8:
        hint = (*hint, *_hint_of_encoding(path))
    if most == TEXT_AFTER_QUOTE and '\\\\"' in place:
        hint = (*hint, f". {BACKSLASHES}")
    way_out = ". Mend that, or go on without these rows: "
    raise DataError(said, first, *hint, way_out, Field("allow_loss"))


def _hint_of_encoding(path: Path) -> Hint:
    name = foreign_encoding(identify(path))
    what = f", they look like {name} beside others in UTF-8" if name else ""
    convert = f"iconv -f {name or 'NAME'} -t UTF-8"
    said = f"{what}: bring all rows into one encoding ({convert}), or name the one of all: "
    return (said, Field("encoding"), f" {name or 'NAME'}")

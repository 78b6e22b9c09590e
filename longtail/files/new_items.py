"""Items of a new catalog file for a run that stands: read with care, then by its item tower."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.console.remarks import Say, on_stderr
from longtail.console.truncation_note import long_texts_note
from longtail.files.input_files import note_set_aside
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.catalog_schema import conformed
from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.losses.loss_limit import refuse_loss
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.files.roles.find_roles import mapping_of
from longtail.retrieval.data.files.roles.kept_columns import with_kept_columns
from longtail.retrieval.data.files.tables import column_names
from longtail.retrieval.data.suspects.finding import Finding
from longtail.retrieval.progress import Progress
from longtail.retrieval.run.bundle import Bundle, work_folder
from longtail.retrieval.run.catalog_updates import added, change_of, changed
from longtail.retrieval.run.served_run import ServedRun
from longtail.retrieval.run.suspected_items import checks_of, held_back
from longtail.retrieval.towers.backends.choice import choose_for_update, sample_rows
from longtail.retrieval.towers.backends.names import backend_of_run
from longtail.retrieval.towers.catalog_encoding import Texts, embed_texts, list_texts, text_blocks
from longtail.retrieval.towers.text.text_pieces import LongTexts


def read_items(
    path: Path,
    like: Catalog,
    *,
    reading: Reading,
    rejected_path: Path,
    progress: Progress,
    partial: bool = False,
    say: Say = on_stderr,
) -> Catalog:
    """Return the items of a catalog file, checked as in training; rows set aside are on disk.

    With ``partial`` the file may lack a title and what else the run's text template names.

    Raises:
        DataError: the file can't be used.
    """
    reading = with_kept_columns(reading, (path,))
    columns = {**_named_as_before(path, reading, like), **reading.columns}
    reading = replace(reading, template=like.template, columns=columns)
    rejected = RejectedRows()
    try:
        items = read_catalog(
            path, reading=reading, rejected=rejected, progress=progress, partial=partial
        )
        refuse_loss(path, reading, rejected)
    finally:
        rejected.replace(rejected_path)
    unknown = [name for name in items.frame.columns if name not in like.frame.columns]
    if unknown:
        rejected.note(
            f"{path}: the run's catalog has no column {', '.join(map(repr, unknown))}; left out"
        )
    note_set_aside(rejected, rejected_path, say)
    return items


def _named_as_before(path: Path, reading: Reading, like: Catalog) -> dict[str, str]:
    """Return the roles of columns that are named as in the file of the run's catalog."""
    there = column_names(path, reading.of("items"))
    mapped = mapping_of("items", reading.columns)
    return {
        f"items.{role}": column
        for column, role in like.own_names.items()
        if column in there and role not in mapped
    }


@dataclass(frozen=True)
class Updated:
    """A run with the items of a catalog file, and how many were changed, read again, and added.

    Attributes:
        suspects: what those that were read are suspected of.
    """

    served: ServedRun
    known: int
    reread: int
    fresh: int
    suspects: list[Finding]


def with_items(
    served: ServedRun,
    items: Catalog,
    run: Path,
    progress: Progress,
    *,
    vector_cache: Path | None = None,
    quarantine: bool = False,
    say: Say = on_stderr,
) -> Updated:
    """Return the run in which these items have these columns; those that it lacks are added.

    Suspects are found among the texts that are read, and quarantined if that is asked for.
    """
    ids = [str(item) for item in items.item_ids]
    known = served.bundle.catalog.offered(ids) >= 0
    change = change_of(served, items.frame[known])
    texts = change.texts(served.bundle.catalog.template)
    fresh = items.frame[~known].reset_index(drop=True)
    if not known.all():
        texts += items.texts(np.flatnonzero(~known))
    vectors = read_texts(
        served.bundle,
        list_texts(texts),
        len(texts),
        run,
        progress,
        vector_cache=vector_cache,
        say=say,
    )
    read = change.items.iloc[change.reread]
    n_read = len(read)
    if len(fresh):
        read = pd.concat([read, conformed(fresh, served.bundle.catalog.frame)], ignore_index=True)
    found = checks_of(served).findings(read) if len(read) else []
    held = held_back(read, found) & quarantine
    if known.any():
        served = changed(served, change, vectors[:n_read], held[:n_read])
    if len(fresh):
        served = added(served, fresh, vectors[n_read:], held[n_read:])
    return Updated(served, int(known.sum()), n_read, len(fresh), found)


def read_texts(
    bundle: Bundle,
    texts: Texts,
    n: int,
    run: Path,
    progress: Progress,
    *,
    vector_cache: Path | None = None,
    say: Say = on_stderr,
) -> NDArray[np.float32]:
    """Return the item tower's vectors of n texts, float32 [n, d], read as in training.

    A few are read exactly, whatever read the catalog: see `choose_for_update`.
    What is read lies in ``vector_cache``, without one beside the run until `forget_texts`: after
    an interruption the same texts are not read again.
    """
    tower = bundle.item_tower
    if not n:
        return np.empty((0, tower.dim), np.float32)
    reading = bundle.config["item_tower"]
    long_texts: LongTexts = reading.get("long_texts", "cut")
    sample = tower.tokenise(texts(sample_rows(n)))
    choice = choose_for_update(tower, backend_of_run(bundle.summary), sample, n)
    read = embed_texts(
        tower,
        choice.backend,
        text_blocks(tower, texts, n, long_texts),
        n,
        vector_cache or work_folder(run / "index"),
        progress=progress,
    )
    if choice.parity is not None:
        say(f"note: texts are read by {choice.backend.name}: {choice.parity}")
    note = long_texts_note(read.longer, n, tower.max_tokens, long_texts)
    if note:
        say(f"note: {note}")
    return read.projected(tower)


def forget_texts(run: Path) -> None:
    """Remove what `read_texts` keeps."""
    shutil.rmtree(work_folder(run / "index"), ignore_errors=True)

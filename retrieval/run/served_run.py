"""A run as it is served now: what was trained, and what has changed in the catalog since."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from longtail.index.errors import DamagedFileError, MissingVersionError, UnsupportedFormatError
from longtail.index.storage.store import ATTACHED, open_attached, read_attached, save_index
from longtail.index.storage.versions import list_versions, rebuild_command
from longtail.index.vector_index import VectorIndex
from longtail.retrieval.run.bundle import Bundle, open_bundle, open_item_tower, read_manifest
from longtail.retrieval.run.catalog_state import CatalogState
from longtail.retrieval.run.late_items import with_late_lent
from longtail.retrieval.run.learned import name_of, open_learned, remove_unnamed, write_learned
from longtail.retrieval.run.lease import changing
from longtail.retrieval.run.row_mapping import RowMapping


@dataclass(frozen=True)
class ServedRun:
    """A run folder's engine and its index, both of one version.

    Attributes:
        trained: the engine as training left it, or as `longtail learn` did.
        bundle: the same over the served rows: this is what answers.
        index: the vectors of the served rows.
        state: what has changed in the catalog since training.
    """

    trained: Bundle
    bundle: Bundle
    index: VectorIndex
    state: CatalogState

    @classmethod
    def of(cls, trained: Bundle, index: VectorIndex, state: CatalogState | None) -> ServedRun:
        """Return a trained engine laid out for the rows of an index version.

        Raises:
            ValueError: engine, index and state don't belong together.
        """
        bundle, now = laid_out(trained, state)
        _check_agreement(bundle, index)
        rows = RowMapping.of(now.trained_row, len(trained.catalog))
        late = np.flatnonzero((rows.of_served < 0) & ~now.withheld)
        bundle = with_late_lent(bundle, index, late)
        return cls(trained, bundle, index, now)

    def save(self, run: Path) -> str:
        """Serve this from now on: index and catalog in one step; return the version's name.

        Raises:
            DiskFullError: the disk ran out; what was served before still is.
        """
        return save_index(self.index, run / "index", attach=self.state.save)

    def save_learned(self, run: Path) -> tuple[ServedRun, str]:
        """Serve this, which was learned, from now on, in one step; return it and its version.

        Learned states that no kept version names are removed then.

        Raises:
            LockedIndexError: another process is writing into the run.
            DiskFullError: the disk ran out; what was served before still is.
        """
        with changing(run):
            name = write_learned(self.trained, run)
            learned = replace(
                self,
                trained=replace(self.trained, learned=name),
                bundle=replace(self.bundle, learned=name),
                state=replace(self.state, learned=name),
            )
            try:
                version = learned.save(run)
            except BaseException:
                with changing(run):  # in another run's folder it is nobody's to remove
                    remove_unnamed(run)
                raise
            remove_unnamed(run)
        return learned, version


def open_run(run: Path) -> ServedRun:
    """Return the engine in a run folder with its index, every file of them verified.

    Raises:
        BundleError, DamagedFileError, ForeignIndexError, MissingVersionError,
        UnsupportedFormatError: the folder can't be served; the message says what to do.
    """
    return with_index(open_trained(run), run)


def open_trained(run: Path) -> Bundle:
    """Return the engine that the served version is laid out from: as trained, or as learned since.

    Raises:
        BundleError, DamagedFileError, UnsupportedFormatError: see `open_bundle`.
    """
    folder = run / "index"
    try:
        name = read_attached(folder, name_of)
    except (DamagedFileError, MissingVersionError, UnsupportedFormatError):
        # Whoever opens the index says what is wrong with it.
        name = None
    if name is None or not (run / "manifest.json").is_file():
        return open_bundle(run)
    try:
        return open_learned(run, name, open_item_tower(run))
    except DamagedFileError:
        # A writer may have published another one meanwhile.
        newer = read_attached(folder, name_of)
        if newer == name:
            raise
        return open_trained(run)


def with_index(trained: Bundle, run: Path, *, memory_map: bool = False) -> ServedRun:
    """Return the engine of a run's bundle with the index that the run serves.

    Only the index is read and verified, so it takes neither the time nor the memory of
    `open_run`; where the version belongs to another learned state than ``trained``, that too.
    Wrong for a run that was trained anew. ``memory_map`` as in
    `longtail.index.storage.store.open_attached`.

    Raises:
        DamagedFileError, ForeignIndexError, MissingVersionError, UnsupportedFormatError: as
            `open_run` does.
    """

    def read(attached: Path) -> tuple[CatalogState | None, Bundle]:
        state = CatalogState.load(attached)
        return state, _of_version(trained, run, state)

    index, (state, trained_then) = open_attached(
        run / "index",
        read,
        expected_fingerprint=read_manifest(run)["item_tower"],
        memory_map=memory_map,
    )
    try:
        return ServedRun.of(trained_then, index, state)
    except ValueError as error:
        folder = run / "index"
        raise DamagedFileError(
            f"{folder} doesn't belong to {run} ({error}); {rebuild_command(folder)}"
        ) from error


def _of_version(trained: Bundle, run: Path, state: CatalogState | None) -> Bundle:
    name = None if state is None else state.learned
    if name == trained.learned:
        return trained
    return open_bundle(run) if name is None else open_learned(run, name, trained.item_tower)


def laid_out(trained: Bundle, state: CatalogState | None) -> tuple[Bundle, CatalogState]:
    """Return the trained engine over the rows of a state (None: those of training), and the state.

    Raises:
        ValueError: the state isn't one of this engine's catalog.
    """
    if state is None:
        return trained, CatalogState.of_trained(trained.catalog, trained.popularity)
    rows = RowMapping.of(state.trained_row, len(trained.catalog))
    clock = trained.clock
    if clock is not None:
        clock = state.clock or clock.take(rows.of_served)
    bundle = replace(
        trained,
        catalog=state.catalog(trained.catalog),
        popularity=state.popularity(trained.popularity.rule),
        log=rows.events(trained.log),
        user_tower=rows.user_tower(trained.user_tower),
        evidence_models=rows.evidence_models(trained.evidence_models),
        clock=clock,
        user_columns=rows.user_columns(trained.user_columns),
    )
    notes = [*trained.summary.get("notes", []), *_notes(bundle, state)]
    return replace(bundle, summary={**trained.summary, "notes": notes}), state


def read_state(run: Path) -> CatalogState | None:
    """Return what has changed in the catalog since training, whatever became of the vectors.

    None where nothing has.

    Raises:
        DamagedFileError: something has, and can't be read.
    """
    folder = run / "index"
    try:
        return read_attached(folder, CatalogState.load)
    except (DamagedFileError, MissingVersionError, UnsupportedFormatError):
        # Nothing is lost where no version has any changes.
        if any((folder / name / ATTACHED).is_dir() for name in list_versions(folder)):
            raise
    return None


def _check_agreement(bundle: Bundle, index: VectorIndex) -> None:
    catalog, there = bundle.catalog, bundle.popularity.in_pool("all")
    if list(index.item_ids) != catalog.item_ids.tolist():
        raise ValueError("it holds other items than the catalog")
    if not np.array_equal(~index.removed, there):
        raise ValueError("other items are removed than in the catalog")
    if not np.array_equal(index.pool_codes()[there], bundle.popularity.bucket[there]):
        raise ValueError("other items are head, tail and cold than in the catalog")


def _notes(bundle: Bundle, state: CatalogState) -> list[str]:
    """Return what a reader of an evaluation should know of the changes."""
    notes = []
    added = int(((state.trained_row < 0) & ~state.removed).sum())
    gone = len(bundle.catalog) - bundle.catalog.n_offered
    if added or gone:
        notes.append(
            f"the catalog has changed since training: {added:,} added, {gone:,} removed (no "
            "targets)"
        )
    if state.refreshed is not None:
        notes.append(
            f"popularity was renewed on {state.refreshed[:10]} from a log that may hold the test "
            "part: head, tail and the baselines' popularity know more than they should"
        )
    return notes

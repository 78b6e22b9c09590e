"""What an index holds, as tables for a person."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table
from rich.text import Text

from longtail.console.backend_summary import reading_line
from longtail.console.console import one_line
from longtail.index.errors import LongtailError
from longtail.index.storage.info import IndexInfo
from longtail.index.storage.store import index_info
from longtail.retrieval.run.bundle import read_manifest
from longtail.retrieval.run.catalog_state import CatalogState
from longtail.retrieval.run.learned import LEARNED
from longtail.retrieval.run.served_run import read_state


def info_tables(run: Path) -> list[Table]:
    """Return what the served version holds, and how its large segments are searched.

    Raises:
        MissingVersionError, DamagedFileError, UnsupportedFormatError: as `open_index` raises them.
    """
    info = index_info(run / "index")
    table = Table(show_header=False, show_edge=False, pad_edge=False)
    for name, value in _facts(info):
        table.add_row(name, value)
    table.add_row("texts read by", reading_line(read_manifest(run)["summary"]))
    try:
        state = read_state(run)
        changes: list[tuple[str, str | Text]] = [*_learned(run, state), *_changes(state)]
    except LongtailError as error:
        changes = [("catalog", one_line(error))]
    for name, told in changes:
        table.add_row(name, told)
    return [table, _structures(info)] if info.structures else [table]


def _facts(info: IndexInfo) -> list[tuple[str, str]]:
    def joined(counts: dict[str, int]) -> str:
        return ", ".join(f"{name} {count:,}" for name, count in counts.items())

    return [
        ("version", info.version),
        ("kept versions", ", ".join(info.kept_versions)),
        ("created", info.created),
        ("items", f"{info.n_live:,}"),
        ("by pool", joined(info.items_by_pool)),
        ("segments", f"{len(info.segments):,}, with {info.n_tombstones:,} tombstones"),
        ("dimensions", f"{info.dim} in {info.storage}"),
        ("size", f"{info.size_bytes / 2**20:,.1f} MiB"),
        ("searched", "exactly" if not info.structures else "see below; the rest exactly"),
        ("item tower", info.tower_fingerprint[:12]),
        ("written with", ", ".join(f"{n} {v}" for n, v in info.library_versions.items())),
    ]


def _learned(run: Path, state: CatalogState | None) -> list[tuple[str, str]]:
    """Return what the served version has learned since the training."""
    if state is None or not state.learned:
        return []
    about = read_manifest(run / LEARNED / state.learned)["summary"][LEARNED]
    return [
        (
            "learned",
            f"{about['events']:,} events, {about['unseen']:,} of them new then, at {about['at']}",
        )
    ]


def _changes(state: CatalogState | None) -> list[tuple[str, str]]:
    if state is None:
        return [("catalog", "as trained")]
    fitted = "learned" if state.learned else "trained"
    there = ~state.removed
    added = int(((state.trained_row < 0) & there).sum())
    changed = int((state.changed & (state.trained_row >= 0) & there).sum())
    counts = f"as {fitted}" if state.refreshed is None else f"renewed {state.refreshed}"
    return [
        (
            f"catalog since it was {fitted}",
            f"{added:,} added, {changed:,} updated, {int(state.removed.sum()):,} removed and not "
            "yet forgotten",
        ),
        ("quarantined", f"{0 if state.quarantined is None else int(state.quarantined.sum()):,}"),
        ("popularity", counts),
    ]


def _structures(info: IndexInfo) -> Table:
    table = Table(show_edge=False, pad_edge=False, box=None)
    for column in ("segment", "structure", "probes", "depth", "recall", "target", "tuned on"):
        table.add_column(column)
    for segment, report in info.structures.items():
        for setting in report["settings"]:
            table.add_row(
                segment,
                str(report["factory"]),
                str(setting["probes"]),
                str(setting["depth"]),
                f"{setting['recall']:.4f} at {setting['k']}",
                f"{report['target']:g}",
                str(report["tuned_on"]),
            )
    return table

"""The run folder: everything a served model needs, written once and verified when read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from longtail.index.errors import DamagedFileError, Field
from longtail.index.files import (
    check_format,
    read_json,
    read_records,
    record_files,
    verify_files,
)
from longtail.index.unlisted import refuse_unlisted
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.clock.item_clock import ItemClock
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.popularity import POOL_NAMES, Popularity
from longtail.retrieval.data.stored_interactions import load_interactions, save_interactions
from longtail.retrieval.errors import BundleError
from longtail.retrieval.features.evidence_models import EvidenceModels
from longtail.retrieval.features.relevance_head import RelevanceHead
from longtail.retrieval.features.user_columns import UserColumns
from longtail.retrieval.run.checks.evidence_names import unknown_evidence
from longtail.retrieval.run.checks.log_rows import check_log_rows
from longtail.retrieval.run.checks.misread import read_as_written
from longtail.retrieval.run.checks.other_version import (
    OtherVersionError,
    StoredSettings,
    written_by,
)
from longtail.retrieval.run.lease.place import real_place
from longtail.retrieval.run.sealed_json import check_seal, write_sealed_json
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.paired_item_tower import load_item_tower
from longtail.retrieval.towers.text_user_tower import load_user_tower
from longtail.retrieval.towers.user_tower import UserTower

# 2: evidence from the log, and a head that ranks.
FORMAT = 2
REMEDY = "copy the run folder again, or train it again with `longtail train`"

CLOCK = "clock.safetensors"
# Written after training by other commands, each with its own manifest or none: not part of
# what the bundle's hashes cover.
LATER_FILES = (
    "manifest.json",
    "metrics.json",
    "per_user.parquet",
    "report.html",
    "index",
    "learned",
)
ITEM_TOWER = "item_tower"
# Of the manifest: without these nothing can be opened.
NEEDED = (ITEM_TOWER, "bucket_rule", "split", "serving", "config", "summary")
# All that a bundle may be made of; whatever lies there is read, so it must be listed.
PARTS = (
    ITEM_TOWER,
    "user_tower",
    "relevance_head",
    "evidence",
    "users",
    "catalog.parquet",
    "histories.parquet",
    "popularity.parquet",
    CLOCK,
)


@dataclass(frozen=True)
class Serving:
    """What validation chose, and what a query starts from.

    Attributes:
        temperature: the cosine is divided by it.
        popularity_weight: weight of log p at debias 0 (the most probable next item).
        debias: default strength of a query's popularity correction, in [0, 1].
    """

    temperature: float
    popularity_weight: float
    debias: float


@dataclass(frozen=True)
class Bundle:
    """A trained engine without its index: `ServedRun` has both, as they are served.

    Attributes:
        log: all interactions handed to training; `part` says which were train, valid, test.
        config: the settings it was trained with, as plain data.
        summary: what training measured, as plain data.
        clock: how lately items were taken when everything was fitted; None in a log whose times
            are no clock, and in runs that were trained without one.
        user_columns: what is known from a users file, None without one.
        learned: the name of the learned state that this is (`longtail.retrieval.run.learned`);
            None: as trained.
    """

    catalog: Catalog
    popularity: Popularity
    log: Interactions
    item_tower: ItemTower
    user_tower: UserTower
    relevance: RelevanceHead
    evidence_models: EvidenceModels
    serving: Serving
    split_kind: str
    config: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    clock: ItemClock | None = None
    user_columns: UserColumns | None = None
    learned: str | None = None

    @property
    def columns_rank(self) -> bool:
        """Whether what is known of users beside their histories has a say."""
        return self.user_columns is not None and self.user_columns.strength > 0


def write_bundle(bundle: Bundle, folder: Path, *, item_tower: bool = True) -> None:
    """Write the bundle's files and its manifest into an existing, empty folder.

    Publishing the folder in one step is the caller's: see `longtail.index.files.publish_folder`.
    Without ``item_tower`` that is left out: whoever opens the folder brings it.
    """
    if item_tower:
        bundle.item_tower.save(folder / ITEM_TOWER)
    bundle.user_tower.save(folder / "user_tower")
    bundle.relevance.save(folder / "relevance_head")
    bundle.evidence_models.save(folder / "evidence")
    if bundle.user_columns is not None:
        bundle.user_columns.save(folder / "users")
    bundle.catalog.save(folder / "catalog.parquet")
    save_interactions(bundle.log, folder / "histories.parquet")
    if bundle.clock is not None:
        bundle.clock.save(folder / CLOCK)
    _popularity_frame(bundle).to_parquet(folder / "popularity.parquet", index=False)
    write_sealed_json(
        folder / "manifest.json",
        {
            "format": FORMAT,
            ITEM_TOWER: bundle.item_tower.fingerprint(),
            "template": bundle.catalog.template,
            "bucket_rule": bundle.popularity.rule,
            "buckets": bundle.popularity.sizes(),
            "split": bundle.split_kind,
            "serving": asdict(bundle.serving),
            "config": dict(bundle.config),
            "summary": _plain(bundle.summary),
            "versions": library_versions(),
            "files": {
                name: asdict(record)
                for name, record in record_files(folder, leave_out=LATER_FILES).items()
            },
        },
    )


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the bundle's manifest.

    Raises:
        BundleError: the folder isn't a run folder.
        UnsupportedFormatError: it was written by a newer longtail, by one too old, or by one that
            left out what this one needs.
        DamagedFileError: the manifest was altered.
    """
    path = folder / "manifest.json"
    if not os.path.lexists(path):
        interrupted = work_folder(folder).is_dir()
        hint = (
            ("training was interrupted: run `longtail train` again with ", Field("resume"))
            if interrupted
            else ("`longtail train --out` writes one",)
        )
        raise BundleError(f"{folder} is no run folder (it has no manifest.json); ", *hint)
    manifest = read_json(path, remedy=REMEDY)
    check_format(manifest, path, reads=FORMAT, remedy=REMEDY, oldest=FORMAT)
    check_seal(manifest, path, remedy=REMEDY)
    if missing := [name for name in NEEDED if name not in manifest]:
        raise OtherVersionError(folder, written_by(manifest), f"no {missing[0]!r}")
    return manifest


def open_bundle(folder: Path, *, item_tower: ItemTower | None = None) -> Bundle:
    """Return a bundle as it was trained, after checking every file of it against the manifest.

    ``item_tower`` is that of a bundle that was written without.

    Raises:
        BundleError, UnsupportedFormatError: see `read_manifest`.
        DamagedFileError: a file is missing, was altered or isn't listed, or the item tower is
            another one.
    """
    manifest = verify_bundle(folder)
    with read_as_written(folder, manifest, remedy=REMEDY):
        return _bundle(folder, manifest, item_tower)


def verify_bundle(folder: Path) -> dict[str, Any]:
    """Compare every file of a bundle with its manifest, and return that.

    Raises:
        BundleError, DamagedFileError, UnsupportedFormatError: see `open_bundle`.
    """
    manifest = read_manifest(folder)
    records = read_records(manifest, folder / "manifest.json", remedy=REMEDY)
    verify_files(folder, records, remedy=REMEDY)
    refuse_unlisted(folder, records, among=PARTS)
    return manifest


def _bundle(folder: Path, manifest: Mapping[str, Any], item_tower: ItemTower | None) -> Bundle:
    catalog = Catalog.load(folder / "catalog.parquet")
    if item_tower is None:
        item_tower = load_item_tower(folder / ITEM_TOWER)
    if item_tower.fingerprint() != manifest[ITEM_TOWER]:
        raise DamagedFileError(
            f"{folder} belongs to item tower {str(manifest[ITEM_TOWER])[:12]}, and this is "
            f"{item_tower.fingerprint()[:12]}; {REMEDY}"
        )
    counts = pd.read_parquet(folder / "popularity.parquet")["training_count"].to_numpy(np.int64)
    log = load_interactions(folder / "histories.parquet")
    check_log_rows(log, len(catalog))
    relevance = RelevanceHead.load(folder / "relevance_head")
    evidence_models = EvidenceModels.load(folder / "evidence", n_items=len(catalog))
    clock = ItemClock.load(folder / CLOCK, n_items=len(catalog))
    unknown = unknown_evidence(relevance, evidence_models, clock=clock is not None)
    if unknown is not None:
        reason = f"its head reads evidence {unknown!r}"
        raise OtherVersionError(folder, written_by(manifest), reason)
    return Bundle(
        catalog=catalog,
        popularity=Popularity.from_counts(counts, catalog.item_ids, manifest["bucket_rule"]),
        log=log,
        item_tower=item_tower,
        user_tower=load_user_tower(folder / "user_tower", item_tower).eval(),
        relevance=relevance,
        evidence_models=evidence_models,
        serving=Serving(**manifest["serving"]),
        split_kind=manifest["split"],
        config=StoredSettings(manifest["config"], folder, written_by(manifest)),
        summary=manifest["summary"],
        clock=clock,
        user_columns=UserColumns.load(folder / "users", n_items=len(catalog))
        if (folder / "users").is_dir()
        else None,
    )


def open_item_tower(run: Path) -> ItemTower:
    """Return a run's item tower alone, verified as `open_bundle` does."""
    manifest = read_manifest(run)
    records = read_records(manifest, run / "manifest.json", remedy=REMEDY)
    own = {name: record for name, record in records.items() if name.startswith(f"{ITEM_TOWER}/")}
    verify_files(run, own, remedy=REMEDY)
    refuse_unlisted(run, own, among=(ITEM_TOWER,))
    with read_as_written(run, manifest, remedy=REMEDY):
        return load_item_tower(run / ITEM_TOWER)


def work_folder(run: Path) -> Path:
    """Return where an unfinished training of this run keeps its checkpoints and vectors."""
    named = real_place(run)
    return named.with_name(f".{named.name}.work")


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that shape a bundle's numbers."""
    names = ("longtail", "torch", "transformers", "sentence-transformers", "numpy", "pandas")
    versions = {}
    for name in (*names, "faiss-cpu", "faiss-gpu"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _plain(value: Any) -> Any:
    """Return the value with NaN as None: what can't be measured is unknown, also in JSON."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and np.isnan(value) else value


def _popularity_frame(bundle: Bundle) -> pd.DataFrame:
    popularity = bundle.popularity
    return pd.DataFrame(
        {
            "item_id": bundle.catalog.item_ids,
            "training_count": popularity.counts,
            "bucket": [POOL_NAMES[code] for code in popularity.bucket],
            "percentile": popularity.percentile,
            "log_p": popularity.log_p,
        }
    )

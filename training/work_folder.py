"""The working folder of an unfinished training, and whether it belongs to this job."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from longtail.index.errors import Field, LongtailError
from longtail.index.files import read_json, write_json_atomically
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.splits import Split
from longtail.retrieval.run.bundle import work_folder
from longtail.training.settings import TrainingSettings


class ResumeError(LongtailError):
    """The interrupted training was another job than the one asked for."""


def prepare_work_folder(
    out: Path,
    catalog: Catalog,
    split: Split,
    settings: TrainingSettings,
    processes: int = 1,
    *,
    resume: bool,
) -> Path:
    """Return the folder for checkpoints and vectors: emptied, or the interrupted job's.

    Raises:
        ResumeError: ``resume``, and the folder holds the work of other data or settings, or of
            another number of processes: their batches were of another size.
    """
    work = work_folder(out)
    job = _fingerprint(catalog, split, settings, processes)
    marker = work / "job.json"
    if resume and marker.is_file():
        if read_json(marker).get("job") != job:
            raise ResumeError(
                f"{work} holds an interrupted training of other data or settings, or with "
                "another number of processes; run it with those, or train without ",
                Field("resume"),
                " to start over",
            )
        return work
    if work.exists():
        shutil.rmtree(work)
    work.mkdir(parents=True)
    write_json_atomically(marker, {"job": job})
    return work


def _fingerprint(catalog: Catalog, split: Split, settings: TrainingSettings, processes: int) -> str:
    # Who is told changes nothing: an interrupted training may go on without its tracker.
    of_the_job = settings.model_dump(exclude={"tracking"})
    digest = hashlib.sha256(json.dumps(of_the_job, sort_keys=True, default=str).encode())
    digest.update(f"{processes} processes".encode())
    digest.update("\0".join(catalog.item_ids).encode())
    digest.update("\0".join(catalog.texts()).encode())
    for values in (split.interactions.user, split.interactions.item, split.part):
        digest.update(values.tobytes())
    if split.users is not None:
        digest.update("\0".join(split.users.user_ids).encode())
        for column in split.users.columns:
            digest.update("\0".join([column.name, *column.values]).encode())
            digest.update(column.offsets.tobytes() + column.codes.tobytes())
    return digest.hexdigest()

"""One training: from named files to a run folder with its index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from longtail.console.coverage_note import note_unknown_tokens
from longtail.console.files_read.columns_read import columns_lines, columns_read, text_lines
from longtail.console.remarks import Say
from longtail.files.input_files import Inputs, note_set_aside, set_aside_lines
from longtail.files.reading_options import as_set
from longtail.files.run_folder import prepare_run_folder
from longtail.retrieval.data.splits import split
from longtail.retrieval.progress import Progress
from longtail.retrieval.run.lease import TrainingLease, training
from longtail.retrieval.towers.backends.choice import check_backend
from longtail.retrieval.towers.text.weights import resolve_encoder
from longtail.settings import shipped
from longtail.settings.settings_file import load_settings
from longtail.settings.told_settings import with_told
from longtail.training.processes import ALONE, Processes
from longtail.training.profile import UNMEASURED, Profile
from longtail.training.settings import TrainingSettings
from longtail.training.stages.stages import training_device
from longtail.training.train import Trained, train_engine


@dataclass(frozen=True)
class TrainingJob:
    """What is trained on, with which settings, and where it goes.

    Attributes:
        inputs, settings: as `settings_and_inputs` gives them.
        out: the run folder to be.
        resume: whether an interrupted training goes on.
        overwrite: whether a run that is there is replaced.
        vector_cache: a folder that keeps the vectors of texts, None without one.
        profile: what measures where the time goes.
    """

    inputs: Inputs
    settings: TrainingSettings
    out: Path
    resume: bool = False
    overwrite: bool = False
    vector_cache: Path | None = None
    profile: Profile = UNMEASURED


@dataclass(frozen=True)
class TrainedRun:
    """What a training made, and the lines about its files that its last screen repeats."""

    trained: Trained
    remarks: Sequence[str]


def settings_and_inputs(
    config: str | Path | None, overrides: Sequence[str], inputs: Inputs, say: Say
) -> tuple[TrainingSettings, Inputs]:
    """Return a training's settings, and its inputs as these have them read.

    What can be refused is refused here, before an hour of work and not after it. Without
    ``config`` the shipped settings of this machine are taken, and said.

    Raises:
        SettingsError: settings that aren't there, or can't be.
        ModelNotFoundError, EncoderError, BackendError: the text encoder can't be used.
    """
    chosen = config or shipped.name_for_this_machine()
    settings = load_settings(chosen, overrides)
    if config is None:
        say(f"settings: {chosen} (shipped); see `longtail settings`")
    resolve_encoder(settings.item_tower.encoder)
    check_backend(settings.item_tower.backend, training_device())
    if inputs.reading.template == "auto":
        reading = replace(inputs.reading, template=settings.data.template)
        inputs = replace(inputs, reading=reading)
    told = as_set(inputs.reading, settings.data.model_dump())
    # What options say of the log is a setting of the run from here on.
    data = settings.data.changed(events=dict(told.events), positive=told.positive, keep=told.keep)
    return settings.changed(data=data), replace(inputs, reading=told)


def train_run(
    job: TrainingJob,
    *,
    wait_s: float,
    progress: Progress,
    say: Say,
    processes: Processes = ALONE,
) -> TrainedRun:
    """Train, and return what was made; ``say`` takes remarks as they come up.

    ``wait_s``: how long to wait for whoever holds the run folder.

    Raises:
        RunExistsError: something is at ``out`` that nobody said may be replaced.
        LeaseError: another process holds it.
        DataError: a file can't be used.
    """
    with training(job.out, wait_s=wait_s) as lease:
        return _train(job, lease, progress, say, processes)


def _train(
    job: TrainingJob, lease: TrainingLease, progress: Progress, say: Say, processes: Processes
) -> TrainedRun:
    run = prepare_run_folder(lease, job.out, resume=job.resume, overwrite=job.overwrite)
    inputs = job.inputs
    with job.profile.section("reading files"):
        data = inputs.read(progress)
    for line in (*columns_lines(columns_read(inputs, data)), *text_lines(data.catalog)):
        say(line)
    note_set_aside(data.rejected, inputs.rejected_path, say)
    settings = with_told(job.settings, data.rejected)
    _, unknown = note_unknown_tokens(settings.item_tower.encoder, data.catalog, say)
    parts = split(
        data.log,
        settings.data.split,
        valid_share=settings.data.valid_share,
        test_share=settings.data.test_share,
    )
    for warning in parts.warnings:
        say(f"warning: {warning}")
    # From here on the other processes work with this one.
    processes.tell(str(run))
    trained = train_engine(
        data.catalog,
        replace(parts, users=data.users),
        settings,
        run,
        resume=job.resume,
        vector_cache=job.vector_cache,
        progress=progress,
        profile=job.profile,
        processes=processes,
    )
    set_aside = set_aside_lines(data.rejected, inputs.rejected_path)
    return TrainedRun(trained, [*set_aside, *unknown])

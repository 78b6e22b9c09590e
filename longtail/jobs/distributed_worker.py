"""What the second and further processes of `torchrun ... -m longtail train` do."""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from longtail.files.input_files import Inputs
from longtail.index.errors import LongtailError
from longtail.jobs.os_errors import as_known_failure
from longtail.retrieval.data.splits import split
from longtail.retrieval.progress import silent
from longtail.settings.told_settings import with_told
from longtail.training.prepare import help_train
from longtail.training.processes import Processes
from longtail.training.settings import TrainingSettings

INTERRUPTED = 130


class HelpingProcessError(LongtailError):
    """A process other than the first one failed; the message says which, and of what."""


def help_training(
    inputs: Inputs, settings: TrainingSettings, run: Path, processes: Processes, *, resume: bool
) -> None:
    """Read the data, train the stages together with the first process, and leave quietly.

    The first process has read and refused what it wanted to by now, and says all there is to say.

    Raises:
        HelpingProcessError: a failure of this process alone.
        ProcessLostError: another process is gone.
    """
    logging.getLogger("longtail").setLevel(logging.ERROR)
    with _told_apart(processes):
        with tempfile.TemporaryDirectory() as folder:
            # What is set aside stands in the first process's file.
            data = replace(inputs, rejected_path=Path(folder, "rejected.csv")).read(silent)
        settings = with_told(settings, data.rejected)
        parts = split(
            data.log,
            settings.data.split,
            valid_share=settings.data.valid_share,
            test_share=settings.data.test_share,
        )
        help_train(data.catalog, parts, settings, run, resume=resume, processes=processes)


@contextmanager
def _told_apart(processes: Processes) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        # The first process says it for all of them.
        sys.exit(INTERRUPTED)
    except Exception as error:
        known = as_known_failure(error)
        if known is None:
            raise
        place = f"process {processes.rank + 1} of {processes.count}"
        raise HelpingProcessError(f"{place}: {known}") from error

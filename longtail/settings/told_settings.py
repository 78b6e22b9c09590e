"""What a log's events and ratings were taken for, as settings of the run."""

from __future__ import annotations

from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.training.settings import TrainingSettings


def with_told(settings: TrainingSettings, read: RejectedRows) -> TrainingSettings:
    """Return the settings with what the rows of the log were taken for.

    From here on an event of that name, and a rating, mean to the run what they meant in training:
    a day's file alone may tell otherwise.
    """
    data = settings.data
    told = read.told.settings(data.model_dump())
    return settings.changed(data=data.changed(**told))

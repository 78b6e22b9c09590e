"""A run's events made one file, without those that every log of the run holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.event_log.compaction import Compaction, compact
from longtail.retrieval.data.events import EVENTS, UserEvent
from longtail.retrieval.run.bundle import Bundle
from longtail.retrieval.run.learned import bundles_of_versions
from longtail.retrieval.run.lease import changing, serving
from longtail.serving.updates.logged_events import logged


def compact_events(run: Path, *, wait_s: float = 0.0) -> Compaction:
    """Compact a run's events; what any version that can be served lacks in its log stays.

    Raises:
        LeaseError, LockedIndexError: a service has the run, or somebody changes it.
        LongtailError: the run, or its events, can't be read.
    """
    with serving(run, wait_s=wait_s), changing(run, wait_s=wait_s):
        bundles = bundles_of_versions(run)
        return compact(run / EVENTS, lambda events: _in_every_log(bundles, events))


def _in_every_log(bundles: Sequence[Bundle], events: Sequence[UserEvent]) -> NDArray[np.bool_]:
    held = np.ones(len(events), np.bool_)
    for bundle in bundles:
        held &= logged(bundle, events)
    return held

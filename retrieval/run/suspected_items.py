"""What items that come to a served run are suspected of, by its catalog."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.retrieval.data.suspects.finding import Finding
from longtail.retrieval.data.suspects.item_checks import ItemChecks
from longtail.retrieval.run.served_run import ServedRun


def checks_of(served: ServedRun) -> ItemChecks:
    """Return the checks by the served catalog, which reads all its texts once."""
    bundle = served.bundle
    return ItemChecks(bundle.catalog, bundle.popularity.in_pool("head"))


def held_back(items: pd.DataFrame, findings: Sequence[Finding]) -> NDArray[np.bool_]:
    """Return which items something was found of, bool [m]."""
    named = {finding.item_id for finding in findings}
    return np.array([str(item_id) in named for item_id in items["item_id"]], dtype=bool)

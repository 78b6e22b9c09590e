"""What items that come to a served run are suspected of, by its catalog and its vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.retrieval.data.suspects.finding import Finding
from longtail.retrieval.data.suspects.item_checks import ItemChecks
from longtail.retrieval.data.suspects.popular_copies import Copy
from longtail.retrieval.run.served_run import ServedRun


def checks_of(served: ServedRun) -> ItemChecks:
    """Return the checks by the served catalog, which reads all its texts once."""
    bundle = served.bundle
    return ItemChecks(bundle.catalog, bundle.popularity.in_pool("head"))


def suspects(
    served: ServedRun, checks: ItemChecks, items: pd.DataFrame, vectors: NDArray[np.float32]
) -> list[Finding]:
    """Return what items are suspected of; ``vectors`` float32 [m, d] are their texts'.

    ``checks`` may be of an earlier version; what is no longer offered wasn't copied.
    """

    def cosine(copy: Copy) -> float:
        row = served.bundle.catalog.offered([copy.like])
        return float(vectors[copy.line] @ served.index.vectors(row)[0]) if row[0] >= 0 else -1.0

    return checks.findings(items, cosine)


def held_back(items: pd.DataFrame, findings: Sequence[Finding]) -> NDArray[np.bool_]:
    """Return which items something was found of, bool [m]."""
    named = {finding.item_id for finding in findings}
    return np.array([str(item_id) in named for item_id in items["item_id"]], dtype=bool)

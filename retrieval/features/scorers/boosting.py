"""Boosted trees on the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from longtail.index.errors import DamagedFileError
from longtail.retrieval.features.scorers.tree_tables import TreeTables
from longtail.retrieval.features.scorers.trees_text import check_trees

REMEDY = "copy the run folder again"
MODEL_FILE = "trees.txt"


class Boosting:
    """Gradient boosted trees (Ke et al., "LightGBM", NeurIPS 2017), kept as LightGBM's own text.

    Attributes:
        columns: of the evidence that they read.
    """

    kind: ClassVar[str] = "boosting"

    def __init__(self, model: str) -> None:
        import lightgbm

        self._text = model
        self._booster = lightgbm.Booster(model_str=model)
        self.columns: int = self._booster.num_feature()

    @cached_property
    def _tables(self) -> TreeTables | None:
        # Made when asked for: a head of several models has tables of all of them instead.
        return self.together([self])

    def logits(self, evidence: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return raw log-odds [p] of evidence [p, f]."""
        if self._tables is not None:
            return np.asarray(self._tables.sums(evidence)[0], np.float32)
        return self.library_logits(evidence)

    def library_logits(self, evidence: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return `logits` as LightGBM itself works them out: the same, several times slower."""
        if not len(evidence):
            return np.zeros(0, np.float32)
        return np.asarray(self._booster.predict(evidence, raw_score=True), np.float32)

    @staticmethod
    def together(scorers: Sequence[Boosting]) -> TreeTables | None:
        """Return the tables of several models at once: their evidence is then looked up once.

        None where one of them has what tables can't hold.
        """
        return TreeTables.of([scorer._booster.dump_model() for scorer in scorers])

    def importance(self) -> NDArray[np.float64]:
        """Return each column's share of all gain in the trees, float64 [f]."""
        gain = np.asarray(self._booster.feature_importance("gain"), np.float64)
        return gain / max(float(gain.sum()), 1e-12)

    def save(self, folder: Path) -> None:
        """Write the trees."""
        (folder / MODEL_FILE).write_text(self._text)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return trees that `save` wrote.

        Raises:
            DamagedFileError: the file holds something else; LightGBM hasn't read it.
        """
        path = folder / MODEL_FILE
        try:
            text = path.read_text(encoding="ascii")
            check_trees(text)
        except ValueError as error:
            raise DamagedFileError(f"{path} holds no trees ({error}); {REMEDY}") from error
        return cls(text)

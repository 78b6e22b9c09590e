"""The binary relevance head: the probability that this user takes this candidate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtail.index.errors import DamagedFileError
from longtail.index.files import read_json
from longtail.retrieval.features.scorers.boosting import REMEDY, Boosting
from longtail.retrieval.features.scorers.network import Network
from longtail.retrieval.features.scorers.scorer import Scorer
from longtail.retrieval.features.scorers.tree_tables import TreeTables

UNKNOWN = "unknown"
SCORERS: dict[str, type[Scorer]] = {"network": Network, "boosting": Boosting}


@dataclass(frozen=True)
class RelevanceHead:
    """Scorers on named evidence, calibrated.

    Its probabilities refer to the candidates that retrieval hands over: of pairs it gives
    0.1, one in ten was taken. Calibration (Platt, "Probabilistic Outputs for Support Vector
    Machines", 1999) is ``scale * raw logit + shift``.

    Attributes:
        names: the evidence it reads, in the order of the columns.
        counts: whether candidates' training counts are among it.
        scorers: the raw logit is the mean of theirs; none: the head says nothing, and the
            first-stage score ranks.
        scale, shift: of the calibration.
        of_unknown: the head of items that nobody had taken, which reads the same columns; None:
            this one answers for all.
        bonus: log-odds added when lists are ranked, and to no probability.
        prior: whether it was chosen before there was a log to fit one on. It judges items that
            nobody had taken as it judges all others, by evidence of their own.
    """

    names: tuple[str, ...] = ()
    counts: bool = False
    scorers: tuple[Scorer, ...] = ()
    scale: float = 1.0
    shift: float = 0.0
    of_unknown: RelevanceHead | None = None
    bonus: float = 0.0
    prior: bool = False

    @property
    def ranks(self) -> bool:
        """Whether the head has anything to rank by."""
        return bool(self.scorers)

    def ranked(
        self, logits: NDArray[np.float32], unknown: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Return what pairs are ranked by: their log-odds, with the bonus of unknown items."""
        if self.of_unknown is None or not self.of_unknown.bonus:
            return logits
        return np.where(unknown, logits + np.float32(self.of_unknown.bonus), logits)

    def logits(
        self, evidence: NDArray[np.float32], unknown: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """Return calibrated log-odds, float32 [...], of evidence [..., f].

        ``unknown`` bool [...]: pairs whose item nobody had taken; None: there are none.
        """
        if self.of_unknown is not None and unknown is not None and unknown.any():
            out = np.empty(unknown.shape, np.float32)
            out[~unknown] = self.logits(evidence[~unknown])
            out[unknown] = self.of_unknown.logits(evidence[unknown])
            return out
        flat = np.ascontiguousarray(evidence.reshape(-1, evidence.shape[-1]), np.float32)
        raw = np.mean(self._raw(flat), axis=0)
        logits: NDArray[np.float32] = (self.scale * raw + self.shift).astype(np.float32)
        return logits.reshape(evidence.shape[:-1])

    def _raw(self, evidence: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        if self._trees is not None:
            return list(self._trees.sums(evidence).astype(np.float32))
        return [scorer.logits(evidence) for scorer in self.scorers]

    @cached_property
    def _trees(self) -> TreeTables | None:
        """All scorers as one set of tables, where they are trees."""
        trees = [scorer for scorer in self.scorers if isinstance(scorer, Boosting)]
        return Boosting.together(trees) if trees and len(trees) == len(self.scorers) else None

    def save(self, folder: Path) -> None:
        """Write every scorer and what belongs to it."""
        folder.mkdir(parents=True, exist_ok=True)
        config = {
            "names": self.names,
            "counts": self.counts,
            "scorers": [scorer.kind for scorer in self.scorers],
            "scale": self.scale,
            "shift": self.shift,
            **({"bonus": self.bonus} if self.bonus else {}),
            **({"prior": True} if self.prior else {}),
        }
        (folder / "config.json").write_text(json.dumps(config, indent=2))
        for number, scorer in enumerate(self.scorers):
            part = folder / f"scorer_{number}"
            part.mkdir(exist_ok=True)
            scorer.save(part)
        if self.of_unknown is not None:
            self.of_unknown.save(folder / UNKNOWN)

    @classmethod
    def load(cls, folder: Path) -> RelevanceHead:
        """Return a head that `save` wrote.

        Raises:
            DamagedFileError: a scorer is none, or reads other evidence than the head has.
        """
        config = read_json(folder / "config.json", remedy=REMEDY)
        head = cls(
            tuple(config["names"]),
            config["counts"],
            tuple(
                SCORERS[kind].load(folder / f"scorer_{number}")
                for number, kind in enumerate(config["scorers"])
            ),
            config["scale"],
            config["shift"],
            cls.load(folder / UNKNOWN) if (folder / UNKNOWN).is_dir() else None,
            config.get("bonus", 0.0),
            config.get("prior", False),
        )
        unknown = () if head.of_unknown is None else head.of_unknown.scorers
        for scorer in (*head.scorers, *unknown):
            # The compiled loops ask no bounds.
            if scorer.columns != len(head.names):
                raise DamagedFileError(
                    f"{folder} holds a scorer of {scorer.columns} columns of evidence, and names "
                    f"{len(head.names)}; {REMEDY}"
                )
        return head


def probability(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probabilities of log-odds; NaN stays.

    >>> probability(np.array([0.0, -np.inf], dtype=np.float32)).tolist()
    [0.5, 0.0]
    """
    # Beyond 700 the exponential has no number, and the probability is 0.
    return (1.0 / (1.0 + np.exp(np.minimum(-logits.astype(np.float64), 700)))).astype(np.float32)

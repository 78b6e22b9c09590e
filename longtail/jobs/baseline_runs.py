"""The baselines of an evaluation, tuned and made one at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.baselines.registry import METHODS, Material
from longtail.evaluation.baselines.tuning import MAX_USERS, Budget, Tuned, tune
from longtail.evaluation.baselines.validation_score import ValidationPart
from longtail.evaluation.fallback import WithFallback
from longtail.evaluation.protocol import Recommender
from longtail.evaluation.score_recommender import ScoreRecommender
from longtail.index.errors import LongtailError
from longtail.retrieval.data.interactions import TRAIN, VALID
from longtail.retrieval.progress import Progress
from longtail.retrieval.run.bundle import Bundle


@dataclass
class Rivals:
    """Makes the chosen baselines of a run, and keeps a record of how each came about.

    Attributes:
        names: keys of `longtail.evaluation.baselines.registry.METHODS`.
        strengths: debias strengths that each answers for.
        budget: what each may spend on its settings; None takes the usual setting, untuned.
        say: takes one line about each, when it is ready.
        text_vectors: gives the catalog's vectors by the pretrained encoder, unit rows [n, d].
        fallback: answers users without a history for every method that reads histories; None
            leaves them to the methods themselves, which have no answer.
        records: ``name``, ``setting``, ``tried``, ``offered``, ``seconds``,
            ``validation_ndcg@10``, ``left_out`` (the reason, or None) and ``note`` (what a reader
            of its numbers should know) of each, ready for JSON; and with a fallback
            ``without_history``, the name of who answers users without a history.
    """

    bundle: Bundle
    names: Sequence[str]
    strengths: tuple[float, ...]
    budget: Budget | None
    seed: int
    progress: Progress
    say: Callable[[str], None]
    text_vectors: Callable[[], NDArray[np.float32]]
    fallback: Recommender | None = None
    records: list[dict[str, object]] = field(default_factory=list)

    def made(self) -> Iterator[Recommender]:
        """Yield each baseline fitted on the training part; nothing here holds on to it.

        One that can't be made (a library that is missing, a catalog too large for a dense
        matrix) is left out, and its record says why.
        """
        log = self.bundle.log
        n_items = len(self.bundle.catalog)
        validation = ValidationPart.of(log, n_items, max_users=MAX_USERS, seed=self.seed)
        seconds = math.inf if self.budget is None else self.budget.seconds
        material = Material(self.text_vectors, validation, self.seed, self.progress, seconds)
        for number, name in enumerate(self.names):
            self.progress("tuning baselines", number, len(self.names))
            recommender = self._make(name, material)
            if recommender:
                # Popped on the way out: a name for it would keep it while the next is made.
                yield recommender.pop()
        if self.names:
            self.progress("tuning baselines", len(self.names), len(self.names))

    def _make(self, name: str, material: Material) -> list[Recommender]:
        """Return the one recommender, or none."""
        method, bundle = METHODS[name], self.bundle
        log = bundle.log
        part = np.zeros(len(log), np.int8) if log.part is None else log.part
        try:
            if method.reads_texts:
                # The encoder's minute serves several methods and is on no method's budget.
                _ = material.vectors
            tuned = tune(
                lambda setting: method.make(material, setting),
                method.grid,
                log.select(part == TRAIN),
                bundle.catalog,
                bundle.popularity,
                validation=None if self.budget is None else material.validation,
                budget=self.budget or Budget(),
            )
            if bundle.config.get("refit"):
                # The engine's evidence saw the valid part after the choices; so do its rivals.
                again = getattr(tuned.baseline, "refit", tuned.baseline.fit)
                again(log.select(part <= VALID), bundle.catalog)
        except LongtailError as error:
            self._leave_out(name, str(error))
            return []
        return [self._recommender(tuned, self.fallback if method.reads_history else None)]

    def _recommender(self, tuned: Tuned, fallback: Recommender | None) -> Recommender:
        name, ndcg = tuned.baseline.name, tuned.ndcg
        note = str(getattr(tuned.baseline, "note", ""))
        self.records.append(
            {
                "name": name,
                "setting": dict(tuned.setting),
                "tried": tuned.tried,
                "offered": tuned.offered,
                "seconds": round(tuned.seconds, 2),
                "validation_ndcg@10": None if math.isnan(ndcg) else round(ndcg, 5),
                "left_out": None,
                "note": note,
                **({"without_history": (fallback or tuned.baseline).name} if self.fallback else {}),
            }
        )
        setting = ", ".join(f"{key} {value:g}" for key, value in tuned.setting.items())
        chosen = (
            f"best of {tuned.tried} settings, validation NDCG@10 {ndcg:.4f}"
            if tuned.tried
            else "usual setting, not tuned"
        )
        said = f"{chosen}; {tuned.seconds:.0f} s{'; ' + note if note else ''}"
        self.say(f"{name}: {setting or 'no settings'} ({said})")
        ranked = ScoreRecommender(
            tuned.baseline, self.bundle.popularity, self.strengths, standardise=True
        )
        return WithFallback(ranked, fallback) if fallback else ranked

    def _leave_out(self, name: str, reason: str) -> None:
        title = METHODS[name].title
        record = {"name": title, "setting": {}, "tried": 0, "offered": len(METHODS[name].grid)}
        self.records.append(
            {**record, "seconds": 0.0, "validation_ndcg@10": None, "left_out": reason}
        )
        self.say(f"left out: {title}: {reason}")

"""What engines give of the next period: never updated, updated by `learn`, trained anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from arriving_items.engines import Engines
from arriving_items.folders import CATALOG, LOG
from arriving_items.late import MOST_USERS, Engine, K, Opener
from arriving_items.periods import OLD_AFTER, Periods

from longtail.cli import COMMANDS
from longtail.evaluation.baselines.text.content import ContentKNN
from longtail.evaluation.engine import EngineRecommender
from longtail.evaluation.errors import EvaluationError
from longtail.evaluation.evaluator import evaluate
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.popularity import Popularity

NEVER, LEARN, FULL, TEXTS = "never", "learn", "full", "texts alone"
# Name of a figure -> the evaluation's metric, and whose targets are asked for.
FIGURES = {
    "R@10": ("recall", "all"),
    "tail R": ("tail_recall", "all"),
    "cold R": ("cold_recall", "all"),
    "late R, never taken": ("recall", "late, 0"),
    "late R, taken 1 to 4 times": ("recall", "late, 1-4"),
    "late R, taken 5 times or more": ("recall", "late, 5+"),
    "old users' R": ("recall", "old users"),
}


@dataclass(frozen=True)
class NextPeriods:
    """The engines of a data set's periods, each made where it isn't there yet."""

    periods: Periods
    engines: Engines

    def run(self, kind: str, period: int) -> Path | None:
        """Return the run that answers in a period; None where the command doesn't exist yet.

        All of them have the items that have come by the period's end, and an engine that is never
        updated gets them, as the others get the newest, by `longtail index add`.
        """
        first = self._trained(self.periods.first)
        if kind == NEVER:
            return self._grown(first, self.periods.first, period, kind)
        if kind == FULL:
            return self._grown(self._trained(period), period, period, kind)
        if "learn" not in COMMANDS:
            return None
        run = first
        for step in self.periods.measured:
            if step > period:
                break
            run = self._learned(run, step)
        return self._grown(run, period, period, kind)

    def _folder(self, period: int) -> Path:
        return self.periods.write(self.engines.work / f"before-{period}-data", period)

    def _trained(self, period: int) -> Path:
        return self.engines.trained(self._folder(period), f"{FULL}-{period}")

    def _learned(self, run: Path, period: int) -> Path:
        folder = self._folder(period)
        options = ["--interactions", str(folder / LOG), "--catalog", str(folder / CATALOG)]
        return self.engines.updated(run, ["learn"], options, f"{LEARN}-{period}")

    def _grown(self, run: Path, known: int, period: int, kind: str) -> Path:
        """Return a run with the items that have come since it was made."""
        items, before = self.periods.catalog(period), self.periods.catalog(known - 1)["item_id"]
        more = items[~items["item_id"].isin(before)]
        if not len(more):
            return run
        return self.engines.with_items(run, more, f"{kind}-in-{period}")

    def measured(self, opened: Opener = Engine.open) -> list[dict[str, Any]]:
        """Return a record a period: figures of each kind of engine, and the seconds it took."""
        records = []
        for period in self.periods.measured:
            record: dict[str, Any] = {"period": period + 1}
            for kind in (NEVER, LEARN, FULL):
                run = self.run(kind, period)
                if run is not None:
                    record |= self.figures(opened(run), kind, period)
            made = {kind: self.engines.seconds(f"{kind}-{period}") for kind in (LEARN, FULL)}
            records.append({**record, "seconds": {k: s for k, s in made.items() if s}})
        return records

    def figures(self, engine: Engine, kind: str, period: int) -> dict[str, Any]:
        """Return what an engine gives of the period's items, by whose and which they are.

        Head, tail and cold, and who is old, are counted in all events before the period,
        whatever the engine knows of them.
        """
        before, during = self.periods.before(period), self.periods.during(period)
        users = pd.Index(pd.unique(pd.concat([before["user_id"], during["user_id"]])))
        known, test = (_interactions(engine, events, users) for events in (before, during))
        catalog = engine.retriever.bundle.catalog
        counts = known.user_counts(len(catalog))
        popularity = Popularity.from_counts(counts, catalog.item_ids)
        histories = Histories.from_interactions(known)
        newest = before.groupby("user_id")["period"].max().reindex(users).to_numpy()
        late = np.isin(catalog.item_ids, list(self.periods.late()))
        has_history = np.diff(histories.offsets) > 0
        test = test.select(has_history[test.user])
        times = counts[test.item]
        asked = {
            "all": np.ones(len(test), bool),
            "late, 0": late[test.item] & (times == 0),
            "late, 1-4": late[test.item] & (times > 0) & (times < 5),
            "late, 5+": late[test.item] & (times >= 5),
            "old users": newest[test.user] <= period - OLD_AFTER,
        }
        ranked: list[Any] = [replace(engine.recommender(), strengths=(0.0,))]
        names = {kind: EngineRecommender.name}
        if kind == FULL:
            ranked.append(engine.texts())
            names[TEXTS] = ContentKNN.name
        record: dict[str, Any] = {name: {} for name in names}
        for whose, chosen in asked.items():
            part = _some_users(test.select(chosen))
            try:
                found = evaluate(ranked, part, histories, popularity, ks=(K,), pools=("all",))
            except EvaluationError:  # nobody took any of these
                continue
            for figure, (metric, of) in FIGURES.items():
                for name, recommender in names.items():
                    value = found.value(recommender, metric)
                    if of == whose and np.isfinite(value):
                        record[name][figure] = float(value)
                        record.setdefault("users", {})[figure] = found.settings["users"]
        return record


def _interactions(engine: Engine, events: pd.DataFrame, users: pd.Index[str]) -> Interactions:
    """Return events by the engine's rows; those with items that it doesn't have are left out."""
    has_clock = "timestamp" in events
    time = events["timestamp" if has_clock else "pos"].to_numpy(np.int64)
    user = users.get_indexer(events["user_id"])
    item = engine.retriever.bundle.catalog.rows_of(events["item_id"].tolist())
    order = np.lexsort((np.arange(len(events)), time, user))
    order = order[item[order] >= 0]
    return Interactions(
        users.to_numpy(dtype=object),
        user[order].astype(np.int32),
        item[order].astype(np.int32),
        time[order],
        has_clock,
    )


def _some_users(test: Interactions) -> Interactions:
    users = np.unique(test.user)
    if len(users) <= MOST_USERS:
        return test
    drawn = np.random.default_rng(0).choice(users, MOST_USERS, replace=False)
    return test.select(np.isin(test.user, drawn))

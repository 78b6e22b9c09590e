"""One draw of late items from one data set: three engines, and what each gives of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from arriving_items.copies import choose_originals, copies_of, measure_copies
from arriving_items.engines import Engines
from arriving_items.folders import Dataset, draw_late_items
from arriving_items.late import Engine, Opener, compare, measure_late, measure_rest

SHARE = 0.1
NEVER, LATE, COLD, COPIES = "never", "late", "cold", "copies"


@dataclass(frozen=True)
class Draw:
    """Late items of a data set, and where the engines lie that know them or don't.

    ``never`` was trained without them and never hears of them; ``late`` is the same run with the
    items added; ``cold`` was trained with the items, but without their events.
    """

    data: Dataset
    number: int
    late_items: list[str]
    engines: Engines

    @classmethod
    def of(cls, data: Dataset, number: int, engines: Engines) -> Draw:
        """Return a draw by its number, which is also the seed that its engines are trained with."""
        late_items = draw_late_items(data.bucket, SHARE, number)
        return cls(data, number, late_items, replace(engines, work=engines.work / f"draw-{number}"))

    @property
    def rows(self) -> pd.DataFrame:
        """The late items as the catalog has them."""
        return self.data.items[self.data.items["item_id"].isin(self.late_items)]

    @property
    def questions(self) -> pd.DataFrame:
        """Who took which late item in the test part."""
        return self.data.test_events(self.late_items)

    def trained(self, name: str) -> Path:
        """Return the run of ``never`` or ``cold``."""
        folder = self.engines.work / f"{name}-data"
        if not folder.exists():
            part = folder.with_suffix(".part")
            self.data.write(part, without=self.late_items, unheard=name == NEVER)
            part.rename(folder)
        return self.engines.trained(folder, name, seed=self.number)

    def run(self, name: str) -> Path:
        """Return a run by its name."""
        if name == LATE:
            return self.engines.with_items(self.trained(NEVER), self.rows, LATE)
        return self.trained(name)

    def measured(self, opened: Opener = Engine.open, against: Path | None = None) -> dict[str, Any]:
        """Return every figure of the draw.

        ``against`` holds the same draw of another engine, measured before: everybody else is
        compared with it user by user.
        """
        record: dict[str, Any] = {"draw": self.number, "items": len(self.late_items)}
        rest: dict[str, Any] = {}
        users: dict[str, pd.DataFrame] = {}
        for name in (NEVER, LATE, COLD):
            engine = opened(self.run(name))
            if name != NEVER:
                record[name] = measure_late(engine, self.questions)
            rest[name], found = measure_rest(engine)
            users[name] = found.per_user
            found.per_user.to_parquet(self.engines.work / f"rest-{name}.parquet")
        rest["late against never"] = compare(users[LATE], users[NEVER])
        for name in (NEVER, LATE, COLD) if against is not None else ():
            other = pd.read_parquet(against / self.engines.work.name / f"rest-{name}.parquet")
            rest[f"{name} against before"] = compare(users[name], other)
        made = {name: self.engines.seconds(name) for name in (NEVER, LATE, COLD)}
        return {**record, "rest": rest, "seconds": made}

    def measured_copies(self, opened: Opener = Engine.open) -> dict[str, Any]:
        """Return in how many lists copies come up; the cold ones are the ``cold`` engine's."""
        run = self.run(COLD)
        originals = choose_originals(opened(run))
        grown = self.engines.with_items(run, copies_of(self.data.items, originals), COPIES)
        return measure_copies(opened(grown), originals)

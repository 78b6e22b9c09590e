"""A log cut into periods by time: what is known before each, and which items have come by then."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from arriving_items.folders import CATALOG, LOG, Dataset
from numpy.typing import NDArray

from longtail.retrieval.data.interactions import PARTS

N_PERIODS = 5
# Of them the first engine is trained on; of a log without times on its train part.
FIRST = 2
VALID_SHARE = 0.1
# A user whose last event lies so many periods back is one whom an update may forget.
OLD_AFTER = 2
ADDED = "added"


@dataclass(frozen=True)
class Periods:
    """A dated log, or one whose owner cut it by time.

    Attributes:
        data: catalog, log and users file.
        period: of each event, int64 [m].
        arrival: the period in whose course each item comes into the catalog, by item id; 0 for
            what was always there.
        first: periods that the first engine is trained on.
    """

    data: Dataset
    period: NDArray[np.int64]
    arrival: pd.Series[int]
    first: int

    @classmethod
    def of(cls, data: Dataset) -> Periods:
        """Return five periods of as many events each, or the owner's three parts.

        An item comes on the day that the catalog's column ``added`` names, or else in the period
        of its first event.
        """
        events, items = data.events, data.items
        if "timestamp" in events:
            time = events["timestamp"].to_numpy(np.int64)
            cuts = np.quantile(time, np.arange(1, N_PERIODS) / N_PERIODS)
            period, first = np.searchsorted(cuts, time, side="right"), FIRST
        else:
            period = pd.Index(PARTS).get_indexer(events["split"])
            first, cuts = 1, np.empty(0)
        if ADDED in items and len(cuts):
            days = pd.to_datetime(items[ADDED], utc=True).astype("datetime64[s, UTC]")
            arrival = pd.Series(
                np.searchsorted(cuts, days.astype(np.int64), side="right"), index=items["item_id"]
            )
        else:
            arrival = pd.Series(period).groupby(events["item_id"].to_numpy()).min()
            arrival = arrival.reindex(items["item_id"], fill_value=0)
        return cls(data, period.astype(np.int64), arrival.astype(np.int64), first)

    @staticmethod
    def fit(data: Dataset) -> bool:
        """Whether a data set has periods: times, or parts that its owner cut by time.

        A split that leaves everybody's last event out tests everybody, one by time the few who
        came back.
        """
        events = data.events
        tested = events.loc[events["split"] == PARTS[2], "user_id"].nunique()
        return "timestamp" in events or 2 * tested < events["user_id"].nunique()

    @property
    def measured(self) -> range:
        """The periods before which the engines differ."""
        return range(self.first + 1, int(self.period.max()) + 1)

    def before(self, period: int) -> pd.DataFrame:
        """Return the events of the earlier periods, and in which of them each was."""
        earlier = self.period < period
        return self.data.events[earlier].assign(period=self.period[earlier])

    def during(self, period: int) -> pd.DataFrame:
        """Return the events of a period with items that have come by its end."""
        return self.data.events[self.period == period]

    def catalog(self, period: int) -> pd.DataFrame:
        """Return the items that have come by the end of a period."""
        come = self.arrival <= period
        return self.data.items[self.data.items["item_id"].isin(come.index[come])]

    def late(self) -> set[str]:
        """Return the items that come when the first engine is trained already."""
        return set(self.arrival.index[self.arrival >= self.first])

    def write(self, folder: Path, period: int) -> Path:
        """Write what is known when a period begins: its newest tenth is the valid part.

        Without times the newest part is, or, where there is only one, each user's last event.
        """
        if (folder / LOG).exists():
            return folder
        folder.mkdir(parents=True, exist_ok=True)
        events = self.before(period)
        if "timestamp" in events:
            time = events["timestamp"].to_numpy(np.int64)
            valid = time >= np.quantile(time, 1 - VALID_SHARE)
        elif period > 1:
            valid = (events["period"] == period - 1).to_numpy()
        else:
            sizes = events.groupby("user_id")["item_id"].transform("size")
            valid = (~events.duplicated("user_id", keep="last") & (sizes >= 3)).to_numpy()
        events = events.assign(split=np.where(valid, PARTS[1], PARTS[0])).drop(columns="period")
        self.catalog(period - 1).to_parquet(folder / CATALOG, index=False)
        if self.data.users is not None:
            shutil.copy(self.data.users, folder / self.data.users.name)
        # Last: a folder that has it is whole.
        events.to_parquet(folder / LOG, index=False)
        return folder

"""A client of events that remembers which were acknowledged, and counts what was kept of them."""

from __future__ import annotations

import csv
import http.client
import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from longtail.retrieval.ranking.retriever import Retriever

RATE, USERS = 5.0, 200
Event = tuple[str, str]


@dataclass
class EventClient:
    """Sends one event after another, none twice: each has a second of its own."""

    url: str
    template: Path
    acknowledged: set[Event] = field(default_factory=set)
    statuses: Counter[str] = field(default_factory=Counter)

    def taken(self) -> int:
        """Return how many events were acknowledged so far."""
        return len(self.acknowledged)

    def send(self, until: float) -> None:
        """Send events at `RATE` a second, of users that the log has and of others."""
        bundle, rng = Retriever.open(self.template).bundle, np.random.default_rng(0)
        users = [str(user) for user in bundle.log.user_ids[: USERS // 2]]
        users += [f"soaking-{number}" for number in range(USERS // 2)]
        items = [str(item) for item in bundle.catalog.item_ids]
        second = int(time.time()) - 10_000_000
        del bundle
        address = urlsplit(self.url)
        while time.monotonic() < until:
            second += 1
            user, item = users[rng.integers(len(users))], items[rng.integers(len(items))]
            event = {"user_id": user, "item_id": item, "timestamp": second}
            status = _posted(str(address.netloc), {"events": [event]})
            self.statuses[status] += 1
            if status == "202":
                self.acknowledged.add((user, str(second)))
            time.sleep(1 / RATE)

    def counted(self, run: Path, folder: Path) -> dict[str, int]:
        """Return how many acknowledged events a run that isn't served any more has, and hasn't."""
        out = folder / "kept.csv"
        words = ("data", "events", str(run), "--out", str(out))
        subprocess.run([sys.executable, "-m", "longtail.cli", *words], check=True)
        with out.open(newline="") as file:
            kept = Counter((line["user_id"], line["timestamp"]) for line in csv.DictReader(file))
        return {
            "acknowledged": len(self.acknowledged),
            "lost": len(self.acknowledged - set(kept)),
            "twice": sum(count > 1 for count in kept.values()),
        }


def _posted(address: str, body: object) -> str:
    """Return the status of an answer, or what became of the connection."""
    connection = http.client.HTTPConnection(address, timeout=60)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/events", json.dumps(body), headers)
        return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException):
        return "cut off"
    finally:
        connection.close()

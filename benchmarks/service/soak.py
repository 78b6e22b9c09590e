"""A service at length: clients and attackers, items that come and go, swaps and `longtail learn`.

All of it is counted from outside.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from report.targets import target
from service.hostile import RATE, attacked, resident_mb
from service.process import Process, finished, load
from service.soak_events import EventClient

# Half of the time with attackers, half without.
TURN_S = 30.0
# In turns. Every other learning meets a swap: it is refused, or learns for the new folder.
LEARN_EVERY, SWAP_EVERY = 6, 4
# Until then caches fill, and memory takes its size.
SETTLING_S = 60.0
WINDOW_S = 60.0
FOLLOWING_S = 60.0
LONGEST_LEARNING_S = 600.0
WAIT = ("--wait", "60")
BUSY = ("503", "504")


@dataclass
class Soak:
    """A soak under way, and what it has counted."""

    service: Process
    run: Path
    bodies: Path
    template: Path
    events: EventClient
    memory: list[tuple[float, float]] = field(default_factory=list)
    changes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    turns: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {"quiet": [], "attacked": []}
    )
    attackers: Counter[str] = field(default_factory=Counter)
    learning: subprocess.Popen[str] | None = None

    @property
    def learning_log(self) -> Path:
        """What the newest `longtail learn` says."""
        return self.run.with_name("learning.log")

    def sample(self, began: float, until: float) -> None:
        """Note the memory each second."""
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                minute = (time.monotonic() - began) / 60
                self.memory.append((minute, resident_mb(self.service.process.pid)))
            time.sleep(1.0)

    def turn(self, number: int, seconds: float) -> None:
        """Let clients ask for so long, every other turn beside attackers, and change things."""
        kind = "attacked" if number % 2 else "quiet"
        end = time.monotonic() + seconds
        attackers = attacked(self.service, seconds) if number % 2 else None
        how = ("--rate", RATE, "--seconds", seconds - 1, "--all-times")
        client = load(self.service.url, self.bodies, *how)
        self.change("PUT", "/v1/items/soak-item", {"title": f"a passing item {number}"})
        time.sleep(max(end - time.monotonic() - seconds / 2, 0))
        if number % LEARN_EVERY == 0:
            self.learn()
        if number % SWAP_EVERY == 2:
            self.swap(number)
        self.change("DELETE", "/v1/items/soak-item")
        self.turns[kind].append(finished(client))
        if attackers is not None:
            self.attackers.update(finished(attackers))
        self.learned()

    def change(self, method: str, path: str, body: Any = None) -> None:
        """Change an item; whether it was, is counted."""
        status = self.service.status_of(method, path, body)
        self.changes[f"{method} {status}"] += 1

    def swap(self, number: int) -> None:
        """Put a copy of the run, as it was trained, into its place; wait until events are taken."""
        following, old = self.run.with_name("next"), self.run.with_name(f"old-{number}")
        shutil.copytree(self.template, following)
        self.run.rename(old)
        following.rename(self.run)
        before, until = self.events.taken(), time.monotonic() + FOLLOWING_S
        while self.events.taken() < before + 5:
            if time.monotonic() > until:
                self.wrong.append(f"turn {number}: no events are taken after a swap")
                return
            time.sleep(0.2)
        self.changes["swaps"] += 1

    def learn(self) -> None:
        """Start `longtail learn` beside the service, unless the last is still at it."""
        if self.learning is not None:
            return
        words = ("learn", str(self.run), "--events", str(self.run / "events" / "events.jsonl"))
        rejected = ("--rejected", str(self.run.with_name("rejected.csv")))
        with self.learning_log.open("w") as log:
            self.learning = subprocess.Popen(
                [sys.executable, "-m", "longtail.cli", *words, *rejected, "--force", *WAIT],
                stdout=subprocess.DEVNULL,
                stderr=log,
                text=True,
                env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
            )

    def learned(self, *, wait: bool = False) -> None:
        """Count a learning that has ended."""
        if self.learning is None or (self.learning.poll() is None and not wait):
            return
        self.learning.wait(LONGEST_LEARNING_S)
        said = self.learning_log.read_text(encoding="utf-8")
        last = said.strip().splitlines()[-1:] or [""]
        if self.learning.returncode == 0:
            self.changes["learned"] += 1
        elif self.learning.returncode == 1:
            # The folder was swapped meanwhile: it is refused, and says so.
            self.changes["learning refused"] += 1
            self.wrong.extend(last if "Traceback" in said else [])
        else:
            self.wrong.append(f"learn ended with {self.learning.returncode}: {last[0][:200]}")
        self.learning = None

    def summary(self, minutes: float) -> dict[str, Any]:
        """Return what was counted, but for the events."""
        statuses: Counter[str] = Counter(self.events.statuses)
        for turns in self.turns.values():
            for found in turns:
                statuses.update(found["statuses"])
        for counted in (self.changes, self.attackers):
            for name, count in counted.items():
                if name[-3:].isdigit():
                    statuses[name[-3:]] += count
        both = [found for turns in self.turns.values() for found in turns]
        return {
            "minutes": minutes,
            "statuses": dict(sorted(statuses.items())),
            "server_errors": sum(
                n for status, n in statuses.items() if status.startswith("5") and status not in BUSY
            ),
            "mixed_versions": sum(found["mixed_versions"] for found in both),
            "broken_connections": self.events.statuses["cut off"]
            + sum(found["broken_connections"] for found in both),
            "versions": len({version for found in both for version in found["versions"]}),
            "clients": {kind: _of_turns(turns) for kind, turns in self.turns.items() if turns},
            "changes": dict(sorted(self.changes.items())),
            "attackers": dict(sorted(self.attackers.items())),
            "wrong": self.wrong,
            "load_average": os.getloadavg()[0],
            **_of_memory(self.memory),
        }


def soak(service: Process, run: Path, bodies: Path, template: Path, minutes: float) -> Soak:
    """Return a soak of so many minutes; the service is running still."""
    events = EventClient(service.url, template)
    of = Soak(service, run, bodies, template, events)
    turns = max(round(minutes * 60 / TURN_S), 4)
    seconds = minutes * 60 / turns
    began = time.monotonic()
    until = began + minutes * 60
    with ThreadPoolExecutor(2) as beside:
        tasks = [beside.submit(of.sample, began, until), beside.submit(events.send, until)]
        for number in range(turns):
            of.turn(number, seconds)
            if service.process.poll() is not None:
                raise SystemExit(f"the service ended with {service.process.returncode}")
        for task in tasks:
            task.result()
    of.learned(wait=True)
    return of


def soak_targets(part: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what is promised, and whether it was kept."""
    lines = [
        target("soak: acknowledged events lost", part["events"]["lost"], 0, most=True),
        target("soak: events kept twice", part["events"]["twice"], 0, most=True),
        target("soak: 5xx but 503 and 504", part["server_errors"], 0, most=True),
        target("soak: answers of mixed versions", part["mixed_versions"], 0, most=True),
        target("soak: connections broken", part["broken_connections"], 0, most=True),
        target("soak: commands and swaps that failed", len(part["wrong"]), 0, most=True),
    ]
    if (growth := part["memory_growth_percent"]) is not None:
        lines.append(target("soak: memory growth %, after a minute", growth, 5, most=True))
    return lines


def _of_turns(turns: list[dict[str, Any]]) -> dict[str, Any]:
    times = np.concatenate([found.pop("milliseconds") for found in turns])
    statuses: Counter[str] = Counter()
    for found in turns:
        statuses.update(found["statuses"])
    quantiles = {f"p{q}_ms": float(np.percentile(times, q)) for q in (50, 99)}
    return {"answers": len(times), **quantiles, "statuses": dict(sorted(statuses.items()))}


def _of_memory(samples: list[tuple[float, float]]) -> dict[str, Any]:
    """Return the memory after the first minute and at the end, and how it grew."""
    end = samples[-1][0]
    window = min(WINDOW_S, (end * 60 - SETTLING_S) / 2) / 60
    settled = SETTLING_S / 60
    later = np.array([sample for sample in samples if sample[0] >= settled])
    if window <= 0 or len(later) < 3:
        return {"memory_growth_percent": None, "memory_slope_mb_a_minute": None}
    first = float(np.median(later[later[:, 0] <= settled + window, 1]))
    last = float(np.median(later[later[:, 0] >= end - window, 1]))
    return {
        "memory_mb": {"after_a_minute": first, "last": last, "largest": float(later[:, 1].max())},
        "memory_growth_percent": 100 * (last / first - 1),
        "memory_slope_mb_a_minute": float(np.polyfit(later[:, 0], later[:, 1], 1)[0]),
        "memory_each_minute_mb": [
            round(float(np.median(later[later[:, 0] // 1 == minute, 1])))
            for minute in np.unique(later[:, 0] // 1)
        ],
    }

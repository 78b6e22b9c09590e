"""Commands on one run folder beside one another, killed at random moments; run as a process.

A service takes events and items from a client while commands change the run, train into it and
swap another into its place. The client counts from outside what was acknowledged to it. Each
process is a fork of this one, which saves it the start of Python. Prints what became of all as
JSON; what acknowledged events and items are missing in the end is lost.

    python tests/support/programs/killed_commands.py WORK_FOLDER KILLS SEED [TRAINED_RUN...]

Without trained runs it trains two, and `longtail train` is among the commands.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from command_line import train_arguments, write_shop
from counting_client import ITEM, URL, acknowledged, ask_without_end, asked
from forks import command, forked, is_gone, load_commands
from toy_shop import save_tiny_bert, shop_catalog, shop_split

from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run.served_run import open_run
from longtail.serving.engine.smoke_queries import try_out

LONGEST_ROUND_S = 2.5
# For a process that ends by itself.
LONGEST_END_S = 300.0
WAIT = ("--wait", "30")
ENDED_WELL = (0, 1, 130)
# A second service among them: it must be refused as long as there is a first.
CHANGES = ("add", "compact", "learn", "add", "serve")


@dataclass
class Counted:
    """What came of it."""

    kills: int = 0
    swaps: int = 0
    rounds: int = 0
    wrong: list[str] = field(default_factory=list)
    ended: Counter[str] = field(default_factory=Counter)


@dataclass
class Driver:
    """Starts, kills and looks at processes; it has no threads, so that it may fork."""

    folder: Path
    templates: Sequence[Path]
    rng: np.random.Generator
    counted: Counted = field(default_factory=Counted)
    service: int = 0
    number: int = 0
    swapped_at: float = 0.0
    swapped_out: list[tuple[Path, float, float]] = field(default_factory=list)
    settings: tuple[str, ...] = ()

    @property
    def run(self) -> Path:
        """The run folder that all of it is about."""
        return self.folder / "run"

    def start(self, name: str, act: Callable[[], object]) -> tuple[str, int]:
        """Start a process under a name."""
        self.number += 1
        log = self.folder / "logs" / f"{self.number:04d}-{name}"
        log.touch()
        return name, forked(act, log)

    def log_of(self, number: int) -> str:
        """Return what the process with this number of ours has said."""
        return next((self.folder / "logs").glob(f"{number:04d}-*")).read_text(errors="replace")

    def serve(self) -> None:
        """Start the service, and return once it answers."""
        self.service = self.start("serve", command("serve", self.run, "--port", "0", *WAIT))[1]
        number = self.number
        until = time.monotonic() + LONGEST_END_S
        while " at http" not in self.log_of(number):
            if is_gone(self.service) or time.monotonic() > until:
                raise RuntimeError(f"the service didn't start: {self.log_of(number)[-600:]}")
            time.sleep(0.02)
        url = next(line for line in self.log_of(number).splitlines() if " at http" in line)
        temporary = self.folder / "url.new"
        temporary.write_text(url.split(" at ")[1].split()[0])
        temporary.replace(self.folder / URL)

    def kill(self, process: int) -> None:
        """Kill a process, and count it if it was alive."""
        if not is_gone(process):
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            self.counted.kills += 1

    def one_of(self, changes: Sequence[str]) -> tuple[str, int]:
        """Start a random command on the run."""
        name = changes[int(self.rng.integers(len(changes)))]
        new = self.folder / f"new-{self.number}.csv"
        words: tuple[object, ...] = ("index", name, self.run)
        if name == "add":
            columns = "item_id,title,brand,description,niche"
            new.write_text(f"{columns}\nadded-{self.number},saw large,,steel saw,\n")
            words = (*words, "--catalog", new, "--rejected", new.with_suffix(".rejected"))
        elif name == "learn":
            events = self.run / "events" / "events.jsonl"
            words = (name, self.run, "--events", events, "--force")
            words = (*words, "--rejected", new.with_suffix(".rejected"))
        elif name == "train":
            # Never done: a service has the run, or it holds events.
            words = (name, self.folder / "shop", *self.settings, "--out", self.run)
            words = (*words, "--overwrite")
        elif name == "serve":
            waits = WAIT if self.rng.random() < 0.5 else ()
            return self.start(name, command(name, self.run, "--port", "0", *waits))
        return self.start(name, command(*words, *WAIT))

    def swap(self) -> None:
        """Put a copy of a trained run into the place of the one that is served."""
        template = self.templates[int(self.rng.integers(len(self.templates)))]
        following, old = self.folder / "next", self.folder / f"old-{self.number}"
        shutil.copytree(template, following)
        self.swapped_out.append((old, self.swapped_at, time.time()))
        self.run.rename(old)
        following.rename(self.run)
        self.swapped_at = time.time()
        self.counted.swaps += 1
        until = time.monotonic() + LONGEST_END_S
        # Killed here, the service can carry nothing over: that is the owner's to do.
        if self.rng.random() < 0.3:
            time.sleep(float(self.rng.uniform(0, 1.5)))
            self.kill(self.service)
            carry_over(old / "events" / "events.jsonl", self.run / "events" / "events.jsonl")
            return
        while not self.takes_events():
            if time.monotonic() > until:
                raise RuntimeError("the service didn't follow")
            time.sleep(0.05)

    def takes_events(self) -> bool:
        """Return whether the service takes events, as its clients see it."""
        event = {"user_id": "the-driver", "item_id": ITEM}
        return asked(self.folder, "POST", "/v1/events", {"events": [event]}) == 202

    def round(self, *, swaps: bool) -> None:
        """Let commands meet the service, and kill some of them."""
        self.counted.rounds += 1
        if is_gone(self.service):
            self.serve()
        changes = CHANGES if not self.settings else (*CHANGES, "train")
        running = [self.one_of(changes) for _ in range(1 + int(self.rng.random() < 0.4))]
        newest = self.number
        time.sleep(float(self.rng.uniform(0, LONGEST_ROUND_S)))
        if running[-1][0] == "serve" and " at http" in self.log_of(newest):
            self.counted.wrong.append("served twice")
        if swaps and self.counted.rounds % 3 == 2:
            self.swap()
        victim = self.rng.random()
        if victim < 0.6:
            self.kill(self.service)
        for name, process in running:
            if name == "serve" or victim > 0.3:
                self.kill(process)
        for name, process in running:
            self.ended(name, process)
        self.look()

    def ended(self, name: str, process: int) -> None:
        """Wait for a process, unless it was killed before."""
        try:
            _, status = os.waitpid(process, 0)
        except ChildProcessError:
            self.counted.ended[f"{name}: killed"] += 1
            return
        code = os.waitstatus_to_exitcode(status)
        self.counted.ended[f"{name}: {code}"] += 1
        if code not in ENDED_WELL or (name, code) == ("train", 0):
            self.counted.wrong.append(f"{name} ended with {code}")

    def look(self) -> None:
        """Note it where the run can't be opened, each file of it as it was written."""
        name, process = self.start("look", lambda: open_run(self.run))
        if os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]):
            self.counted.wrong.append(f"{name}: {self.log_of(self.number)[-300:]}")


def carry_over(old: Path, new: Path) -> None:
    """Put what a file of events lacks of another before it, as an owner does."""
    lines = old.read_bytes().splitlines(keepends=True) if old.exists() else []
    there = new.read_bytes().splitlines(keepends=True) if new.exists() else []
    lacking = [line for line in lines if line.endswith(b"\n") and line not in set(there)]
    new.parent.mkdir(exist_ok=True)
    new.write_bytes(b"".join([*lacking, *there]))


def trained_twice(folder: Path) -> tuple[list[Path], tuple[str, ...]]:
    """Return two trained runs, and the options of their training; shop files lie beside them."""
    catalog = shop_catalog()
    write_shop(folder / "shop", catalog, shop_split(catalog))
    options = train_arguments(save_tiny_bert(folder / "bert"), "history.epochs=0")
    runs = [folder / f"trained-{seed}" for seed in range(2)]
    for seed, run in enumerate(runs):
        words = ("train", folder / "shop", *options, "--set", f"seed={seed}", "--out", run)
        log = folder / f"{run.name}.log"
        if os.waitpid(forked(command(*words), log), 0)[1]:
            raise RuntimeError(log.read_text())
    return runs, tuple(options)


def drive(folder: Path, kills: int, seed: int, templates: Sequence[Path]) -> dict[str, object]:
    """Return what became of the run and of what was acknowledged."""
    (folder / "logs").mkdir(parents=True)
    settings: tuple[str, ...] = ()
    if not templates:
        templates, settings = trained_twice(folder)
    driver = Driver(folder, templates, np.random.default_rng(seed), settings=settings)
    shutil.copytree(templates[0], driver.run)
    # Every fork has all modules and the compiled loops then.
    load_commands()
    try_out(Retriever.open(driver.run))
    driver.serve()
    asking = driver.start("client", lambda: ask_without_end(folder))[1]
    try:
        while driver.counted.kills < kills:
            driver.round(swaps=len(templates) > 1)
        # The last word: everything once more, and nobody is killed.
        if is_gone(driver.service):
            driver.serve()
        for change in ("add", "compact", "learn"):
            driver.ended(*driver.one_of([change]))
        driver.look()
    finally:
        os.kill(asking, signal.SIGKILL)
        os.waitpid(asking, 0)
        os.kill(driver.service, signal.SIGTERM)
        os.waitpid(driver.service, 0)
    return {**vars(driver.counted), **_lost(driver)}


def _lost(driver: Driver) -> dict[str, object]:
    out, run = driver.folder / "events.csv", driver.run
    driver.ended(*driver.start("events", command("data", "events", run, "--out", out)))
    with out.open(newline="") as file:
        kept = {line["user_id"] for line in csv.DictReader(file)}
    users = acknowledged(driver.folder, "event")
    items: set[str] = set()
    lost: set[str] = set()
    # Another run's catalog is another: each has what was put while it was there.
    for folder, since, until in (*driver.swapped_out, (run, driver.swapped_at, float("inf"))):
        put = acknowledged(driver.folder, "item", since, until)
        items |= put
        lost |= put - set(map(str, open_run(folder).bundle.catalog.item_ids))
    left = [path for path in run.rglob(".*") if path.name.endswith((".tmp", ".old", ".next"))]
    return {
        "events": len(users),
        "lost_events": sorted(users - kept),
        "items": len(items),
        "lost_items": sorted(lost),
        "left": sorted(path.relative_to(run).as_posix() for path in left),
    }


if __name__ == "__main__":
    place, kills_asked, seed_given, *trained = sys.argv[1:]
    found = drive(Path(place), int(kills_asked), int(seed_given), list(map(Path, trained)))
    sys.stdout.write(json.dumps(found) + "\n")
    sys.exit(any(found[name] for name in ("wrong", "lost_events", "lost_items", "left")))

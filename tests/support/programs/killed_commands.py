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
import http.client
import importlib
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
from urllib.parse import urlsplit

import numpy as np
from command_line import train_arguments, write_shop
from toy_shop import save_tiny_bert, shop_catalog, shop_split

from longtail.cli import COMMANDS, main
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run.served_run import open_run
from longtail.serving.engine.smoke_queries import try_out

# Loaded here, once, for all forks.
for module in (*COMMANDS.values(), "longtail.serving.server", "longtail.training.learning"):
    importlib.import_module(module)

ITEM = "tea-oolong-small"
LONGEST_ROUND_S = 2.5
# For a process that ends by itself.
LONGEST_END_S = 60.0
WAIT = ("--wait", "30")
ENDED_WELL = (0, 1, 130)


def forked(act: Callable[[], object], log: Path) -> int:
    """Do something in a process of its own, its streams in a file; return its number."""
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        for standard in (1, 2):
            os.dup2(stream, standard)
        act()
        code = 0
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    except BaseException as error:
        os.write(2, f"{error!r}\n".encode())
    finally:
        sys.stdout.flush()
        os._exit(code)


def is_gone(process: int) -> bool:
    """Return whether a process of ours has ended."""
    try:
        return os.waitpid(process, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True


def command(*words: object) -> Callable[[], None]:
    """Return what runs a command of `longtail`."""

    def run() -> None:
        sys.argv = ["longtail", *map(str, words)]
        main()

    return run


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
        temporary.replace(self.folder / "url")

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


# A second service among them: it must be refused as long as there is a first.
CHANGES = ("add", "compact", "learn", "add", "serve")


def asked(folder: Path, method: str, path: str, body: object) -> int:
    """Return the status of an answer, 0 where there is none."""
    try:
        address = urlsplit((folder / "url").read_text())
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        headers = {"Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body), headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0


def client(folder: Path) -> None:
    """Send events and items without end, and write down what was acknowledged, and when asked."""
    acknowledged = os.open(folder / "acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    number = 0
    while True:
        number += 1
        began = time.time()
        kind, name = ("item", f"put-{number}") if number % 20 == 0 else ("event", f"user-{number}")
        if kind == "event":
            event = {"user_id": name, "item_id": ITEM}
            status = asked(folder, "POST", "/v1/events", {"events": [event]})
        else:
            status = asked(folder, "PUT", f"/v1/items/{name}", {"title": "saw", "description": "x"})
        if 200 <= status < 300:
            os.write(acknowledged, f"{kind} {name} {began}\n".encode())
        time.sleep(0.01 if status else 0.1)


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
    # Every fork has the compiled loops then.
    try_out(Retriever.open(driver.run))
    driver.serve()
    asking = driver.start("client", lambda: client(folder))[1]
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
    told = [line.split() for line in (driver.folder / "acknowledged").read_text().splitlines()]
    users = [name for kind, name, _ in told if kind == "event"]
    # Another run's catalog is another: items count that were put since.
    items = [n for kind, n, at in told if kind == "item" and float(at) > driver.swapped_at]
    known = set(map(str, open_run(run).bundle.catalog.item_ids))
    left = [path for path in run.rglob(".*") if path.name.endswith((".tmp", ".old", ".next"))]
    return {
        "events": len(users),
        "lost_events": sorted(set(users) - kept),
        "items": len(items),
        "lost_items": sorted(set(items) - known),
        "left": sorted(path.relative_to(run).as_posix() for path in left),
    }


if __name__ == "__main__":
    place, kills_asked, seed_given, *trained = sys.argv[1:]
    found = drive(Path(place), int(kills_asked), int(seed_given), list(map(Path, trained)))
    sys.stdout.write(json.dumps(found) + "\n")
    sys.exit(any(found[name] for name in ("wrong", "lost_events", "lost_items", "left")))

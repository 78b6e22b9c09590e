"""What an honest client notices while others do their worst, and what it costs in memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
from report.targets import target
from service.process import Process, finished, load

HERE = Path(__file__).parent
RATE, EACH = 20, 4
PROBES_A_SECOND = 5
# Of the time, at the start: caches fill, and memory takes its size.
SETTLING_SHARE = 0.25


def hostile(service: Process, bodies: Path, seconds: float) -> dict[str, Any]:
    """Return what a client at `RATE` requests a second and the probes saw beside the attackers.

    The same client alone, just before, tells what else the machine does. Last comes the same
    without slow readers, beside whom hardly a full batch is ranked.
    """
    alone = _beside(service, bodies, seconds / 4)
    beside = _attacked_beside(service, bodies, seconds)
    memory = beside.pop("memory_mb")
    settled = memory[int(len(memory) * SETTLING_SHARE) :]
    half = len(settled) // 2
    growth = statistics.median(settled[half:]) / statistics.median(settled[:half]) - 1
    return beside | {
        "alone": _without_memory(alone),
        "memory_mb": {"first": memory[0], "largest": max(memory), "last": memory[-1]},
        "memory_growth_percent": 100 * growth,
        "load_average": os.getloadavg()[0],
        "without_slow_readers": _without_memory(
            _attacked_beside(service, bodies, seconds, "--no-slow")
        ),
    }


def _attacked_beside(service: Process, bodies: Path, seconds: float, *how: str) -> dict[str, Any]:
    attackers = attacked(service, seconds, *how)
    time.sleep(1.0)
    beside = _beside(service, bodies, seconds - 2)
    return beside | {"attackers": finished(attackers)}


def _without_memory(part: dict[str, Any]) -> dict[str, Any]:
    return {name: found for name, found in part.items() if name != "memory_mb"}


def attacked(service: Process, seconds: float, *how: str) -> subprocess.Popen[str]:
    """Start the attackers."""
    return subprocess.Popen(
        [
            *(sys.executable, str(HERE / "attackers.py"), service.url),
            *("--seconds", str(seconds), "--each", str(EACH), *how),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def _beside(service: Process, bodies: Path, seconds: float) -> dict[str, Any]:
    """Return what a client and the probes see for so long, and the memory at each probe."""
    client = load(service.url, bodies, "--rate", RATE, "--seconds", seconds)
    probes, memory = [], []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        probes.append(_probe(service.url))
        memory.append(resident_mb(service.process.pid))
        time.sleep(1 / PROBES_A_SECOND)
    return {
        "client": finished(client),
        "healthz_p50_ms": float(np.percentile(probes, 50)),
        "healthz_p99_ms": float(np.percentile(probes, 99)),
        "healthz_max_ms": max(probes),
        "memory_mb": memory,
    }


def hostile_targets(part: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the targets of what was measured."""
    return [
        *_of_client("hostile", part),
        target("hostile: memory growth %", part["memory_growth_percent"], 5, most=True),
        *_of_client("hostile, no slow readers", part["without_slow_readers"]),
    ]


def _of_client(name: str, part: dict[str, Any]) -> list[dict[str, Any]]:
    client = part["client"]
    failed = sum(n for status, n in client["statuses"].items() if status != "200")
    return [
        target(f"{name}: client's p99 ms", client["p99_ms"], 250, most=True),
        target(f"{name}: /healthz ms, 99 of 100", part["healthz_p99_ms"], 100, most=True),
        target(f"{name}: client's errors", failed + client["broken_connections"], 0, most=True),
    ]


def _probe(url: str) -> float:
    """Return the milliseconds of one probe."""
    began = time.perf_counter()
    with urllib.request.urlopen(url + "/healthz", timeout=30) as answer:
        answer.read()
    return (time.perf_counter() - began) * 1000


def resident_mb(pid: int) -> float:
    """Return the memory that a process has."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

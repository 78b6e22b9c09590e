"""The HTTP service: latency, throughput, where the time goes, cold start, memory, and a soak.

Run:  python benchmarks/serve.py RUN [--seconds 20] [--soak MINUTES] [--threads 1]
      python benchmarks/serve.py RUN --hostile [--seconds 60]

RUN is a run folder; it is copied, and left as it is. The load comes from another process on
loopback (service/load.py). With --soak steady load goes on while an item is put and removed each
minute, which makes a new index version each time. With --hostile nothing but what a client at 20
requests a second notices of 20 attackers (service/attackers.py) is measured, into
benchmarks/results/serve_hostile.json. Else writes benchmarks/results/serve.json, where the
last soak of the same run stays until the next.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from report.results_file import read_results, results_path, write_results
from report.targets import print_targets, target
from service.hostile import hostile, hostile_targets
from service.process import Process, finished, load, served

RESULTS = results_path("serve")
PACKAGES = ("fastapi", "uvicorn", "uvloop", "httptools", "orjson", "torch", "faiss-cpu")
RATE, CLIENTS = 50, 32
SETTLE_S = 3.0


def measured(service: Process, bodies: Path, *how: object) -> dict[str, Any]:
    """Return one load's figures and, of the same time, the service's own stages."""
    before, processor = service.numbers(), service.processor_seconds()
    found = finished(load(service.url, bodies, *how))
    after, processor_s = service.numbers(), service.processor_seconds() - processor

    def grown(name: str) -> float:
        return after.get(name, 0.0) - before.get(name, 0.0)

    stages = {
        stage: grown(f'longtail_stage_seconds_total{{stage="{stage}"}}')
        for stage in ("queue", "tower", "search", "score", "rerank", "body")
    }
    answered = grown('longtail_request_seconds_count{route="/v1/recommend"}') or 1.0
    batches = grown("longtail_batch_size_count") or 1.0
    whole = grown('longtail_request_seconds_sum{route="/v1/recommend"}')
    engine = {name: stages[name] for name in stages if name != "queue"}
    return found | {
        "mean_batch": grown("longtail_batch_size_sum") / batches,
        "service_ms": whole / answered * 1000,
        "queue_ms": stages["queue"] / answered * 1000,
        "engine_ms_a_batch": {name: took / batches * 1000 for name, took in engine.items()},
        "engine_ms_an_answer": {name: took / answered * 1000 for name, took in engine.items()},
        "http_processor_ms_an_answer": (processor_s - sum(engine.values())) / answered * 1000,
        "processor_ms_an_answer": processor_s / answered * 1000,
    }


def soak(service: Process, bodies: Path, minutes: float) -> dict[str, Any]:
    """Return what a steady load found while a version came each minute."""
    process = load(service.url, bodies, "--rate", RATE, "--seconds", minutes * 60)
    began, memory, swaps = time.monotonic(), [], 0
    while process.poll() is None and time.monotonic() - began < minutes * 60:
        time.sleep(min(30.0, minutes * 30))
        service.send("PUT", "/v1/items/soak-item", {"title": f"a passing item {swaps}"})
        time.sleep(min(30.0, minutes * 30))
        service.send("DELETE", "/v1/items/soak-item")
        swaps += 2
        resident = service.numbers()["longtail_resident_bytes"] / 1e6
        memory.append({"minute": (time.monotonic() - began) / 60, "resident_mb": resident})
    found = finished(process)
    # The first minutes fill caches; after them nothing should grow.
    later = memory[len(memory) // 3 :]
    slope = (
        float(np.polyfit([m["minute"] for m in later], [m["resident_mb"] for m in later], 1)[0])
        if len(later) > 2
        else None
    )
    failed = sum(n for status, n in found["statuses"].items() if status >= "500")
    return found | {
        "minutes": minutes,
        "swaps": swaps,
        "server_errors": failed + found["broken_connections"],
        "memory": memory,
        "memory_slope_mb_a_minute": slope,
    }


def batch_scoring(run: Path, folder: Path) -> dict[str, float]:
    """Return how many users a second `longtail recommend` answers, opening left out."""
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from longtail.files.recommendation_file import write_answers\n"
        "from longtail.jobs.parallel_batches import UserBatch\n"
        "from longtail.retrieval.progress import silent\n"
        "from longtail.retrieval.ranking.query import Query\n"
        "from longtail.retrieval.ranking.retriever import Retriever\n"
        "retriever = Retriever.open(sys.argv[1])\n"
        "users = [str(u) for u in retriever.bundle.log.user_ids]\n"
        "batch = UserBatch.of_users(users, Query(user='any', k=100, pool='all'))\n"
        "retriever.recommend(users=users[:1])\n"
        "began = time.perf_counter()\n"
        "write_answers(retriever, batch, Path(sys.argv[2]), silent)\n"
        "print(len(batch), time.perf_counter() - began)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(run), str(folder / "recs.parquet")],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    users, seconds = map(float, done.stdout.split())
    return {"users": users, "seconds": seconds, "users_per_second": users / seconds}


def write_bodies(run: Path, path: Path, *, batches: bool = False) -> None:
    """Write requests of users drawn from the log; every tenth a batch of three, if so wished."""
    from longtail.retrieval.data.stored_interactions import load_interactions

    users = load_interactions(run / "histories.parquet").user_ids
    chosen = np.random.default_rng(0).choice(users, 5_000)
    requests: list[dict[str, Any]] = [
        {"user_id": str(user), "k": 10, "pool": "tail"} for user in chosen
    ]
    if batches:
        requests[::10] = [{"requests": requests[at : at + 3]} for at in range(0, len(requests), 10)]
    lines = [json.dumps(request) for request in requests]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def targets_of(parts: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the targets of what was measured."""
    rate, crowd = parts["at_50_a_second"], parts["at_concurrency_32"]
    lines = [
        target("p50 ms at 50 requests a second", rate["p50_ms"], 15, most=True),
        target("p99 ms at 50 requests a second", rate["p99_ms"], 60, most=True),
        target("requests a second at concurrency 32", crowd["per_second"], 400, most=False),
        target("users a second, batch", parts["batch"]["users_per_second"], 2_000, most=False),
        target("cold start seconds", parts["cold_start_s"], 10, most=True),
        target("errors under load", _errors(rate) + _errors(crowd), 0, most=True),
    ]
    if "soak" in parts:
        lines.append(target("soak: server errors", parts["soak"]["server_errors"], 0, most=True))
        lines.append(target("soak: mixed answers", parts["soak"]["mixed_versions"], 0, most=True))
        if (slope := parts["soak"]["memory_slope_mb_a_minute"]) is not None:
            lines.append(target("soak: memory MB a minute", slope, 1.0, most=True))
    return lines


def _errors(found: dict[str, Any]) -> int:
    others = sum(n for status, n in found["statuses"].items() if status != "200")
    return int(others + found["broken_connections"])


def measure_hostile(given: argparse.Namespace) -> None:
    """Measure beside attackers, print, and write the results."""
    with tempfile.TemporaryDirectory() as temporary:
        run, bodies = Path(temporary) / "run", Path(temporary) / "bodies.jsonl"
        shutil.copytree(given.run, run)
        write_bodies(run, bodies)
        with served(run, given.threads) as service:
            finished(load(service.url, bodies, "--concurrency", 4, "--seconds", SETTLE_S))
            part = hostile(service, bodies, given.seconds)
    lines = hostile_targets(part)
    content = {
        "subject": "serve, hostile",
        "machine": {"python": platform.python_version(), "processors": os.cpu_count()},
        "settings": {
            "run": given.run.name,
            "seconds": given.seconds,
            "threads": given.threads,
            "request": "user_id, k 10, pool tail, 20 a second",
            "attackers": "20: slow readers, mistyped ids, filters, batches, searches",
        },
        "versions": {package: version(package) for package in PACKAGES},
        "targets": lines,
        "parts": {"hostile": part},
    }
    write_results(results_path("serve_hostile"), content)
    print(json.dumps(part, indent=1))  # noqa: T201
    print_targets(lines)


def main() -> None:
    """Measure, print, and write the results."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("run", type=Path, help="a run folder")
    arguments.add_argument("--seconds", type=float, default=20.0, help="of each load")
    arguments.add_argument("--soak", type=float, default=0.0, help="minutes")
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--results", type=Path, default=RESULTS)
    arguments.add_argument("--hostile", action="store_true", help="beside 20 attackers")
    given = arguments.parse_args()
    if given.hostile:
        measure_hostile(given)
        return
    parts: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run, bodies = folder / "run", folder / "bodies.jsonl"
        shutil.copytree(given.run, run)
        write_bodies(run, bodies)
        with served(run, given.threads) as service:
            parts["cold_start_s"] = service.cold_start_s
            finished(load(service.url, bodies, "--concurrency", 4, "--seconds", SETTLE_S))
            seconds = ("--seconds", given.seconds)
            parts["at_50_a_second"] = measured(service, bodies, "--rate", RATE, *seconds)
            parts["at_concurrency_32"] = measured(
                service, bodies, "--concurrency", CLIENTS, *seconds
            )
            parts["resident_mb"] = service.numbers()["longtail_resident_bytes"] / 1e6
            if given.soak:
                write_bodies(run, bodies, batches=True)
                parts["soak"] = soak(service, bodies, given.soak)
        parts["batch"] = batch_scoring(run, folder)
    before = read_results(given.results)
    if "soak" not in parts and before.get("settings", {}).get("run") == given.run.name:
        # A soak of half an hour is too long for every change.
        parts |= {name: part for name, part in before["parts"].items() if name == "soak"}
    lines = targets_of(parts)
    content = {
        "subject": "serve",
        "machine": {"python": platform.python_version(), "processors": os.cpu_count()},
        "settings": {
            "run": given.run.name,
            "seconds": given.seconds,
            "threads": given.threads,
            "request": "user_id, k 10, pool tail",
            "batch": "all users, k 100, pool all",
        },
        "versions": {package: version(package) for package in PACKAGES},
        "targets": lines,
        "parts": parts,
    }
    write_results(given.results, content)
    print(json.dumps(parts, indent=1))  # noqa: T201
    print_targets(lines)


if __name__ == "__main__":
    main()

"""The HTTP service: latency, throughput, where the time goes, cold start, memory, and a soak.

Run:  python benchmarks/serve.py RUN [--seconds 20] [--threads 1]
      python benchmarks/serve.py RUN --hostile [--seconds 60]
      python benchmarks/serve.py RUN --soak MINUTES

RUN is a run folder; it is copied, and left as it is. The load comes from another process on
loopback (service/load.py). With --hostile nothing but what a client at 20 requests a second notices
of 20 attackers (service/attackers.py) is measured. With --soak the same goes on for long, every
other half minute without attackers, while an item comes and goes, events come, `longtail learn`
publishes and the run folder is swapped (service/soak.py); it exits 1 where a promise was broken.
Writes benchmarks/results/serve.json, serve_hostile.json or soak.json.
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
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from report.results_file import results_path, write_results
from report.targets import print_targets, target
from service.hostile import hostile, hostile_targets
from service.process import Process, finished, load, served
from service.soak import soak, soak_targets

PACKAGES = ("fastapi", "uvicorn", "uvloop", "httptools", "orjson", "torch", "faiss-cpu")
RATE, CLIENTS = 50, 32
SETTLE_S = 3.0
# Lines of the service's log about failures.
SHOWN = 20


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
    return [
        target("p50 ms at 50 requests a second", rate["p50_ms"], 15, most=True),
        target("p99 ms at 50 requests a second", rate["p99_ms"], 60, most=True),
        target("requests a second at concurrency 32", crowd["per_second"], 400, most=False),
        target("users a second, batch", parts["batch"]["users_per_second"], 2_000, most=False),
        target("cold start seconds", parts["cold_start_s"], 10, most=True),
        target("errors under load", _errors(rate) + _errors(crowd), 0, most=True),
    ]


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
    written(
        given,
        "serve_hostile",
        {"hostile": part},
        hostile_targets(part),
        request="user_id, k 10, pool tail, 20 a second",
        attackers="20: slow readers, mistyped ids, filters, batches, searches",
    )


def measure_soak(given: argparse.Namespace) -> int:
    """Soak, print, and write the results; return 1 where a promise was broken."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run, bodies = folder / "run", folder / "bodies.jsonl"
        shutil.copytree(given.run, run)
        write_bodies(run, bodies, batches=True)
        with served(run, given.threads, folder / "log") as service:
            done = soak(service, run, bodies, given.run, given.soak)
        part = done.summary(given.soak) | {"events": done.events.counted(run, folder)}
        with (folder / "log").open(encoding="utf-8") as said:
            failures = (line for line in said if '"level":"error"' in line)
            sys.stdout.writelines(islice(failures, SHOWN))
    lines = soak_targets(part)
    written(
        given,
        "soak",
        {"soak": part},
        lines,
        request="user_id, k 10, pool tail, every tenth a batch of three, 20 a second",
        attackers="20, every other half minute",
    )
    return int(not all(line["reached"] for line in lines))


def written(
    given: argparse.Namespace,
    subject: str,
    parts: dict[str, Any],
    lines: list[dict[str, Any]],
    **settings: object,
) -> None:
    """Write the results, and print them."""
    content = {
        "subject": subject,
        "machine": {"python": platform.python_version(), "processors": os.cpu_count()},
        "settings": {
            "run": given.run.name,
            "seconds": given.seconds,
            "threads": given.threads,
            **settings,
        },
        "versions": {package: version(package) for package in PACKAGES},
        "targets": lines,
        "parts": parts,
    }
    write_results(given.results or results_path(subject), content)
    print(json.dumps(parts, indent=1))  # noqa: T201
    print_targets(lines)


def main() -> None:
    """Measure, print, and write the results."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("run", type=Path, help="a run folder")
    arguments.add_argument("--seconds", type=float, default=20.0, help="of each load")
    arguments.add_argument("--soak", type=float, default=0.0, help="minutes")
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--results", type=Path)
    arguments.add_argument("--hostile", action="store_true", help="beside 20 attackers")
    given = arguments.parse_args()
    if given.hostile:
        measure_hostile(given)
        return
    if given.soak:
        sys.exit(measure_soak(given))
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
        parts["batch"] = batch_scoring(run, folder)
    lines = targets_of(parts)
    written(
        given,
        "serve",
        parts,
        lines,
        request="user_id, k 10, pool tail",
        batch="all users, k 100, pool all",
    )


if __name__ == "__main__":
    main()

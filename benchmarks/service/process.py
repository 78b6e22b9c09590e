"""A `longtail serve` in a process of its own, and the load on it in another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class Process:
    """A running `longtail serve`."""

    def __init__(self, run: Path, threads: int, log: Path = Path(os.devnull)) -> None:
        environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
        began = time.perf_counter()
        with log.open("w") as stream:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "longtail.cli", "serve", str(run)),
                    *("--port", "0", "--threads", str(threads)),
                ],
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                env=environment,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if " at http" not in line:
            raise SystemExit(f"{run} is not served; try `longtail serve {run}`")
        self.url = line.split(" at ")[1].split()[0]
        self.get("/readyz")
        self.cold_start_s = time.perf_counter() - began

    def get(self, path: str) -> bytes:
        """Return the body of an answer."""
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return bytes(answer.read())

    def send(self, method: str, path: str, body: Any = None) -> None:
        """Send a change, and wait until it is served."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            answer.read()

    def status_of(self, method: str, path: str, body: Any = None) -> str:
        """Return the status of an answer, or ``cut off`` where there is none."""
        try:
            self.send(method, path, body)
        except urllib.error.HTTPError as error:
            return str(error.code)
        except OSError:
            return "cut off"
        return "200"

    def numbers(self) -> dict[str, float]:
        """Return /metrics by name and labels."""
        lines = self.get("/metrics").decode().splitlines()
        pairs = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
        return {name: float(value) for name, value in pairs}

    def processor_seconds(self) -> float:
        """Return the processor time that the service has taken so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served(run: Path, threads: int, log: Path = Path(os.devnull)) -> Iterator[Process]:
    """Serve a run, its log in a file, and stop it in peace."""
    service = Process(run, threads, log)
    try:
        yield service
    finally:
        service.process.terminate()
        service.process.wait(60)


def load(url: str, bodies: Path, *how: object) -> subprocess.Popen[str]:
    """Start the load."""
    return subprocess.Popen(
        [sys.executable, str(HERE / "load.py"), url, str(bodies), *map(str, how)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Return what the load found."""
    out, _ = process.communicate()
    found: dict[str, Any] = json.loads(out)
    return found

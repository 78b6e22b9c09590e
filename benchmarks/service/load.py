"""Load for an HTTP service from a process of its own: as fast as told, or as fast as it answers.

Run:  python benchmarks/service/load.py URL BODIES --rate 50 --seconds 20
      python benchmarks/service/load.py URL BODIES --concurrency 32 --seconds 20

BODIES holds one JSON body of /v1/recommend, or of /v1/recommend:batch, a line. Prints one JSON
object. The client is plain asyncio over kept connections, so that it isn't what is measured:
``client_share`` says how much of a processor it took.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np


@dataclass
class Tally:
    """What came back."""

    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    mixed: int = 0
    errors: int = 0

    def add(self, status: int, body: bytes, began: float) -> None:
        """Count one answer, timed from when it was due."""
        self.milliseconds.append((time.perf_counter() - began) * 1000)
        self.statuses[status] += 1
        versions = {part.partition(b'"')[0].decode() for part in body.split(b'"index":"')[1:]}
        self.versions.update(versions)
        # A batch names its version with every answer in it.
        self.mixed += len(versions) > 1

    def summary(self, seconds: float, processor_seconds: float) -> dict[str, Any]:
        """Return the figures."""
        times = np.array(self.milliseconds or [np.nan])
        return {
            "answers": len(self.milliseconds),
            "per_second": len(self.milliseconds) / seconds,
            "p50_ms": float(np.percentile(times, 50)),
            "p90_ms": float(np.percentile(times, 90)),
            "p99_ms": float(np.percentile(times, 99)),
            "max_ms": float(times.max()),
            "statuses": {str(status): n for status, n in sorted(self.statuses.items())},
            "versions": dict(sorted(self.versions.items())),
            "mixed_versions": self.mixed,
            "broken_connections": self.errors,
            "client_share": processor_seconds / seconds,
        }


class Connection:
    """One kept HTTP/1.1 connection."""

    def __init__(self, host: str, port: int) -> None:
        self.address = host, port
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def post(self, request: bytes) -> tuple[int, bytes]:
        """Send a whole request and return status and body."""
        if self.reader is not None and self.reader.at_eof():
            # The service has closed it after its idle time, as it may: no answer is lost.
            self.close()
        if self.reader is None or self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(*self.address)
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        place = head.lower().index(b"content-length:") + 15
        size = int(head[place : head.index(b"\r\n", place)])
        body = await self.reader.readexactly(size)
        if b"connection: close" in head.lower():
            self.close()
        return int(head[9:12]), body

    def close(self) -> None:
        """Give the connection up."""
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


def requests_of(url: str, bodies: Path) -> tuple[str, int, list[bytes]]:
    """Return the address and whole requests."""
    parts = urlsplit(url)
    host, port = str(parts.hostname), int(parts.port or 80)
    head = f"HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n".encode()
    made = []
    for line in bodies.read_bytes().splitlines():
        path = b"/v1/recommend:batch" if line.startswith(b'{"requests"') else b"/v1/recommend"
        made.append(b"POST %s %sContent-Length: %d\r\n\r\n%s" % (path, head, len(line), line))
    return host, port, made


async def at_rate(
    host: str, port: int, requests: list[bytes], rate: float, seconds: float, tally: Tally
) -> None:
    """Send at moments that don't wait for answers (open loop): a slow answer delays no other."""
    idle: list[Connection] = []
    tasks: set[asyncio.Task[None]] = set()

    async def one(request: bytes, due: float) -> None:
        connection = idle.pop() if idle else Connection(host, port)
        try:
            status, body = await connection.post(request)
            tally.add(status, body, due)
            idle.append(connection)
        except (OSError, EOFError):
            tally.errors += 1
            connection.close()

    began, rng = time.perf_counter(), np.random.default_rng(0)
    due, number = began, 0
    while due - began < seconds:
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        task = asyncio.create_task(one(requests[number % len(requests)], due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        # Arrivals of many clients that know nothing of one another (a Poisson process).
        due += rng.exponential(1 / rate)
        number += 1
    await asyncio.gather(*tasks)
    for connection in idle:
        connection.close()


async def at_concurrency(
    host: str, port: int, requests: list[bytes], clients: int, seconds: float, tally: Tally
) -> None:
    """Keep so many clients asking one after the other (closed loop)."""
    until = time.perf_counter() + seconds

    async def client(number: int) -> None:
        connection, place = Connection(host, port), number
        while time.perf_counter() < until:
            began = time.perf_counter()
            try:
                status, body = await connection.post(requests[place % len(requests)])
                tally.add(status, body, began)
            except (OSError, EOFError):
                tally.errors += 1
                connection.close()
            place += clients
        connection.close()

    await asyncio.gather(*map(client, range(clients)))


def main() -> None:
    """Load the service and print what came back."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("url")
    arguments.add_argument("bodies", type=Path)
    arguments.add_argument("--rate", type=float, help="requests a second, open loop")
    arguments.add_argument("--concurrency", type=int, help="clients, closed loop")
    arguments.add_argument("--seconds", type=float, default=20.0)
    arguments.add_argument("--all-times", action="store_true", help="print each answer's, too")
    given = arguments.parse_args()
    host, port, requests = requests_of(given.url, given.bodies)
    tally = Tally()
    began, processor = time.perf_counter(), time.process_time()
    if given.rate:
        asyncio.run(at_rate(host, port, requests, given.rate, given.seconds, tally))
    else:
        asyncio.run(
            at_concurrency(host, port, requests, given.concurrency or 1, given.seconds, tally)
        )
    seconds = time.perf_counter() - began
    found = tally.summary(seconds, time.process_time() - processor)
    if given.all_times:
        found["milliseconds"] = tally.milliseconds
    print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main()

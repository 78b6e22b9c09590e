"""Clients that mean no good, from a process of their own: each asks what costs a service most.

Run:  python benchmarks/service/attackers.py URL --seconds 20 [--each 4] [--no-slow]

Five kinds, ``--each`` of a kind, all at once and as fast as they get answers: slow readers that ask
for much and take a few bytes a second, mistyped ids, filters as long as may be, full batches, and
searches. Slow readers keep the room for heavy work full, so that hardly a batch of others is
ranked: ``--no-slow`` leaves them out. Prints one JSON object: answers by kind and status, and
connections that were cut off.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import time
from collections import Counter
from collections.abc import Callable
from urllib.parse import quote, urlsplit

from load import Connection

Request = tuple[str, str, object]
BATCH = 100
# Of a slow reader: bytes that it takes, and how long it waits then.
SIP_BYTES, SIP_S = 64, 1.0


def mistyped(rng: random.Random) -> Request:
    """Return a request of an id that nobody has, spelt much like others."""
    wrong = f"user-{rng.randrange(10**6)}x{rng.random()}"
    kind = rng.randrange(4)
    if kind == 0:
        return "GET", f"/v1/users/{quote(wrong)}", None
    if kind == 1:
        return "GET", f"/v1/items/{quote(wrong)}/audience", None
    if kind == 2:
        return "DELETE", f"/v1/items/{quote(wrong)}", None
    return "POST", "/v1/recommend", {"user_id": wrong}


def filtered(rng: random.Random) -> Request:
    """Return a request with as many conditions as may be, none of which was asked before."""
    kind = rng.randrange(3)
    if kind == 0:
        where = [f"title~{rng.random()}" for _ in range(32)]
    elif kind == 1:
        where = [" " * (480 + rng.randrange(20)) + "a" for _ in range(32)]
    else:
        where = [f"title in ({','.join(str(rng.randrange(999)) for _ in range(110))})"] * 32
    return "POST", "/v1/recommend", {"history": [], "where": where}


def batched(rng: random.Random) -> Request:
    """Return a full batch: what is dear for the engine, or what is long to read."""
    kind = rng.randrange(3)
    if kind == 0:
        one = {"text": "a present for somebody who bakes bread " * 40, "k": 50}
    elif kind == 1:
        one = {"history": [], "k": 1000, "pool": "all", "explain": True, "diversity": 0.5}
    else:
        one = {"history": ["no-such-item"] * 550}
    requests = [{**one, "where": [f"title~{rng.random()}"]} for _ in range(BATCH)]
    return "POST", "/v1/recommend:batch", {"requests": requests}


def searched(rng: random.Random) -> Request:
    """Return a read of the explorer."""
    words = rng.choice(["a", "e", " ".join("aeiou"), "the of and", str(rng.random()), "红色登山鞋"])
    kind = rng.randrange(5)
    if kind == 0:
        return "GET", f"/v1/items?search={quote(words)}&limit=100", None
    if kind == 1:
        return "GET", f"/v1/users?search={quote(words)}&kind=niche&limit=100", None
    if kind == 2:
        return "GET", "/v1/catalog/curve?points=2000", None
    if kind == 3:
        return "GET", "/v1/catalog/columns", None
    return "GET", f"/v1/catalog/at?rank={rng.randrange(1, 10**6)}&limit=100", None


KINDS: dict[str, Callable[[random.Random], Request]] = {
    "mistyped": mistyped,
    "filters": filtered,
    "batches": batched,
    "searches": searched,
}


def bytes_of(host: str, request: Request) -> bytes:
    """Return a request as it is sent."""
    method, path, content = request
    body = b"" if content is None else json.dumps(content).encode()
    kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{kind}\r\n".encode() + body


async def attack(host: str, port: int, name: str, seed: int, until: float, found: Counter) -> None:
    """Ask, and ask again as soon as there is an answer."""
    rng, connection = random.Random(seed), Connection(host, port)
    while time.monotonic() < until:
        try:
            status, _ = await connection.post(bytes_of(f"{host}:{port}", KINDS[name](rng)))
            found[f"{name} {status}"] += 1
        except (OSError, EOFError, ValueError):
            found[f"{name} cut off"] += 1
            connection.close()


async def read_slowly(host: str, port: int, seed: int, until: float, found: Counter) -> None:
    """Ask for long answers, one after the other on a connection, and hardly take them."""
    rng = random.Random(seed)
    loop = asyncio.get_running_loop()
    one = {"history": [], "k": 1000, "pool": "all"}
    body = {"requests": [one] * 20}
    request = bytes_of(f"{host}:{port}", ("POST", "/v1/recommend:batch", body))
    while time.monotonic() < until:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.setblocking(False)
        try:
            await loop.sock_connect(client, (host, port))
            await loop.sock_sendall(client, request * 3)
            while time.monotonic() < until:
                if not await asyncio.wait_for(loop.sock_recv(client, SIP_BYTES), 30):
                    raise ConnectionError
                await asyncio.sleep(SIP_S * (0.5 + rng.random()))
        except (OSError, TimeoutError):
            found["slow cut off"] += 1
        finally:
            client.close()


async def attacks(host: str, port: int, each: int, seconds: float, *, slow: bool) -> Counter:
    """Return what all attackers together got."""
    found: Counter[str] = Counter()
    until = time.monotonic() + seconds
    tasks = [read_slowly(host, port, seed, until, found) for seed in range(each if slow else 0)]
    for name in KINDS:
        tasks += [attack(host, port, name, seed, until, found) for seed in range(each)]
    done = [asyncio.create_task(task) for task in tasks]
    await asyncio.wait(done, timeout=seconds + 5)
    for task in done:
        task.cancel()
    return found


def main() -> None:
    """Attack, and print what came of it."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("url")
    arguments.add_argument("--seconds", type=float, default=20.0)
    arguments.add_argument("--each", type=int, default=4, help="attackers of each of five kinds")
    arguments.add_argument("--no-slow", action="store_true", help="without slow readers")
    given = arguments.parse_args()
    parts = urlsplit(given.url)
    host, port = str(parts.hostname), int(parts.port or 80)
    found = asyncio.run(attacks(host, port, given.each, given.seconds, slow=not given.no_slow))
    print(json.dumps(dict(sorted(found.items()))))  # noqa: T201


if __name__ == "__main__":
    main()

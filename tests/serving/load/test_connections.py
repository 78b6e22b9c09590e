"""Clients that are slow, too many or don't listen: they lose their connection, others nothing."""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from processes import LONGEST_WAIT_S
from service_client import USER, client_of, recommend, served_process

from longtail.serving.limits import CONNECTIONS

KEY = "a key of the tests, long enough"


@pytest.fixture(scope="module")
def url(cli_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service that gives its clients two seconds."""
    run = tmp_path_factory.mktemp("connections") / "run"
    shutil.copytree(cli_run, run)
    key = run.parent / "key"
    key.write_text(KEY, encoding="utf-8")
    with served_process(run, "--client-timeout", 2, "--api-key-file", key) as (url, _):
        yield url


def connected(url: str, receive_buffer: int | None = None) -> socket.socket:
    parts = urlsplit(url)
    found = socket.socket()
    if receive_buffer is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    found.settimeout(LONGEST_WAIT_S)
    found.connect((str(parts.hostname), int(parts.port or 0)))
    return found


def request(method: str, path: str, body: bytes = b"", key: str = KEY, *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"X-API-Key: {key}", *headers]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def everything(client: socket.socket) -> bytes:
    """Return all that comes until the service ends the connection."""
    parts = []
    try:
        while part := client.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def number(url: str, name: str) -> float:
    with client_of(url) as client:
        lines = client.get("/metrics", headers={"X-API-Key": KEY}).text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def test_a_client_that_takes_no_answer_is_cut_off(url: str) -> None:
    before = number(url, 'longtail_cut_off_total{why="answers"}')
    asked = {"user_id": USER, "k": 60, "pool": "all", "explain": True, "include_seen": True}
    body = json.dumps({"requests": [asked] * 100}).encode()
    with connected(url, receive_buffer=4_096) as slow:
        for _ in range(3):
            slow.sendall(request("POST", "/v1/recommend:batch", body))
        wait_for(url, 'longtail_cut_off_total{why="answers"}', before + 1)
        assert len(everything(slow)) < 3 * 400_000


def wait_for(url: str, name: str, value: float) -> None:
    deadline = time.monotonic() + LONGEST_WAIT_S
    while number(url, name) < value:
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHost: 127"])
def test_a_client_that_asks_nothing_is_cut_off(url: str, sent: bytes) -> None:
    with connected(url) as silent:
        silent.sendall(sent)
        assert everything(silent) == b""


def test_headers_without_end_are_refused(url: str) -> None:
    with connected(url) as endless:
        endless.sendall(b"GET /healthz HTTP/1.1\r\n" + b"X-More: and more\r\n" * 5_000)
        assert everything(endless).startswith(b"HTTP/1.1 431 ")


def test_an_idle_connection_makes_room_for_a_new_one(url: str) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(connected(url)) for _ in range(CONNECTIONS)]
        with connected(url) as asking:
            asking.sendall(request("GET", "/healthz"))
            assert asking.recv(100).startswith(b"HTTP/1.1 200 ")
        assert everything(idle[0]) == b""


@pytest.mark.parametrize(
    ("key", "length", "status"), [("a wrong key, long enough", 900_000, 401), (KEY, 1_200_000, 413)]
)
def test_a_body_that_is_not_read_ends_the_connection(
    url: str, key: str, length: int, status: int
) -> None:
    hidden = request("GET", "/v1/version")
    with connected(url) as refused:
        refused.sendall(request("POST", "/v1/events", hidden.ljust(length), key))
        answers = everything(refused)
    assert answers.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"connection: close" in answers
    assert answers.count(b"HTTP/1.1 ") == 1


def test_a_body_where_none_belongs_ends_the_connection(url: str) -> None:
    with connected(url) as odd:
        odd.sendall(request("GET", "/healthz", b"{}") + request("GET", "/v1/version"))
        answers = everything(odd)
    assert answers.startswith(b"HTTP/1.1 200 ")
    assert answers.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/readyz", "/metrics", "/v1/version", "/v1/users", "/v1/items/x"]
)
def test_head_answers_where_get_does(url: str, path: str) -> None:
    with client_of(url) as client:
        headers = {"X-API-Key": KEY}
        got, head = client.get(path, headers=headers), client.head(path, headers=headers)
    assert head.status_code == got.status_code
    assert head.content == b""
    assert head.headers["content-type"] == got.headers["content-type"]


def test_a_client_that_reads_gets_everything(url: str) -> None:
    with client_of(url) as client:
        client.headers["X-API-Key"] = KEY
        asked = {"user_id": USER, "k": 60, "pool": "all", "explain": True, "include_seen": True}
        answers = client.post("/v1/recommend:batch", json={"requests": [asked] * 100}).json()
        assert len(answers["answers"]) == 100
        assert recommend(client, user_id=USER)["items"]


def test_a_client_that_offers_http_2_is_answered_as_others_are(url: str) -> None:
    body = json.dumps({"user_id": USER, "k": 1}).encode()
    offered = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
    whole = request("POST", "/v1/recommend", body, KEY, *offered)
    last = request("GET", "/healthz", b"", KEY, "Connection: close")
    with connected(url) as client:
        client.sendall(whole[: -len(body)])
        time.sleep(0.1)
        client.sendall(body + last)
        said = everything(client)
    assert said.count(b"HTTP/1.1 200") == 2, said

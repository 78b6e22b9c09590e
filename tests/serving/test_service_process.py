"""The process: its address, who may ask, how it stops, and clients that behave badly."""

from __future__ import annotations

import json
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from command_line import longtail
from processes import LONGEST_WAIT_S, wait_until
from service_client import USER, client_of, recommend, refused, served_process, serving

from longtail.serving.access import ApiKey

KEY = "a key of enough length"


@pytest.fixture(scope="module")
def url(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a process answers whose clients behave badly."""
    run = Path(shutil.copytree(trained_run, tmp_path_factory.mktemp("served") / "run"))
    with served_process(run) as (url, _):
        yield url


@pytest.fixture(scope="module")
def impatient_url(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a process answers that waits for no client for long."""
    run = Path(shutil.copytree(trained_run, tmp_path_factory.mktemp("impatient") / "run"))
    with served_process(run, "--client-timeout", 0.3) as (url, _):
        yield url


def connected(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port), timeout=LONGEST_WAIT_S)


def posted(body: bytes, *, path: str = "/v1/recommend", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n"
    return head.encode() + b"Content-Type: application/json\r\n\r\n" + body


def number_of(client: httpx2.Client, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith(name)), 0.0)


def wait_for_number(client: httpx2.Client, name: str, wanted: float) -> None:
    wait_until(lambda: number_of(client, name) == wanted)


class TestTheAddress:
    def test_in_use_is_one_line(self, trained_run: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = longtail("serve", trained_run, "--port", port)
        assert done.complaint == (
            f"port {port} of 127.0.0.1 is in use; stop what listens there or give another --port"
        )

    def test_that_is_none_of_this_machine_is_one_line(
        self, trained_run: Path, tmp_path: Path
    ) -> None:
        key = tmp_path / "key"
        key.write_text(KEY)
        done = longtail("serve", trained_run, "--host", "203.0.113.7", "--api-key-file", key)
        assert done.complaint.startswith("can't listen on 203.0.113.7, port 8000: ")

    def test_that_others_reach_needs_a_key(
        self, trained_run: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("LONGTAIL_API_KEY", raising=False)
        for host in ("0.0.0.0", "::", "192.0.2.1", "example.test"):
            done = longtail("serve", trained_run, "--host", host)
            assert "there is no API key" in done.complaint

    def test_a_folder_that_is_no_run_is_one_line(self, tmp_path: Path) -> None:
        assert "is no run folder" in longtail("serve", tmp_path / "nothing").complaint


class TestTheKey:
    def test_is_needed_for_data_and_not_for_probes_and_the_page(self, run_copy: Path) -> None:
        with serving(run_copy, key=ApiKey(KEY)) as (client, _):
            asked = {"user_id": USER}
            refused(client.post("/v1/recommend", json=asked), 401, "unauthorized")
            for path in ("/v1/version", "/metrics", "/openapi.json", "/docs", "/v1/users"):
                refused(client.get(path), 401, "unauthorized")
            for path in ("/healthz", "/readyz", "/"):
                assert client.get(path).status_code == 200
            for headers in (
                {"X-API-Key": KEY + "!"},
                {"X-API-Key": KEY[:-1]},
                {"X-API-Key": ""},
                {"Authorization": f"Basic {KEY}"},
            ):
                response = client.post("/v1/recommend", json=asked, headers=headers)
                refused(response, 401, "unauthorized")
            for headers in ({"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}):
                response = client.post("/v1/recommend", json=asked, headers=headers)
                assert response.status_code == 200

    def test_that_is_short_or_missing_is_refused(self, trained_run: Path, tmp_path: Path) -> None:
        path = tmp_path / "key"
        done = longtail("serve", trained_run, "--api-key-file", path)
        assert "it should hold the API key" in done.complaint
        path.write_text("short\n")
        done = longtail("serve", trained_run, "--api-key-file", path)
        assert "has 5 characters" in done.complaint

    def test_in_the_environment_opens_other_addresses(self, run_copy: Path) -> None:
        os.environ["LONGTAIL_API_KEY"] = KEY
        try:
            with (
                served_process(run_copy, "--host", "0.0.0.0") as (url, _),
                client_of(url.replace("0.0.0.0", "127.0.0.1")) as client,
            ):
                refused(client.get("/v1/version"), 401, "unauthorized")
                response = client.get("/v1/version", headers={"X-API-Key": KEY})
                assert response.status_code == 200
        finally:
            del os.environ["LONGTAIL_API_KEY"]


class TestTheHostName:
    def test_of_another_site_is_refused_without_a_key(self, url: str) -> None:
        with client_of(url) as client:
            for host in ("shop.test", "127.0.0.1.shop.test:80", "localhost.shop.test"):
                response = client.get("/v1/version", headers={"Host": host})
                refused(response, 403, "other_host")
            for host in ("localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000"):
                assert client.get("/readyz", headers={"Host": host}).status_code == 200


class TestStopping:
    def test_answers_what_is_in_flight_and_leaves_in_peace(self, run_copy: Path) -> None:
        with served_process(run_copy) as (url, process), client_of(url) as client:
            body = {
                "requests": [
                    {"user_id": USER, "pool": "all", "explain": True, "k": 50} for _ in range(100)
                ]
            }
            found: list[httpx2.Response] = []

            def ask() -> None:
                found.append(client.post("/v1/recommend:batch", json=body))

            asking = threading.Thread(target=ask)
            asking.start()
            numbers = ""
            while 'stage="queue"' not in numbers:  # the engine is at it
                numbers = client.get("/metrics").text
            process.terminate()
            asking.join()
            assert process.wait(LONGEST_WAIT_S) == 0
            assert process.stderr is not None
            log = [json.loads(line) for line in process.stderr.read().splitlines()]
        assert found[0].status_code == 200
        assert [len(answer["items"]) for answer in found[0].json()["answers"]] == [50] * 100
        assert log[-1]["event"] == "stopped"


class TestTheLog:
    def test_has_ids_and_times_and_nothing_of_users(self, run_copy: Path) -> None:
        with served_process(run_copy) as (url, process), client_of(url) as client:
            recommend(client, user_id=USER)
            recommend(client, text="oolong for two")
            event = {"user_id": "stranger", "item_id": "tea-oolong-small"}
            client.post("/v1/events", json={"events": [event]})
            client.get("/v1/users/sencha-fan-1")
            client.get("/v1/items", params={"search": "oolong"})
            client.post("/v1/recommend", json={"user_id": "nobody"})
            process.terminate()
            process.wait(LONGEST_WAIT_S)
            assert process.stderr is not None
            log = process.stderr.read()
        requests = [json.loads(line) for line in log.splitlines() if '"request"' in line]
        assert [line["status"] for line in requests] == [200, 200, 202, 200, 200, 404]
        for line in requests:
            assert len(line["request_id"]) == 16
            assert line["ms"] >= 0
        for told in (USER, "oolong", "stranger", "nobody", "sencha"):
            assert told not in log


class TestClients:
    def test_that_hang_up_are_not_computed(self, url: str) -> None:
        left = 'longtail_requests_total{route="/v1/recommend:batch",status="499"}'
        with client_of(url) as client:
            batches = number_of(client, "longtail_batch_size_count")
            asked = {"user_id": USER, "pool": "all", "explain": True, "k": 60}
            heavy = json.dumps({"requests": [asked] * 100}).encode()
            with connected(url) as busy, connected(url) as gone:
                busy.sendall(posted(heavy, path="/v1/recommend:batch"))
                wait_for_number(client, "longtail_batch_size_count", batches + 1)
                gone.sendall(posted(heavy, path="/v1/recommend:batch"))
                wait_for_number(client, "longtail_waiting", 100)
                gone.close()
                wait_for_number(client, left, 1)
                assert b"200 OK" in busy.recv(100)
            recommend(client, user_id=USER)
            # The heavy batch and the last request; nothing in between.
            wait_for_number(client, "longtail_batch_size_count", batches + 2)

    def test_that_are_slow_with_the_body_get_a_408(self, impatient_url: str) -> None:
        with connected(impatient_url) as slow:
            slow.sendall(posted(b'{"user_id": ', length=100))
            answer = b"".join(iter(lambda: slow.recv(4000), b""))
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"code":"slow_body"' in answer

    def test_that_speak_no_http_get_a_400(self, url: str) -> None:
        with connected(url) as odd:
            odd.sendall(b"\x16\x03\x01\x02\x00 no HTTP\r\n\r\n")
            assert odd.recv(100).startswith(b"HTTP/1.1 400 ")
        with client_of(url) as client:
            assert client.get("/readyz").status_code == 200

"""Two keys: one opens everything, one opens what changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import longtail
from service_client import USER, refused, serving

from longtail.serving.access import ApiKey, names_this_machine
from longtail.serving.key_strength import weakness

KEY, READ_KEY = "3f9c1d2e7a6b5840", "b84e07d15c6a92f3"
QUESTION = {"user_id": USER}
EVENTS = {"events": [{"user_id": USER, "item_id": "tea-oolong-small"}]}


class TestTheReadKey:
    def test_asks_and_changes_nothing(self, run_copy: Path) -> None:
        with serving(run_copy, key=ApiKey(KEY), read_key=ApiKey(READ_KEY)) as (client, _):
            headers = {"X-API-Key": READ_KEY}
            for path in ("/v1/version", "/metrics", "/v1/items/tea-oolong-small", "/v1/users"):
                assert client.get(path, headers=headers).status_code == 200
            batch = {"requests": [QUESTION]}
            for path, body in (("/v1/recommend", QUESTION), ("/v1/recommend:batch", batch)):
                assert client.post(path, json=body, headers=headers).status_code == 200
            item = "/v1/items/tea-oolong-small"
            refused(client.post("/v1/events", json=EVENTS, headers=headers), 403, "read_only")
            refused(client.put(item, json={"price": 1}, headers=headers), 403, "read_only")
            refused(client.delete(item, headers=headers), 403, "read_only")
            headers = {"X-API-Key": KEY}
            assert client.post("/v1/events", json=EVENTS, headers=headers).status_code == 202

    def test_alone_leaves_nobody_to_write(self, run_copy: Path) -> None:
        with serving(run_copy, read_key=ApiKey(READ_KEY)) as (client, _):
            refused(client.post("/v1/events", json=EVENTS), 401, "unauthorized")
            headers = {"X-API-Key": READ_KEY}
            refused(client.post("/v1/events", json=EVENTS, headers=headers), 403, "read_only")
            assert client.get("/v1/version", headers=headers).status_code == 200


def test_what_comes_beside_the_right_key_is_no_hindrance(run_copy: Path) -> None:
    with serving(run_copy, key=ApiKey(KEY), read_key=ApiKey(READ_KEY)) as (client, _):
        right = ("X-API-Key", KEY)
        for beside in (
            ("Authorization", "Basic dXNlcjpwYXNz"),
            ("Authorization", "Bearer eyJhbGciOiJSUzI1NiJ9.of.a-proxy"),
            ("Authorization", "Bearer "),
            ("X-API-Key", "another"),
            ("Authorization", f"Bearer {READ_KEY}"),
        ):
            for headers in ([right, beside], [beside, right]):
                response = client.post("/v1/events", json=EVENTS, headers=headers)
                assert response.status_code == 202, (beside, response.text)
        wrong = [("X-API-Key", "another"), ("Authorization", "Basic dXNlcjpwYXNz")]
        refused(client.get("/v1/version", headers=wrong), 401, "unauthorized")


@pytest.mark.parametrize(
    "key",
    [
        "short",
        "aaaaaaaaaaaaaaaaaaaaaaaa",
        "abababababababababab",
        "0123456789abcdef",
        "abcdefghijklmnopqrstuvwxyz",
        "1234567890123456",
        "changemechangeme",
        "change-me-please",
        "longtail-secret-key",
        "your-api-key-here",
        "passwordpassword",
        "Fq7#Fq7#Fq7#Fq7#",
        "two\nlines of a file",
        "schlüssel-9f86d081",
    ],
)
def test_keys_that_are_guessed_are_refused(key: str, trained_run: Path, tmp_path: Path) -> None:
    assert weakness(key) is not None
    if key in ("short", "changemechangeme"):
        path = tmp_path / "key"
        path.write_text(key)
        for option in ("--api-key-file", "--read-key-file"):
            done = longtail("serve", trained_run, option, path)
            assert "openssl rand -hex 32" in done.complaint


def test_both_keys_must_differ(trained_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY)
    done = longtail("serve", trained_run, "--api-key-file", path, "--read-key-file", path)
    assert "the key for reading is the one for writing" in done.complaint


@pytest.mark.parametrize(
    "host",
    [
        b"127.0.0.1:80@evil.test",
        b"[::1]@evil.test",
        b"[::1].evil.test",
        b"[::1%25eth0]",
        b"127.0.0.1.nip.io",
        b"localhost.evil.test",
        b"127.0.0.1:80:80",
        b"0.0.0.0",
        b"",
    ],
)
def test_a_host_that_only_looks_like_this_machine_is_none(host: bytes) -> None:
    assert not names_this_machine([(b"host", host)])


def test_two_hosts_are_none() -> None:
    assert not names_this_machine([(b"host", b"127.0.0.1"), (b"host", b"evil.test")])

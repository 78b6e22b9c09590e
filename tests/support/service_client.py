"""The service for tests: in this process, or in one of its own that can be killed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from command_line import start
from starlette.testclient import TestClient

from longtail.serving.access import ApiKey
from longtail.serving.app import make_app
from longtail.serving.limits import Limits
from longtail.serving.service import Service

USER = "oolong-fan-1"


@contextmanager
def serving(
    run: Path, *, limits: Limits | None = None, key: ApiKey | None = None
) -> Iterator[tuple[TestClient, Service]]:
    """Serve a run in this process."""
    service = Service.open(run, limits or Limits(poll_s=3600))
    with TestClient(make_app(service, key), raise_server_exceptions=False) as client:
        yield client, service


@contextmanager
def served_process(run: Path, *options: object) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Serve a run in a process of its own; yield its URL and the process, which may be killed."""
    process = start("serve", run, "--port", 0, *options)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert " at http" in line, process.stderr.read() if process.stderr else ""
        yield line.split(" at ")[1].split()[0], process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def recommend(client: TestClient | httpx2.Client, **request: Any) -> dict[str, Any]:
    """Return the answer to a recommendation that must have one."""
    response = client.post("/v1/recommend", json=request)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def refused(response: httpx2.Response, status: int, code: str) -> str:
    """Return the sentence of a refusal, checked to be one in the service's form."""
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert error["code"] == code
    assert error["request_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    assert len(response.content) < 1000
    return str(error["message"])

"""The service for tests: in this process, or in one of its own that can be killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from command_line import started_longtail
from processes import LONGEST_WAIT_S, Process, finish, line_of
from starlette.testclient import TestClient

from longtail.serving.access import ApiKey, Keys
from longtail.serving.app import make_app
from longtail.serving.limits import Limits
from longtail.serving.service import Service

USER = "oolong-fan-1"
LONGEST_ANSWER_S = 600.0
# No look for new versions by itself, and time for a busy machine.
PATIENT = Limits(poll_s=3600, deadline_s=LONGEST_ANSWER_S, client_s=LONGEST_ANSWER_S)
PATIENT_OPTIONS = ("--deadline", LONGEST_ANSWER_S, "--client-timeout", LONGEST_ANSWER_S)


@contextmanager
def serving(
    run: Path,
    *,
    limits: Limits = PATIENT,
    key: ApiKey | None = None,
    read_key: ApiKey | None = None,
) -> Iterator[tuple[TestClient, Service]]:
    """Serve a run in this process."""
    service = Service.open(run, limits)
    with TestClient(
        make_app(service, Keys(key, read_key)), raise_server_exceptions=False
    ) as client:
        yield client, service


@contextmanager
def served_process(run: Path, *options: object) -> Iterator[tuple[str, Process]]:
    """Serve a run in a process of its own; yield its URL and the process, which may be killed."""
    with started_longtail("serve", run, "--port", 0, *PATIENT_OPTIONS, *options) as process:
        line = line_of(process)
        assert " at http" in line, finish(process).err
        yield line.split(" at ")[1].split()[0], process


def client_of(url: str) -> httpx2.Client:
    """Return a patient client of a served process."""
    return httpx2.Client(base_url=url, timeout=LONGEST_WAIT_S)


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

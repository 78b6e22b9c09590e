"""No path, process id or host name of the service reaches a client; the log has them."""

from __future__ import annotations

import errno
import logging
import os
import socket
from pathlib import Path
from typing import Any

import httpx2
import pytest
from service_client import refused, serving

from longtail.index.errors import (
    DamagedFileError,
    DiskFullError,
    LockedIndexError,
    LongtailError,
    StaleIndexError,
)
from longtail.retrieval.errors import BundleError, ModelNotFoundError
from longtail.retrieval.run.served_run import ServedRun

ITEM = "/v1/items/tea-oolong-small"


def told_nothing(response: httpx2.Response, run: Path) -> None:
    said = response.text.replace(response.headers["X-Request-Id"], "")
    for inside in (str(run), run.name, str(os.getpid()), socket.gethostname(), "/index", "v0002"):
        assert inside not in said


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (OSError(errno.EIO, "Input/output error", "RUN/index"), 503, "unavailable"),
        (PermissionError(errno.EACCES, "Permission denied", "RUN/index"), 503, "unavailable"),
        (OSError(errno.EROFS, "Read-only file system", "RUN/index"), 503, "unavailable"),
        (OSError(errno.EMFILE, "Too many open files", "RUN/index"), 503, "unavailable"),
        (DiskFullError("no room to write RUN/index/v0002"), 503, "disk_full"),
        (DamagedFileError("RUN/index/v0002 is missing"), 503, "damaged_file"),
        (BundleError("RUN is no run folder"), 503, "unavailable"),
        (ModelNotFoundError("RUN/item_tower"), 503, "unavailable"),
        (LockedIndexError("RUN/index is locked by process 1 on HOST"), 409, "index_locked"),
        (StaleIndexError("RUN/index"), 409, "index_changed"),
    ],
    ids=lambda part: type(part).__name__ if isinstance(part, Exception) else str(part),
)
def test_failures_of_the_disk_and_the_run_are_not_retold(
    run_copy: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    failure: Exception,
    status: int,
    code: str,
) -> None:
    words = str(failure).replace("RUN", str(run_copy)).replace("HOST", socket.gethostname())
    if isinstance(failure, LongtailError):
        failure.args = (words,)
    else:
        assert isinstance(failure, OSError)
        failure.filename = str(run_copy / "index")

    def fails(*_: Any, **__: Any) -> None:
        raise failure

    with serving(run_copy) as (client, _), caplog.at_level(logging.WARNING):
        monkeypatch.setattr(ServedRun, "save", fails)
        for response in (client.put(ITEM, json={"price": 3}), client.delete(ITEM)):
            refused(response, status, code)
            assert int(response.headers["Retry-After"]) > 0
            told_nothing(response, run_copy)
        fields = [vars(record).get("fields", {}) for record in caplog.records]
        assert [line["code"] for line in fields if "code" in line] == [code, code]
        assert all(str(run_copy) in line["why"] for line in fields if "why" in line)


def test_a_version_that_cannot_be_served_is_named_in_the_log_alone(run_copy: Path) -> None:
    with serving(run_copy) as (client, service):
        (run_copy / "index" / "CURRENT").write_text("nonsense")
        service.registry.refresh()
        ready = client.get("/readyz")
        assert (ready.json()["status"], ready.json()["reason"]) == ("degraded", "damaged_file")
        told_nothing(ready, run_copy)
        response = client.delete(ITEM)
        assert "can't be changed" in refused(response, 503, "degraded")
        told_nothing(response, run_copy)

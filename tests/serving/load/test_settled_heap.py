"""Python's search for circles leaves out what is always there: it keeps a service from all else."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from longtail.serving import server
from longtail.serving.access import Keys
from longtail.serving.limits import Limits


def test_while_it_serves_the_engine_and_the_libraries_are_not_searched(
    run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[int] = []

    def instead(*_: object, **__: object) -> None:
        searched.append(len(gc.get_objects()))

    monkeypatch.setattr(server._Server, "run", instead)
    before = len(gc.get_objects())
    server.serve(run_copy, "127.0.0.1", 0, Keys(), Limits(), lambda _: None)
    assert searched[0] < before / 100
    assert gc.get_freeze_count() == 0

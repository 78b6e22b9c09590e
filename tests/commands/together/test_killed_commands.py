"""Commands on one run that are killed beside one another: nothing that was acknowledged is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from checkout import PROGRAMS
from processes import output_of_python


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_whoever_is_killed_and_swapped(
    trained_run: Path, cli_run: Path, tmp_path: Path
) -> None:
    program = PROGRAMS / "killed_commands.py"
    found = json.loads(output_of_python(program, tmp_path / "work", 5, 1, trained_run, cli_run))
    assert found["wrong"] == []
    assert found["lost_events"] == found["lost_items"] == found["left"] == []
    assert found["events"] > 10
    assert found["kills"] >= 5
    assert found["swaps"] >= 1

"""The soak of the service: what it counts as a broken promise."""

from __future__ import annotations

import json
from typing import Any

from checkout import ROOT
from processes import output_of_python

PROGRAM = """
import json, sys
from pathlib import Path
from service.soak import Soak, soak_targets
from service.soak_events import EventClient
here = Path()
def broken(status="200", mixed=0, growth=0.0, events=None):
    soak = Soak(None, here, here, here, EventClient("http://127.0.0.1:1", here))
    soak.events.statuses.update({"202": 9, "503": 2})
    soak.changes.update({"PUT 200": 1, "PUT 503": 1, "swaps": 1})
    soak.attackers.update({"batches 504": 3, "batches " + status: 1, "slow cut off": 2})
    soak.memory = [(second / 60, 500 + second * growth / 60) for second in range(180)]
    turn = {"milliseconds": [1.0, 3.0], "statuses": {"200": 2}, "mixed_versions": mixed}
    soak.turns["quiet"].append({**turn, "versions": {"v1": 2}, "broken_connections": 0})
    part = soak.summary(3.0) | {"events": {"lost": 0, "twice": 0, **(events or {})}}
    lines = soak_targets(part)
    return [line["name"].partition(": ")[2] for line in lines if not line["reached"]]
"""


def printed(asked: str) -> Any:
    """Return what an expression is after that program."""
    code = f"import sys\nsys.path.insert(0, {str(ROOT / 'benchmarks')!r})\n{PROGRAM}"
    return json.loads(output_of_python("-c", f"{code}\nprint(json.dumps({asked}))"))


def test_busy_answers_and_cut_off_attackers_break_no_promise_and_all_else_does() -> None:
    found = printed(
        "[broken(), broken(status='500'), broken(status='502'), broken(status='422'), "
        "broken(mixed=1), broken(growth=30.0), broken(growth=1.0), "
        "broken(events={'lost': 1}), broken(events={'twice': 1})]"
    )
    failure, memory = ["5xx but 503 and 504"], ["memory growth %, after a minute"]
    lost, twice = ["acknowledged events lost"], ["events kept twice"]
    mixed = ["answers of mixed versions"]
    assert found == [[], failure, failure, [], mixed, memory, [], lost, twice]

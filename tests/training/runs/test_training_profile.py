"""The profile of a training: where the time of its steps and stages goes, and no other result."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch
from learned_files import learned_files
from toy_shop import settings_for

from longtail.console.training.profile_table import GIB, print_profile
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.splits import Split
from longtail.retrieval.run.bundle import read_manifest
from longtail.training.profile import MeasuringProfile
from longtail.training.train import train_engine
from longtail.training.trainer.step_clock import PARTS, WARM_UP, MeasuringClock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> MeasuringClock:
    """A clock whose seconds pass one by one, each time somebody looks."""
    seconds = iter(range(10_000))
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(seconds)))
    return MeasuringClock(torch.device("cpu"))


def take_steps(clock: MeasuringClock, number: int) -> None:
    for _ in range(number):
        clock.begin()
        with clock.part("wait"):
            pass
        with clock.part("backward"), clock.part("loss"), clock.part("items"):
            clock.count(items=3, tokens=12)
        clock.end()


class TestStepClock:
    def test_a_part_has_the_time_inside_it_but_not_inside_its_parts(
        self, clock: MeasuringClock
    ) -> None:
        take_steps(clock, WARM_UP + 2)
        found = clock.report()
        spent = {part: figures["milliseconds"] for part, figures in found["parts"].items()}
        # A second passes between two instants: begin, in and out of each part, end.
        assert spent == {
            "wait": 1000,
            "tokenise": 0,
            "items": 1000,
            "users": 0,
            "loss": 2000,
            "backward": 2000,
            "optimizer": 3000,
        }
        assert found["milliseconds"] == sum(spent.values())
        assert sum(f["share"] for f in found["parts"].values()) == pytest.approx(1, abs=1e-3)
        assert found["items_per_second"] == pytest.approx(3 / 9, abs=0.05)
        assert found["tokens_per_second"] == pytest.approx(12 / 9, abs=0.05)

    def test_warming_up_is_left_out(self, clock: MeasuringClock) -> None:
        take_steps(clock, WARM_UP)
        assert clock.report() == {}
        take_steps(clock, 1)
        assert clock.report()["steps"] == 1

    def test_what_runs_between_steps_is_not_measured(self, clock: MeasuringClock) -> None:
        take_steps(clock, WARM_UP + 1)
        before = clock.report()
        with clock.part("items"):
            pass
        clock.end()
        assert clock.report() == before

    def test_a_step_that_broke_off_leaves_nothing_open(self, clock: MeasuringClock) -> None:
        clock.begin()
        with pytest.raises(RuntimeError), clock.part("loss"):
            raise RuntimeError
        take_steps(clock, WARM_UP + 1)
        assert clock.report()["milliseconds"] == 9000


def test_the_tables_say_what_a_stage_does_not_do_and_what_all_took(
    clock: MeasuringClock, capsys: pytest.CaptureFixture[str]
) -> None:
    take_steps(clock, WARM_UP + 1)
    reads = clock.report()
    sections = [
        {"name": "stage text", "seconds": 70.5, "peak_bytes": 2 * GIB},
        {"name": "index", "seconds": 1.25, "peak_bytes": GIB},
    ]
    vectors_alone = reads | {"items_per_second": 0.0, "tokens_per_second": 0.0}
    print_profile({"steps": {"history": vectors_alone, "text": reads}, "sections": sections})
    lines = [line.replace("│", " ").split() for line in capsys.readouterr().err.splitlines()]
    assert ["tokens", "read", "a", "second", "-", "1"] in lines
    assert ["together", "71.8", "2.00"] in lines


def test_a_profiled_training_learns_the_same_bits(
    trained_run: Path,
    tiny_bert: Path,
    catalog: Catalog,
    split: Split,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = tmp_path / "run"
    train_engine(catalog, split, settings_for(tiny_bert), run, profile=MeasuringProfile())
    assert learned_files(run) == learned_files(trained_run)
    assert "profile" not in read_manifest(trained_run)["summary"]
    profile = read_manifest(run)["summary"]["profile"]
    sections = {section["name"]: section for section in profile["sections"]}
    assert {"reading item texts", "stage history", "relevance head"} <= sections.keys()
    assert all(section["peak_bytes"] > 2**20 for section in sections.values())
    steps = profile["steps"]["history"]
    assert tuple(steps["parts"]) == PARTS
    assert {"wait", "users", "loss", "backward", "optimizer"} <= {
        part for part, figures in steps["parts"].items() if figures["share"] > 0
    }
    # Its steps start from vectors: no text is read, and none is tokenised.
    assert steps["tokens_per_second"] == steps["parts"]["tokenise"]["milliseconds"] == 0
    print_profile(profile)
    shown = capsys.readouterr()
    assert not shown.out
    assert "backward" in shown.err
    assert "relevance head" in shown.err

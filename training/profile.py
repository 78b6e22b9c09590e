"""Where the time and the memory of a whole training go, stage by stage."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch

from longtail.training.trainer.step_clock import SILENT, MeasuringClock, StepClock


class Profile:
    """The profile that training carries when nobody asked for one: it measures nothing."""

    def section(self, name: str) -> AbstractContextManager[None]:
        """Measure the seconds and the peak memory of what is done inside."""
        return nullcontext()

    def clock(self, stage: str, device: torch.device) -> StepClock:
        """Return the clock for the steps of a stage."""
        return SILENT

    def report(self) -> dict[str, Any]:
        """Return what was measured, as plain data."""
        return {}


class MeasuringProfile(Profile):
    """A profile that measures; the training's results are the same bits with it.

    Peak memory is the process's largest resident set inside a section (on Linux; elsewhere the
    largest one so far), and beside it the most that tensors took on the GPU.
    """

    def __init__(self) -> None:
        self._sections: list[dict[str, Any]] = []
        self._clocks: dict[str, StepClock] = {}

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        _forget_peaks()
        began = time.perf_counter()
        yield
        entry: dict[str, Any] = {"name": name, "seconds": round(time.perf_counter() - began, 3)}
        if (peak := _peak_resident()) is not None:
            entry["peak_bytes"] = peak
        if torch.cuda.is_available():
            entry["peak_gpu_bytes"] = int(torch.cuda.max_memory_allocated())
        self._sections.append(entry)

    def clock(self, stage: str, device: torch.device) -> StepClock:
        return self._clocks.setdefault(stage, MeasuringClock(device))

    def report(self) -> dict[str, Any]:
        steps = {stage: clock.report() for stage, clock in self._clocks.items()}
        return {
            "sections": list(self._sections),
            "steps": {stage: measured for stage, measured in steps.items() if measured},
        }


UNMEASURED = Profile()
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def _forget_peaks() -> None:
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    try:
        _CLEAR.write_text("5")  # resets the high-water mark: proc(5)
    except OSError:
        # No Linux, or not allowed: the mark then stands for the whole training so far.
        return


def _peak_resident() -> int | None:
    """Return the most memory that was held since the mark was reset; None: nobody knows."""
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        try:
            import resource
        except ImportError:
            return None
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))

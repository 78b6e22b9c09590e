"""Where the time of a training step goes."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import torch

# The first steps wait for memory, threads and compiled kernels.
WARM_UP = 5
MOST_STEPS = 1_000
PARTS = ("wait", "tokenise", "items", "users", "loss", "backward", "optimizer")


class StepClock:
    """The clock that training carries when nobody wants to know: it measures nothing.

    The parts of a step: ``wait`` for the batch, ``tokenise`` (token ids to padded tensors), forward
    through the ``items`` and the ``users`` tower, ``loss``, ``backward``, and ``optimizer``.
    """

    def begin(self) -> None:
        """Begin a step; what is in no other part is the optimizer's."""

    def end(self) -> None:
        """End the step."""

    def part(self, name: str) -> AbstractContextManager[None]:
        """Count the time inside, without that of parts inside it, as this part's."""
        return nullcontext()

    def count(self, *, items: int = 0, tokens: int = 0) -> None:
        """Count items and tokens that the step's item tower reads."""

    def report(self) -> dict[str, Any]:
        """Return what was measured, as plain data; nothing for less than a step."""
        return {}


class MeasuringClock(StepClock):
    """A clock that measures, on the CPU in wall time, on CUDA on the device's own time line.

    On CUDA an event is put on the stream wherever a part begins or ends, and nobody waits for it:
    work of the CPU that the device doesn't have to wait for costs, and counts, nothing.
    """

    def __init__(self, device: torch.device) -> None:
        self.cuda = device.type == "cuda"
        self.seen = 0
        self.steps: deque[_Step] = deque(maxlen=MOST_STEPS)
        self._running = False
        self._open: list[str] = []
        self._step = _Step()

    def begin(self) -> None:
        self._running = True
        self._open, self._step = ["optimizer"], _Step()
        self._mark()

    def end(self) -> None:
        if not self._running:
            return
        self._mark()
        self._running = False
        self.seen += 1
        if self.seen > WARM_UP:
            self.steps.append(self._step)

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        self._open.append(name)
        self._mark()
        try:
            yield
        finally:
            self._open.pop()
            self._mark()

    def count(self, *, items: int = 0, tokens: int = 0) -> None:
        self._step.items += items
        self._step.tokens += tokens

    def report(self) -> dict[str, Any]:
        if not self.steps:
            return {}
        if self.cuda:
            torch.cuda.synchronize()
        spent = np.array([step.milliseconds(self.cuda) for step in self.steps])
        whole = spent.sum(axis=1)
        seconds = float(whole.sum()) / 1000
        return {
            "steps": len(self.steps),
            "milliseconds": round(float(np.median(whole)), 3),
            "parts": {
                name: {
                    "milliseconds": round(float(np.median(spent[:, i])), 3),
                    "share": round(float(spent[:, i].sum() / whole.sum()), 4),
                }
                for i, name in enumerate(PARTS)
            },
            "items_per_second": round(sum(step.items for step in self.steps) / seconds, 1),
            "tokens_per_second": round(sum(step.tokens for step in self.steps) / seconds, 1),
        }

    def _mark(self) -> None:
        # Outside of a step (an evaluation runs the same model) nothing is measured.
        if not self._running:
            return
        if self.cuda:
            instant: Any = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            instant.record()
        else:
            instant = time.perf_counter()
        self._step.instants.append(instant)
        self._step.parts.append(self._open[-1])


@dataclass
class _Step:
    """The instants of one step, the part that follows each of them, and what was read."""

    instants: list[Any] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    items: int = 0
    tokens: int = 0

    def milliseconds(self, cuda: bool) -> list[float]:
        """Return what each of `PARTS` took."""
        spent = dict.fromkeys(PARTS, 0.0)
        for part, (start, stop) in zip(self.parts, pairwise(self.instants), strict=False):
            spent[part] += start.elapsed_time(stop) if cuda else 1000 * (stop - start)
        return list(spent.values())


SILENT = StepClock()

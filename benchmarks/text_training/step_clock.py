"""What `longtail train --profile` itself costs a step on the CPU.

Run:  python benchmarks/text_training/step_clock.py [--passes 8]

Takes steps that consist of their parts alone, with as many passes over texts, and prints
microseconds of processor time a step with the clock and without.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from longtail.training.trainer.step_clock import SILENT, MeasuringClock, StepClock

STEPS, ROUNDS = 5_000, 5


def step(clock: StepClock, passes: int) -> None:
    """Mark the parts of one step as training does."""
    clock.begin()
    with clock.part("wait"):
        pass
    with clock.part("backward"), clock.part("loss"):
        with clock.part("items"):
            for _ in range(passes):
                with clock.part("tokenise"):
                    clock.count(items=16, tokens=512)
        with clock.part("users"):
            pass
    clock.end()


def microseconds(clock: StepClock, passes: int) -> float:
    """Return the median of the rounds, a step."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(STEPS):
            step(clock, passes)
        found.append(1e6 * (time.process_time() - began) / STEPS)
    return statistics.median(found)


def main() -> None:
    """Measure both clocks."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--passes", type=int, default=8)
    given = arguments.parse_args()
    measuring = MeasuringClock(torch.device("cpu"))
    for name, clock in (("measuring", measuring), ("silent", SILENT)):
        print(f"{name}: {microseconds(clock, given.passes):.0f} microseconds a step")  # noqa: T201


if __name__ == "__main__":
    main()

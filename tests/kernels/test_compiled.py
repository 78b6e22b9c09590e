"""Compiled loops: they answer as Python does, and need no place to be kept."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from longtail.retrieval.kernels.compiled import compiled, compiled_sums


def total(values: np.ndarray) -> float:
    found = 0.0
    for value in values:
        found += value
    return found


@pytest.mark.parametrize("decorate", [compiled, compiled_sums])
def test_a_loop_says_what_python_says(decorate: object) -> None:
    values = np.arange(100, dtype=np.float64)
    loop = decorate(total)  # type: ignore[operator]
    assert loop(values) == 4950.0
    assert isinstance(loop, numba.core.dispatcher.Dispatcher)
    assert np.isnan(loop(np.array([1.0, np.nan])))


def test_a_machine_with_no_place_for_the_code_compiles_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = numba.njit
    asked = []

    def no_place(**options: object) -> object:
        asked.append(bool(options.get("cache")))
        if options.get("cache"):
            raise RuntimeError("cannot cache function 'total': no locator available")
        return made(**options)

    monkeypatch.setattr("longtail.retrieval.kernels.compiled.numba.njit", no_place)
    assert compiled(total)(np.ones(3)) == 3.0
    assert asked == [True, False]

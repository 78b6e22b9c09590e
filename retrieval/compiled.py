"""Loops over pairs that become machine code the first time they run, and are kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Loop = TypeVar("Loop", bound=Callable[..., object])


def compiled(loop: Loop) -> Loop:
    """Return the function compiled by Numba; other Python threads run meanwhile."""
    return cast(Loop, numba.njit(nogil=True, cache=True)(loop))


def compiled_sums(loop: Loop) -> Loop:
    """Return `compiled`, with leave to add up in any order.

    Only then do sums go through the processor's wide registers; one machine always takes the
    same order. Infinities and NaN keep their meaning.
    """
    options = {"reassoc", "contract", "nsz"}
    return cast(Loop, numba.njit(nogil=True, cache=True, fastmath=options)(loop))

"""Loops over pairs that become machine code the first time they run, and are kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Loop = TypeVar("Loop", bound=Callable[..., object])


def compiled(loop: Loop) -> Loop:
    """Return the function compiled by Numba; other Python threads run meanwhile."""
    return _compiled(loop)


def compiled_sums(loop: Loop) -> Loop:
    """Return `compiled`, with leave to add up in any order.

    Only then do sums go through the processor's wide registers; one machine always takes the
    same order. Infinities and NaN keep their meaning.
    """
    return _compiled(loop, fastmath={"reassoc", "contract", "nsz"})


def _compiled(loop: Loop, **options: Any) -> Loop:
    try:
        return cast(Loop, numba.njit(nogil=True, cache=True, **options)(loop))
    except RuntimeError:
        # Nowhere to keep the code (a read-only system without a home): every process makes it.
        return cast(Loop, numba.njit(nogil=True, **options)(loop))

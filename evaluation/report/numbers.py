"""How the numbers of an evaluation are written: shares, percent, differences; a dash for NaN."""

from __future__ import annotations

import math


def share(value: float) -> str:
    """Return a share without its leading zero, a dash for NaN.

    >>> share(0.1189), share(1.0), share(float("nan"))
    ('.1189', '1.0000', '–')
    """
    return "–" if math.isnan(value) else f"{value:.4f}".removeprefix("0")


def percent(value: float) -> str:
    """Return a share in percent, a dash for NaN.

    >>> percent(0.314), percent(float("nan"))
    ('31 %', '–')
    """
    return "–" if math.isnan(value) else f"{100 * value:.0f} %"


def whole(value: float) -> str:
    """Return a number without decimals, a dash for NaN.

    >>> whole(87.5), whole(float("nan"))
    ('88', '–')
    """
    return "–" if math.isnan(value) else f"{value:.0f}"


def signed(value: float) -> str:
    """Return a difference of shares with its sign, a dash for NaN.

    >>> signed(0.0213), signed(-0.1), signed(0.0), signed(float("nan"))
    ('+.0213', '-.1000', '.0000', '–')
    """
    if math.isnan(value):
        return "–"
    sign = "+" if round(value, 4) > 0 else "-" if round(value, 4) < 0 else ""
    return sign + share(abs(value))


def probability(value: float) -> str:
    """Return a p-value: three decimals, a bound below them, a dash for NaN.

    >>> probability(0.0312), probability(0.00004), probability(float("nan"))
    ('.031', '< .001', '–')
    """
    if math.isnan(value):
        return "–"
    return "< .001" if value < 0.001 else f"{value:.3f}".removeprefix("0")

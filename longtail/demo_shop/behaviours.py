"""What the demo shop's customers do beside buying: they look, fill carts and send things back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from longtail.demo_shop.log import CLOSED, DAY_S, Shelves, Visitor

VIEW, CART, UNCART, PURCHASE, RETURN = ["view", "cart", "remove_from_cart", "purchase", "return"]

# Looks before a purchase, on average; what they go to: the customer's taste, something like what
# is bought then, or what everybody is shown on the front page.
_LOOKS = 5.0
_SHARES = (0.4, 0.25, 0.35)
# Of the things bought, some are looked at days before, some are sent back.
_CONSIDERED, _SENT_BACK = 0.35, 0.05
# Of the looks, some end in the cart and are taken out again.
_PUT_BACK = 0.05


def behaviours(
    visitor: Visitor,
    bought: Sequence[tuple[int, int]],
    shelves: Shelves,
    rng: np.random.Generator,
) -> Iterator[tuple[int, int, str]]:
    """Yield (time, item row, event) of one customer, in no order; ``bought`` are (row, time)."""
    taste = _taste(visitor, shelves)
    fame = shelves.appeal / shelves.appeal.sum()
    for row, time in bought:
        looks = int(rng.poisson(_LOOKS))
        kinds = rng.choice(3, looks, p=_SHARES)
        alike = (shelves.niche == shelves.niche[row]) & (shelves.product == shelves.product[row])
        for kind, before in zip(kinds.tolist(), rng.integers(60, 3_600, looks), strict=True):
            chance = (taste, alike * (shelves.appeal + 1e-9), fame)[kind].copy()
            chance[shelves.added >= time] = 0.0
            seen = _drawn(chance, rng)
            if seen < 0:
                continue
            yield time - int(before), seen, VIEW
            if rng.random() < _PUT_BACK:
                yield time - int(before) + 20, seen, CART
                yield time - 40, seen, UNCART
        if rng.random() < _CONSIDERED:
            earlier = time - int(rng.integers(1, 15)) * DAY_S
            if earlier > shelves.added[row]:
                yield earlier, row, VIEW
        yield time - 50, row, VIEW
        yield time - 30, row, CART
        yield time, row, PURCHASE
        if rng.random() < _SENT_BACK:
            yield min(time + int(rng.integers(2, 14)) * DAY_S, CLOSED - 1), row, RETURN


def _taste(visitor: Visitor, shelves: Shelves) -> NDArray[np.float64]:
    """Return how much the customer likes each item, whatever others think of it."""
    customer = visitor.customer
    liking = np.zeros(len(shelves.appeal))
    for place, niche in enumerate(customer.niches.tolist()):
        rows = shelves.of_niche[niche]
        # Fame opens fewer doors than in purchases: who looks around finds the unknown.
        liking[rows] = (
            customer.first[place]
            * np.sqrt(shelves.appeal[rows])
            * np.exp(
                customer.makers[place, shelves.maker[rows]]
                + customer.uses[place, shelves.use[rows]]
                - 1.1 * np.abs(shelves.level[rows] - customer.level)
            )
        )
    return liking


def _drawn(chance: NDArray[np.float64], rng: np.random.Generator) -> int:
    sums = np.cumsum(chance)
    if sums[-1] <= 0.0:
        return -1
    return int(np.searchsorted(sums, rng.random() * sums[-1], side="right"))

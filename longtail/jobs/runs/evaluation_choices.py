"""Which rivals and pools an evaluation is to have, by their names."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

from longtail.index.errors import Field, LongtailError

# The keys of longtail.evaluation.baselines.registry.METHODS, which takes seconds to import.
BASELINES = (
    "popularity",
    "random",
    "recent-popularity",
    "item-knn",
    "rp3beta",
    "ease",
    "ease-text",
    "ials",
    "bpr",
    "bm25",
    "content-knn",
    "sasrec",
)
POOLS = ("all", "tail", "cold", "head")


class UnknownChoiceError(LongtailError):
    """A name that is none of those there are; near ones are suggested."""


def chosen_baselines(names: Sequence[str]) -> list[str]:
    """Return the rivals of these names; ``all`` and ``none`` stand alone.

    Raises:
        UnknownChoiceError: there is no such baseline.

    >>> chosen_baselines(["popularity", "ease"]), chosen_baselines(["none"])
    (['popularity', 'ease'], [])
    """
    if list(names) == ["all"]:
        return list(BASELINES)
    return [] if list(names) == ["none"] else _known(names, BASELINES, "baselines")


def chosen_pools(names: Sequence[str]) -> list[str]:
    """Return the pools of these names, the whole catalog first.

    It is always measured: what a pool gains is read against what the whole loses.

    Raises:
        UnknownChoiceError: there is no such pool.
    """
    return list(dict.fromkeys(["all", *_known(names, POOLS, "pool")]))


def _known(names: Sequence[str], known: Collection[str], argument: str) -> list[str]:
    stripped = list(dict.fromkeys(name.strip() for name in names))
    if unknown := [name for name in stripped if name not in known]:
        near = difflib.get_close_matches(unknown[0], known, n=2, cutoff=0.5)
        raise UnknownChoiceError(
            Field(argument),
            f": {unknown[0]!r} is not one of {', '.join(known)}"
            + (f"; did you mean {' or '.join(near)}?" if near else ""),
        )
    return stripped

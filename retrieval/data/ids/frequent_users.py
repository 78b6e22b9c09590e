"""Users who have more of a log than one person takes: shared accounts, and words for nobody."""

from __future__ import annotations

import numpy as np

from longtail.retrieval.data.interactions import Interactions

# Of all events; and so many times a user's share of them, since in a small log all have much.
SHARE, TIMES_THE_MEAN, FEWEST_EVENTS = 0.01, 10, 20
# Or, for the one user with the most, so many times what the next one has.
TIMES_THE_NEXT = 4
# What may be somebody's id, but is written for nobody too.
_DOUBTFUL = frozenset(("0", "-1", "-", "--", "NA", "na", "x", "?", "none", "test"))
_NAMED = 3


def frequent_users_note(log: Interactions) -> str:
    """Return which users have more of a log than one person takes; empty where nobody has.

    More than 1 % of the events, and ten times what users have on average, or four times what the
    next one has.
    """
    counts = np.bincount(log.user, minlength=len(log.user_ids))
    if not len(counts):
        return ""
    least = max(SHARE * len(log), TIMES_THE_MEAN * len(log) / len(counts), FEWEST_EVENTS)
    many = np.flatnonzero(counts > least)
    if not len(many) and len(counts) > 1:
        after, most = np.partition(counts, -2)[-2:]
        if most > max(SHARE * len(log), FEWEST_EVENTS, TIMES_THE_NEXT * after):
            many = np.flatnonzero(counts == most)
    if not len(many):
        return ""
    many = many[np.argsort(-counts[many], kind="stable")]
    named = ", ".join(
        f"{log.user_ids[user]!r} ({counts[user]:,}, {counts[user] / len(log):.0%})"
        for user in many[:_NAMED].tolist()
    )
    others = f" and {len(many) - _NAMED:,} more users" if len(many) > _NAMED else ""
    doubtful = [log.user_ids[user] for user in many.tolist() if log.user_ids[user] in _DOUBTFUL]
    word = f"; {doubtful[0]!r} is often written for no user" if doubtful else ""
    return (
        f"of {len(log):,} events {named}{others} have more than a person takes: a shared account, "
        f"a program, or a word for no user{word}? Leave them out with --keep"
    )

"""Users who have more of a log than one person takes: shared accounts, and words for nobody."""

from __future__ import annotations

import numpy as np

from longtail.retrieval.data.interactions import Interactions

# Of all events; and so many times a user's share of them, since in a small log all have much.
SHARE, TIMES_THE_MEAN, FEWEST_EVENTS = 0.01, 10, 20
_NAMED = 3


def frequent_users_note(log: Interactions) -> str:
    """Return which users have more of a log than one person takes; empty where nobody has.

    More than 1 % of the events, and ten times what users have on average.
    """
    counts = np.bincount(log.user, minlength=len(log.user_ids))
    if not len(counts):
        return ""
    least = max(SHARE * len(log), TIMES_THE_MEAN * len(log) / len(counts), FEWEST_EVENTS)
    many = np.flatnonzero(counts > least)
    if not len(many):
        return ""
    many = many[np.argsort(-counts[many], kind="stable")]
    named = ", ".join(
        f"{log.user_ids[user]!r} ({counts[user]:,}, {counts[user] / len(log):.0%})"
        for user in many[:_NAMED].tolist()
    )
    others = f" and {len(many) - _NAMED:,} more users" if len(many) > _NAMED else ""
    return (
        f"of {len(log):,} events {named}{others} have more than a person takes: a shared account, "
        "a program, or a word for no user? Leave them out with --keep"
    )

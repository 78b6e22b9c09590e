"""A stored log names rows of its catalog and its own users alone."""

from __future__ import annotations

from longtail.retrieval.data.interactions import Interactions


def check_log_rows(log: Interactions, n_items: int) -> None:
    """Check that every event is of a user and an item that there are.

    Compiled loops and NumPy's negative places would read something else.

    Raises:
        ValueError: one isn't.
    """
    for what, rows, most in (("item", log.item, n_items), ("user", log.user, len(log.user_ids))):
        if len(rows) and not (rows.min() >= 0 and rows.max() < most):
            raise ValueError(f"an event of {what} {rows.min()} or {rows.max()}, of {most}")

"""What one request may hold, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass

# What no request exceeds; over it the answer is 422 and names the field.
MOST_K = 1_000
MOST_HISTORY = 1_000
MOST_EXCLUDED = 1_000
# Conditions of one request, and of a whole batch.
MOST_CLAUSES = 32
MOST_CLAUSES_IN_BATCH = 256
LONGEST_WHERE = 500
# Of all different filters of a batch together.
LONGEST_WHERE_IN_BATCH = MOST_CLAUSES * LONGEST_WHERE
LONGEST_TEXT = 2_000
LONGEST_TYPE = 100
MOST_WEIGHT = 1e15
# What a request may be called, by its client or by the service.
REQUEST_ID = r"[A-Za-z0-9._-]{1,64}"
MOST_IN_BATCH = 100
MOST_EVENTS = 1_000
MOST_COLUMNS = 200
LONGEST_CELL = 20_000

# Of all connections together: bodies that are being read, answers that nobody takes yet.
BODIES_BYTES = 64 << 20
ANSWERS_BYTES = 64 << 20
CONNECTIONS = 512

# Reads of the explorer that wait.
MOST_READS = 64

# Work that is ranked as one batch, in plain requests (`query_cost`); what arrives meanwhile is the
# next.
LARGEST_BATCH = 128
# Work that is done before others have their turn, and what is light enough to come first.
GROUP_COST = 32
LANES = (4, 24)
# How long a request that isn't light waits for its 429.
REFUSED_AFTER_S = 0.5


@dataclass(frozen=True)
class Limits:
    """What the owner of a service may set.

    Attributes:
        waiting: recommendations that may wait for the engine, each counted by its work; over it
            the answer is 429.
        deadline_s: seconds until a request that isn't answered gets a 504.
        body_bytes: largest body; over it the answer is 413.
        client_s: seconds that a client gets for the headers of a request, for its body, and for
            taking an answer.
        gather_s: how long a batch may wait for others after a full one.
        poll_s: seconds between two looks for a new index version.
        drain_s: seconds that requests in flight get when the service stops.
        quarantine: whether items that are put and look made to game the engine are kept out of
            answers until somebody has looked at them.
        impressions: whether an event with the id of a list's request says what was seen beside its
            item.
    """

    waiting: int = 512
    deadline_s: float = 5.0
    body_bytes: int = 1_000_000
    client_s: float = 10.0
    gather_s: float = 0.002
    poll_s: float = 1.0
    drain_s: float = 10.0
    quarantine: bool = False
    impressions: bool = True

"""The six things that an event can mean."""

from __future__ import annotations

from typing import Literal, get_args

Meaning = Literal["shown", "taken", "seen", "rejected", "had", "dropped"]
MEANINGS: tuple[Meaning, ...] = get_args(Meaning)
# As `Interactions.label` codes them. Shown and not taken, and taken, are what labels of 0 and 1
# have always said. Had is what somebody knows and neither likes nor dislikes, three stars of five:
# as evidence it is seen, as an answer it is of no use. Dropped is taken back and welcome again, out
# of a cart: as evidence it is seen.
SHOWN, TAKEN, SEEN, REJECTED, HAD, DROPPED = range(len(MEANINGS))

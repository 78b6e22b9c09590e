"""How much of something there may be at once: requests that wait, bytes on their way."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=False)
class Room:
    """Room for so much, some of it taken.

    >>> room = Room(10)
    >>> room.take(8), room.take(3), room.taken
    (True, False, 8)
    """

    most: int
    taken: int = 0

    def take(self, amount: int) -> bool:
        """Take room if there is so much, and return whether there was."""
        if self.taken + amount > self.most:
            return False
        self.taken += amount
        return True

    def give_back(self, amount: int) -> None:
        """Give back what was taken."""
        self.taken -= amount

"""What an event means by its name: as somebody said, else as is usual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from longtail.retrieval.data.files.columns import plain_name
from longtail.retrieval.data.meaning.behaviours import MEANINGS, Meaning
from longtail.retrieval.data.meaning.usual_names import USUAL_EVENTS, usual_meaning


@dataclass(frozen=True)
class EventNames:
    """What somebody said of events, by their plain names (`plain_name`).

    Attributes:
        said: what an event means, beside the usual names.
        wanted: the events that are taken, where somebody named them; None: nobody did.
    """

    said: Mapping[str, Meaning] = field(default_factory=dict)
    wanted: frozenset[str] | None = None

    @classmethod
    def of(cls, said: Mapping[str, Meaning], wanted: Sequence[str] | None) -> EventNames:
        """Return the names as somebody spelt them."""
        return cls(
            {plain_name(name): meaning for name, meaning in said.items()},
            None if wanted is None else frozenset(map(plain_name, wanted)),
        )

    def meaning(self, name: str) -> Meaning | None:
        """Return what an event of this name means, None where nobody knows; blank is taken.

        >>> EventNames.of({"peek": "seen"}, None).meaning("Peek")
        'seen'
        >>> EventNames.of({}, ["purchase"]).meaning("add_to_cart")
        'seen'
        """
        plain = plain_name(name)
        if self.wanted is not None and plain in self.wanted:
            return "taken"
        meaning = self.said.get(plain) or ("taken" if not name else usual_meaning(name))
        if self.wanted is None or (plain in MEANINGS and plain not in self.said):
            return meaning
        # Who names the events that are taken leaves the others as signs of interest.
        return meaning if meaning in ("shown", "rejected", "had", "dropped") else "seen"

    def name(self, meaning: Meaning, said: str | None = None) -> str:
        """Return a name that means this here, and to whoever knows the usual names alone.

        ``said`` if it does.
        """
        usual = (name for name, usually in USUAL_EVENTS.items() if usually == meaning)
        for name in (*([said] if said else []), meaning, *usual):
            if self.meaning(name) == meaning == usual_meaning(name):
                return name
        return meaning

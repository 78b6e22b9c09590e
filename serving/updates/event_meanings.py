"""What an event means, from what clients send."""

from __future__ import annotations

from longtail.retrieval.data.meaning.behaviours import MEANINGS, Meaning
from longtail.retrieval.data.meaning.told_meanings import ToldMeanings
from longtail.serving.http.http_errors import RefusedError, invalid_field, shortened
from longtail.serving.http.request_models import Event

# Of the usual names one or two of each kind, in a sentence.
_USUAL = (
    "purchase, add_to_cart, like, view, click, refund, dislike, remove_from_cart, impression, skip"
)
_LONGEST_NAME, _LONGEST_LIST = 30, 120


def meaning_of(event: Event, place: int, told: ToldMeanings) -> Meaning:
    """Return what an event means; ``place`` is its place in the batch, for the message.

    Raises:
        RefusedError: nobody knows what its type means.
    """
    meaning = told.meaning(event.type, event.weight, event.label)
    if meaning is None:
        raise _unknown_type(str(event.type), place, told)
    return meaning


def _unknown_type(name: str, place: int, told: ToldMeanings) -> RefusedError:
    own = shortened(", ".join(told.events), _LONGEST_LIST)
    known = f"this run's {own}; " if own else ""
    return invalid_field(
        f"events.{place}.type",
        f"nobody knows what {shortened(name, _LONGEST_NAME)!r} means; known are {known}usual names "
        f"like {_USUAL}; and the meanings {', '.join(MEANINGS)}",
    )

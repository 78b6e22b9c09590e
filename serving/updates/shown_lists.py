"""The lists that were answered lately, and what of them somebody has surely seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from sys import getsizeof

from longtail.retrieval.data.events import UserEvent
from longtail.serving.http.response_bodies import AnsweredList

MOST_LISTS, MOST_BYTES = 50_000, 32 << 20
# A person who takes the 300th has hardly read 299, and the log grows by each.
MOST_SEEN = 20
# Between ids, which hold no control characters; one text a list is a tenth of the memory.
_BETWEEN = "\0"
_OVERHEAD = 300  # bytes of an entry without its texts
_Key = tuple[str, str]  # request id and user id


def surely_seen(items: Sequence[str], item_id: str) -> list[str]:
    """Return what else of a list somebody has seen who did something with one of its items.

    What stands above it, the nearest `MOST_SEEN` less one, and the one below: lists are read from
    the top, and whoever stops at an item has mostly looked at the next (Joachims et al.,
    "Accurately interpreting clickthrough data as implicit feedback", SIGIR 2005: Click > Skip
    Above, Click > No-Click Next).

    >>> surely_seen(["a", "b", "c", "d", "e"], "c")
    ['a', 'b', 'd']
    """
    place = items.index(item_id)
    return [*items[max(place - MOST_SEEN + 1, 0) : place], *items[place + 1 : place + 2]]


@dataclass(eq=False)
class ShownLists:
    """What was answered to whom, by the request's id; the oldest are forgotten first.

    Attributes:
        most_lists: requests' users at most, 0 to remember nothing.
        most_bytes: memory that they take, about.
    """

    most_lists: int = MOST_LISTS
    most_bytes: int = MOST_BYTES
    _lists: dict[_Key, tuple[str, ...]] = field(default_factory=dict)
    _bytes: int = 0

    def __len__(self) -> int:
        """Return for how many users of requests there are lists."""
        return len(self._lists)

    def remember(self, request_id: str, answers: Sequence[AnsweredList]) -> None:
        """Keep the lists of a request's answers; those that are for no user's id aren't kept.

        Of two requests of one name the later one counts.
        """
        if not self.most_lists:
            return
        lists: dict[_Key, tuple[str, ...]] = {}
        for answer in answers:
            if answer.user_id is not None and answer.item_ids:
                ids = _BETWEEN.join(answer.item_ids)
                key = request_id, answer.user_id
                lists[key] = (*lists.get(key, ()), ids)
        for key, texts in lists.items():
            self._keep(key, texts)

    @contextmanager
    def used_by(self, events: Sequence[UserEvent]) -> Iterator[dict[int, list[str]]]:
        """Yield what was surely seen beside the items of events, by the events' places.

        A list says it once: of its first event. To whoever says of an item of a list that it was
        shown it says nothing. When an error comes out of the block, nothing was said.
        """
        used: list[tuple[_Key, str]] = []
        seen: dict[int, list[str]] = {}
        # Those first that say themselves what was shown.
        for place, event in sorted(enumerate(events), key=lambda one: one[1].meaning != "shown"):
            if event.request_id is None:
                continue
            key = event.request_id, event.user_id
            for text in self._lists.get(key, ()):
                items = text.split(_BETWEEN)
                if event.item_id in items:
                    self._keep(key, tuple(one for one in self._lists[key] if one is not text))
                    used.append((key, text))
                    if event.meaning != "shown":
                        seen[place] = surely_seen(items, event.item_id)
                    break
        try:
            yield seen
        except BaseException:
            for key, text in used:
                self._keep(key, (*self._lists.get(key, ()), text))
            raise

    def _keep(self, key: _Key, texts: tuple[str, ...]) -> None:
        if before := self._lists.pop(key, None):
            self._bytes -= _size(key, before)
        if texts:
            self._lists[key] = texts
            self._bytes += _size(key, texts)
        while len(self._lists) > self.most_lists or self._bytes > self.most_bytes:
            oldest = next(iter(self._lists))
            self._bytes -= _size(oldest, self._lists.pop(oldest))


def with_impressions(
    events: Sequence[UserEvent],
    seen: Mapping[int, Sequence[str]],
    left: Callable[[str, Sequence[str]], list[str]],
) -> list[UserEvent]:
    """Return events, each behind the impressions of what was seen beside its item.

    ``left`` returns of a user's items those that may be impressions; what the events themselves
    speak of is none.
    """
    told = {(event.user_id, event.item_id) for event in events}
    whole: list[UserEvent] = []
    for place, event in enumerate(events):
        user = event.user_id
        items = [item for item in seen.get(place, ()) if (user, item) not in told]
        whole += [
            replace(event, item_id=item, meaning="shown", type="impression", weight=None)
            for item in (left(user, items) if items else ())
        ]
        whole.append(event)
    return whole


def _size(key: _Key, texts: Sequence[str]) -> int:
    return _OVERHEAD + sum(map(getsizeof, (*key, *texts)))

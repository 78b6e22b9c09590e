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
# Between ids, which hold no control characters, and between lists; one text is a tenth of the
# memory, and leaves few small blocks among those of answers under way.
_BETWEEN, _BETWEEN_LISTS = "\0", "\1"
_OVERHEAD = 150  # bytes of an entry without its text


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
    _lists: dict[int, str] = field(default_factory=dict)
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
        lists: dict[int, list[str]] = {}
        for answer in answers:
            if answer.user_id is not None and answer.item_ids:
                ids = _BETWEEN.join(answer.item_ids)
                lists.setdefault(_key(request_id, answer.user_id), []).append(ids)
        for key, texts in lists.items():
            self._keep(key, texts)

    @contextmanager
    def used_by(self, events: Sequence[UserEvent]) -> Iterator[dict[int, list[str]]]:
        """Yield what was surely seen beside the items of events, by the events' places.

        A list says it once: of its first event. To whoever says of an item of a list that it was
        shown it says nothing. When an error comes out of the block, nothing was said.
        """
        used: list[tuple[int, str]] = []
        seen: dict[int, list[str]] = {}
        # Those first that say themselves what was shown.
        for place, event in sorted(enumerate(events), key=lambda one: one[1].meaning != "shown"):
            if event.request_id is None:
                continue
            key = _key(event.request_id, event.user_id)
            texts = self._of(key)
            for number, text in enumerate(texts):
                items = text.split(_BETWEEN)
                if event.item_id in items:
                    self._keep(key, texts[:number] + texts[number + 1 :])
                    used.append((key, text))
                    if event.meaning != "shown":
                        seen[place] = surely_seen(items, event.item_id)
                    break
        try:
            yield seen
        except BaseException:
            for key, text in used:
                self._keep(key, [*self._of(key), text])
            raise

    def _of(self, key: int) -> list[str]:
        text = self._lists.get(key)
        return text.split(_BETWEEN_LISTS) if text else []

    def _keep(self, key: int, texts: Sequence[str]) -> None:
        if before := self._lists.pop(key, None):
            self._bytes -= _size(before)
        if texts:
            text = self._lists[key] = _BETWEEN_LISTS.join(texts)
            self._bytes += _size(text)
        while len(self._lists) > self.most_lists or self._bytes > self.most_bytes:
            self._bytes -= _size(self._lists.pop(next(iter(self._lists))))


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


def _key(request_id: str, user_id: str) -> int:
    # 64 bits, with a salt of the process: that two of 50,000 are the same has odds of 1 to 10^10.
    return hash((request_id, user_id))


def _size(text: str) -> int:
    return _OVERHEAD + getsizeof(text)

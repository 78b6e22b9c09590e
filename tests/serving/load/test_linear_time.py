"""Whatever a client sends is read in time that grows with its length."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
from growth import MOST, growth

from longtail.index.errors import LongtailError
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.ids.identifier import fault_of_id, names_nobody
from longtail.retrieval.data.item_text.markup import plain_text
from longtail.retrieval.data.suspects.item_checks import ItemChecks
from longtail.retrieval.data.text_template import render
from longtail.serving.access import names_this_machine
from longtail.serving.explorer.text_search import TextSearch
from longtail.serving.http.foreign_pages import refuse_foreign_pages
from longtail.serving.updates.timestamps import seconds_of

SHOP = Catalog(
    pd.DataFrame({"item_id": ["a", "b"], "title": ["A green tea", "The best tea pot"]}), "{title}"
)
CHECKS = ItemChecks(SHOP, np.array([True, False]))
SEARCH = TextSearch.of(SHOP.frame["title"])


def of_item(text: str) -> object:
    items = pd.DataFrame({"item_id": ["c"], "title": [text]})
    return render("{title}", items), CHECKS.findings(items)


PARSERS: dict[str, Callable[[str], object]] = {
    "time": lambda text: seconds_of(text, 2e9),
    "id": lambda text: (fault_of_id(text), names_nobody(text)),
    "markup": plain_text,
    "item": of_item,
    "host": lambda text: names_this_machine([(b"host", text.encode())]),
    "origin": lambda text: refuse_foreign_pages("POST", [(b"origin", text.encode())]),
    "search": lambda text: SEARCH.with_words(text, np.ones(2, bool), 5),
}
UNITS = [
    " ",
    "a",
    "a ",
    "<",
    "<a ",
    "&",
    "&#",
    "[",
    "[a ",
    "'",
    "]",
    "<!--",
    "0-",
    ":",
    "\n",
    "红",
    "a\u200b",
]


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_takes_time_by_the_length(name: str) -> None:
    slow = {}
    for unit in UNITS:

        def work(size: int, unit: str = unit) -> None:
            with suppress(LongtailError):
                PARSERS[name](unit * (size // len(unit)))

        if (grown := growth(work, 1_250)) > MOST:
            slow[unit] = grown
    assert not slow

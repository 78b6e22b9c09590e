"""Texts of words that belong to many kinds are told; those of their own kind aren't."""

from __future__ import annotations

import numpy as np
import pandas as pd

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.suspects.finding import MANY_KINDS
from longtail.retrieval.data.suspects.item_words import count_words
from longtail.retrieval.data.suspects.word_kinds import WordKinds, kinds_of

KINDS = [f"Shop > Kind {letter}" for letter in "ABCDEFGHIJ"]


def own_words(kind: int) -> list[str]:
    return [f"kind{kind}word{'abcdefgh'[i]}" for i in range(8)]


def shop(categories: str = "categories") -> Catalog:
    rng = np.random.default_rng(0)
    lines = [
        (f"{kind}-{i}", " ".join([*rng.choice(own_words(kind), 4), "good", "new"]), KINDS[kind])
        for kind in range(len(KINDS))
        for i in range(30)
    ]
    return Catalog(pd.DataFrame(lines, columns=["item_id", "title", categories]), "{title}")


def kinds_in(catalog: Catalog) -> WordKinds:
    return WordKinds(count_words(catalog.texts(), kinds_of(catalog.frame)))


def findings(catalog: Catalog, title: str, kind: str = KINDS[0]) -> list[str]:
    items = pd.DataFrame({"item_id": ["n"], "title": [title], "categories": [kind]})
    return [f.detail for f in kinds_in(catalog).findings(items, [title])]


def test_words_of_many_kinds_are_told_with_some_of_them() -> None:
    stuffed = " ".join(own_words(kind)[0] for kind in range(8))
    (detail,) = findings(shop(), stuffed)
    assert detail.startswith("it holds words of 7 other kinds of items: 'kind1worda'")


def test_many_words_of_its_own_kind_and_of_all_kinds_are_honest() -> None:
    assert not findings(shop(), " ".join([*own_words(0), *own_words(1), "good", "new"]))


def test_no_item_of_an_honest_catalog_is_told() -> None:
    catalog = shop()
    found = kinds_in(catalog).findings(catalog.frame, catalog.texts())
    assert not [finding for finding in found if finding.reason == MANY_KINDS]


def test_a_catalog_without_categories_has_no_kinds() -> None:
    stuffed = " ".join(own_words(kind)[0] for kind in range(8))
    assert not findings(shop("shelf"), stuffed)

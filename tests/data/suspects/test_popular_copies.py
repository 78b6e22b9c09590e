"""Copies of popular items are found whatever was done to their words; editions are left alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.suspects.finding import COPY
from longtail.retrieval.data.suspects.item_words import WordWeights, count_words
from longtail.retrieval.data.suspects.popular_copies import PopularTexts

TEMPLATE = "{title}. {description}"
POPULAR = "Cast iron skillet with oak handle"
TEXT = "Forged in one piece, seasoned with linseed, made for gas and open fire"


def shop(*, maker: str | None = "brand") -> Catalog:
    """Return a catalog of 41 items of many words, the first of which is worth copying."""
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(300)]
    lines = [("pan", POPULAR, TEXT, "Oro")] + [
        (f"i{i}", " ".join(rng.choice(words, 5)), " ".join(rng.choice(words, 12)), f"maker {i % 7}")
        for i in range(40)
    ]
    frame = pd.DataFrame(lines, columns=["item_id", "title", "description", "maker"])
    frame = frame.rename(columns={"maker": maker}) if maker else frame.drop(columns="maker")
    return Catalog(frame, TEMPLATE)


def texts_of(catalog: Catalog, popular: NDArray[np.bool_]) -> PopularTexts:
    counts = count_words(catalog.texts(), [""] * len(catalog))
    return PopularTexts(catalog, popular, WordWeights(counts, len(catalog)))


def worth_copying(catalog: Catalog) -> PopularTexts:
    return texts_of(catalog, catalog.item_ids == "pan")


def new(title: str, text: str = TEXT, maker: str = "Lux", column: str = "brand") -> pd.DataFrame:
    return pd.DataFrame(
        {"item_id": ["new"], "title": [title], "description": [text], column: [maker]}
    )


@pytest.mark.parametrize(
    ("title", "text"),
    [
        (POPULAR, TEXT),
        ("handle oak with skillet iron Cast", " ".join(reversed(TEXT.split()))),
        (f"Lux {POPULAR}", TEXT),
        (f"{POPULAR} bargain", f"{TEXT} now cheaper than ever"),
        ("iron skillet with oak handle", "Forged in piece, seasoned with linseed, made for fire"),
        (POPULAR.replace("i", "\u200bi"), TEXT.upper()),
    ],
    ids=["same", "shuffled", "another brand", "words appended", "words dropped", "hidden letters"],
)
def test_a_copy_by_another_maker_is_found(title: str, text: str) -> None:
    items = new(title, text)
    popular = worth_copying(shop())
    (copy,) = popular.copies(items)
    finding = popular.finding(items, copy)
    assert (finding.item_id, finding.reason, finding.like) == ("new", COPY, "pan")
    assert "overlaps by" in finding.detail


@pytest.mark.parametrize("column", ["seller", "Vendor", "published_by", "Author"])
def test_whoever_the_catalog_names_is_the_maker(column: str) -> None:
    popular = worth_copying(shop(maker=column))
    found = popular.copies(new(f"{POPULAR} small", maker="Oro", column=column))
    # A column with another name says nothing of makers, and editions begin alike.
    assert not found
    assert len(popular.copies(new(POPULAR, maker="Lux", column=column))) == 1


def test_editions_of_the_same_maker_are_honest() -> None:
    assert not worth_copying(shop()).copies(new(f"{POPULAR}, 28 cm", maker="ORO"))


def test_one_makers_name_in_the_place_of_the_others_hides_no_copy() -> None:
    names = "Oro Solingen Manufaktur"
    catalog = shop()
    catalog.frame.loc[0, ["title", "brand"]] = [f"{names} iron skillet", names]
    copied = new("Lux Thiers Couteliers iron skillet", maker="Lux Thiers Couteliers")
    assert len(worth_copying(catalog).copies(copied)) == 1
    assert not worth_copying(catalog).copies(copied.assign(description="Forged, and no more"))


def test_what_is_little_but_its_makers_name_is_no_copy() -> None:
    catalog = shop()
    catalog.frame.loc[0, ["title", "description"]] = ["Oro skillet", ""]
    assert not worth_copying(catalog).copies(new("Lux skillet", ""))


def test_another_item_of_the_kind_is_honest() -> None:
    other = new("Cast iron pot with lid", "Enamelled, for stews, made for gas and induction")
    assert not worth_copying(shop()).copies(other)


def test_without_makers_only_what_is_nearly_the_same_is_a_copy() -> None:
    popular = worth_copying(shop(maker=None))
    assert len(popular.copies(new(POPULAR))) == 1
    assert not popular.copies(new(f"{POPULAR}, 28 cm, set of two"))


def test_a_popular_item_is_no_copy_of_itself_or_of_another() -> None:
    catalog = shop()
    twice = pd.concat([catalog.frame, new(POPULAR)], ignore_index=True)
    both = texts_of(Catalog(twice, TEMPLATE), np.isin(twice["item_id"], ["pan", "new"]))
    assert not both.copies(twice)


def test_a_catalog_in_which_nothing_is_popular_has_no_copies() -> None:
    catalog = shop()
    assert not texts_of(catalog, np.zeros(len(catalog), bool)).copies(new(POPULAR))


def test_rare_words_miss_no_pair_that_overlaps_enough() -> None:
    """Reference: every pair compared."""
    rng = np.random.default_rng(1)
    words = np.array([f"w{i}" for i in range(60)])
    weight = 1 / np.arange(1, 61)

    def lines(n: int, name: str) -> pd.DataFrame:
        def texts(k: int) -> list[str]:
            return [" ".join(rng.choice(words, k, p=weight / weight.sum())) for _ in range(n)]

        ids = [f"{name}{i}" for i in range(n)]
        return pd.DataFrame(
            {"item_id": ids, "title": texts(4), "description": texts(6), "brand": ids}
        )

    catalog = Catalog(lines(150, "old"), TEMPLATE)
    popular = texts_of(catalog, np.ones(150, bool))
    items = lines(200, "new")
    every = texts_of(catalog, np.ones(150, bool))
    every._pairs = lambda block: (  # type: ignore[method-assign]
        (line, at) for line in range(len(block)) for at in range(150)
    )
    found = popular.copies(items)
    assert len(found) > 3
    assert found == every.copies(items)

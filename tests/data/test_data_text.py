"""The text that the tower reads: templates, what ``auto`` picks, and empty fields."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.text_template import render, resolve_template
from longtail.retrieval.errors import DataError


def frame_of(**columns: list[object]) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    return pd.DataFrame({"item_id": [f"i{k}" for k in range(n)], **columns})


def test_auto_is_title_brand_categories_description_then_other_free_text() -> None:
    frame = frame_of(
        material=["oak wood", "steel"],
        description=["A chair.", "A lamp."],
        title=["Chair", "Lamp"],
        image_url=["http://x/1.jpg", "http://x/2.jpg"],
        picture=["https://x/1", "https://x/2"],
        added=["2024-01-01", "2024-01-02"],
        price=[1.5, 2.5],
        ean=["a1", "b2"],
        colour=["light brown", "dark grey"],
        constant=["same thing", "same thing"],
        categories=["Home", "Home"],
        brand=["Oro", ""],
    )
    assert (
        resolve_template("auto", frame)
        == "{title}. {brand}. {categories}. {description}. {material}. {colour}"
    )


def test_auto_leaves_out_a_role_that_is_empty_everywhere() -> None:
    frame = frame_of(title=["A", "B"], categories=["", ""])
    assert resolve_template("auto", frame) == "{title}"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{title}. {brand}. {use}", ["Wok. Oro. fry", "Wok. fry", "Oro", ""]),
        ("{title} ({brand}), {use}", ["Wok (Oro), fry", "Wok, fry", "(Oro)", ""]),
        (
            "Name: {title}; maker: {brand}; {use}!",
            ["Name: Wok; maker: Oro; fry!", "Name: Wok; fry!", "maker: Oro", ""],
        ),
    ],
)
def test_an_empty_field_disappears_with_its_separator(template: str, expected: list[str]) -> None:
    frame = frame_of(
        title=["Wok", "Wok", "", ""], brand=["Oro", "", "Oro", ""], use=["fry", "fry", "", ""]
    )
    assert render(template, frame) == expected


def test_blanks_collapse_and_numbers_are_spelt_plainly() -> None:
    frame = frame_of(title=["  a \n\n b\t"], size=[3.0], weight=[0.25], none=[float("nan")])
    assert render("{title}. {size}. {weight}. {none}", frame) == ["a b. 3. 0.25"]


@pytest.mark.parametrize("template", ["no columns", "{title", ""])
def test_a_template_that_is_none_is_an_error(template: str) -> None:
    with pytest.raises(DataError, match="text template"):
        resolve_template(template, frame_of(title=["a"]))


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), min_size=1, max_size=5))
def test_a_text_is_never_ragged(rows: list[tuple[str, str]]) -> None:
    frame = frame_of(title=[a for a, _ in rows], brand=[b for _, b in rows])
    for text, (title, brand) in zip(Catalog(frame, "{title}. {brand}").texts(), rows, strict=True):
        assert text == " ".join(text.split())
        # Words for nothing and markup leave none; out of nothing comes none.
        assert bool(title.strip() or brand.strip()) or not text
        assert len(text) <= 2000

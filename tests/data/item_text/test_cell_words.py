"""What of a cell enters an item's text."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.item_text.cell_words import cell_words
from longtail.retrieval.data.text_template import render
from longtail.retrieval.errors import DataError


@pytest.mark.parametrize("nothing", ["nan", "None", "NULL", "null", "N/A", "\\N", " NaN ", "<NA>"])
def test_words_for_nothing_do_not_enter_the_text(nothing: str) -> None:
    frame = pd.DataFrame({"title": ["Wok", nothing], "brand": [nothing, nothing]})
    assert render("{title}. {brand}", frame) == ["Wok", ""]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (
            '<my-widget data-x="1">Bronze</my-widget><o:p>office</o:p><center>mid</center>',
            "Bronze office mid",
        ),
        ("a <b>b</b>old cup", "a bold cup"),
        ("**iron** pot [the guide](https://x.example/a?b=c)", "iron pot the guide"),
        ('![a pot](http://i.example/p.jpg "Pot") of iron', "a pot of iron"),
        ("[set of 6](new)", "[set of 6](new)"),
        ("see https://shop.example/p/0?utm_source=x, bronze", "see bronze"),
        ("茶壶见https://x.example/a?b=1铁", "茶壶见 铁"),
        ("www.tea.example tin", "tin"),
        ("{% include 'x' %}{{ product.title }} bronze", "bronze"),
        ('Tin [[widget]] {{block type="x"}} %%sku%%', "Tin"),
        ("100%% cotton 50%% wool", "100%% cotton 50%% wool"),
        ('{"en": "bronze vase", "de": "Vase"}', "bronze vase"),
        ('{"de-AT": null, "en": "pot"}', "pot"),
        ('{"size": "L", "en": "pot"}', '{"size": "L", "en": "pot"}'),
        ("None of them", "None of them"),
    ],
)
def test_what_is_not_words_leaves_a_cell(cell: str, words: str) -> None:
    assert cell_words(cell) == words


def test_an_empty_template_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\n1,Wok\n")
    with pytest.raises(DataError, match="text template '' names no column; write it like"):
        read_catalog(tmp_path / "items.csv", reading=Reading(template=""), rejected=RejectedRows())

"""Markup leaves the cells; what only looks like it stays."""

import pyarrow as pa
import pytest

from longtail.retrieval.data.item_text.markup import plain_text, without_markup


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ('<p class="p1"><span style="x: y">Salt &amp; pepper.</span></p>', "Salt & pepper."),
        ("<ul><li>One</li><li>two&nbsp;three</li></ul>", "One two three"),
        ("Boat<script>dataLayer.push({})</script><style>p{}</style> shoe", "Boat shoe"),
        ("<b>t</b>wo<br/>lines", "two lines"),
        ("<!-- wp:paragraph --><P>Loud</P><!-- /wp:paragraph -->", "Loud"),
        ("<![CDATA[Tea <i>pot</i>]]>", "Tea pot"),
        ("&lt;p&gt;exported twice&lt;/p&gt;", "exported twice"),
        ("Tom &amp; Jerry &#8217;", "Tom & Jerry ’"),
        ('<p>cut off <a href="x', "cut off"),
        ('[gallery ids="1,2"] Shelf [/vc_row][vc_row el="a"]', "Shelf"),
        ("[caption id='1']Oak[/caption] table", "Oak table"),
        ("[b]bold[/b] [url=http://x.example]link[/url]", "bold link"),
    ],
)
def test_the_words_of_a_cell_are_left(cell: str, words: str) -> None:
    assert plain_text(cell) == words


@pytest.mark.parametrize(
    "cell",
    [
        "size <10 cm & >3 cm",
        "I <3 tea",
        "x <y and z> b",
        "AT&T; R&D",
        "[sic] Poems [2010] [Hardcover]",
        "The <title> of a page",
        '{"html": "<p>kept as it is</p>"}',
        "",
    ],
)
def test_what_only_looks_like_markup_stays(cell: str) -> None:
    assert plain_text(cell) == cell


def test_a_column_changes_only_where_markup_is() -> None:
    cells = pa.array(["clean", "<p>not</p>", "also  clean "])
    assert without_markup(cells).to_pylist() == ["clean", "not", "also  clean "]
    clean = pa.array(["a", "b"])
    assert without_markup(clean) is clean


@pytest.mark.parametrize(
    "bomb", ["<div>" * 30_000, "<p " * 60_000, "[a " * 60_000, "<script " * 9999]
)
def test_hostile_markup_costs_no_more_than_its_length(bomb: str) -> None:
    assert len(plain_text(bomb + "x")) <= len(bomb) + 1

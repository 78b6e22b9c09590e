"""Markup taken off cells: HTML, its entities, and shortcodes, as shops export their texts."""

from __future__ import annotations

import html
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from selectolax.lexbor import LexborHTMLParser

_BLOCKS = (
    "address article aside blockquote br caption center dd details div dl dt fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 header hr legend li main nav ol option p pre section "
    "summary table tbody td tfoot th thead tr ul"
)
_INLINE = (
    "a abbr b bdi bdo big button cite code data del em embed font i iframe img input ins "
    "kbd label mark meta link noscript object picture q s samp script select small source span "
    "strike strong style sub sup svg template time tt u var video wbr"
)
_WITHOUT_WORDS = ["script", "style", "noscript", "template", "iframe", "object", "svg", "head"]
# Web components, and what offices' programs write: <my-widget>, <o:p>.
_OTHERS = r"[a-zA-Z][\w.]*[:-][\w.:-]*"
# A name alone, as in "the <title> of a page" or "a <b", is no markup.
_TAG = re.compile(
    rf"<(?:/?(?:{_BLOCKS} {_INLINE} {_OTHERS})(?:\s[^<>]*)?/?>|!--|!\[CDATA\[|!doctype)".replace(
        " ", "|"
    ),
    re.IGNORECASE,
)
_BLOCK_STARTS = re.compile(
    rf"<(?=/?(?:(?:{_BLOCKS})\b|{_OTHERS}))".replace(" ", "|"), re.IGNORECASE
)
_ANY_TAG = re.compile(r"<[^<>]*>")
_SILENT = re.compile(r"<(script|style)\b.*?(?:</\1|$)", re.IGNORECASE | re.DOTALL)
_CDATA = re.compile(r"<!\[CDATA\[(.*?)(?:\]\]>|$)", re.DOTALL)
_SHORTCODE = re.compile(r"\[(?P<end>/?)(?P<name>[a-zA-Z][\w-]*)(?P<rest>(?:[\s=][^\[\]]*)?/?)\]")
_ATTRIBUTE = re.compile(r"=\s*[\"'“”‘’«]|^=|\s[\w-]+=\S")
_SHORTCODE_NAMES = {
    *("gallery", "caption", "embed", "audio", "video", "playlist", "product", "products"),
    *("contact-form-7", "toc", "sidebar", "divider", "spacer", "clear", "row", "column", "columns"),
}
# What a cell with anything to take off has; Arrow looks for it in all cells at once.
_SUSPICIOUS = r"<[/!]?[a-zA-Z\[-]|&(#[0-9]+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]+);|\[/?[a-zA-Z]"
# Markup within entities ("&lt;p&gt;"), within entities: exports of exports are that deep.
_LAYERS = 3
# An item's text is read from far fewer characters, and no description is built of more tags: what
# has more isn't taken apart as a tree, whose depth its writer chose.
_MOST_CHARACTERS, _MOST_TAGS = 200_000, 1_000


def without_markup(cells: Any, *, tags: bool = True) -> Any:
    """Return an Arrow string array with markup taken off the cells that hold some.

    Cells without stay as they are, and cost one look. Without ``tags`` they stay.
    """
    suspicious = np.asarray(pc.match_substring_regex(cells, _SUSPICIOUS), bool)
    at = np.flatnonzero(suspicious)
    if not len(at):
        return cells
    cleaned = [plain_text(cell, tags=tags) for cell in cells.take(pa.array(at)).to_pylist()]
    return pc.replace_with_mask(cells, pa.array(suspicious), pa.array(cleaned, cells.type))


def plain_text(cell: str, *, tags: bool = True) -> str:
    """Return the words of a cell: tags, scripts, styles, comments and shortcodes taken off,
    entities decoded. A JSON object stays as it is. Without ``tags`` they stay.

    >>> plain_text("<p>Salt &amp; pepper</p><script>track()</script><br>for <b>t</b>wo")
    'Salt & pepper for two'
    >>> plain_text('&lt;p&gt;Tea&lt;/p&gt; [gallery ids="1,2"]'), plain_text("cups [set of 6] <3")
    ('Tea', 'cups [set of 6] <3')
    """
    if cell.startswith("{"):
        return cell
    text = cell[:_MOST_CHARACTERS]
    for _ in range(_LAYERS):
        before = text
        text = _without_tags(text) if tags and _TAG.search(text) else html.unescape(text)
        if text == before:
            break
    if "[" in text:
        text = _without_shortcodes(text)
    return cell if text == cell[:_MOST_CHARACTERS] else text.replace("\xa0", " ").strip()


def _without_tags(text: str) -> str:
    text = _CDATA.sub(r"\1", text)
    if text.count("<") > _MOST_TAGS:
        return html.unescape(" ".join(_ANY_TAG.sub(" ", _SILENT.sub(" ", text)).split()))
    # What stands in two blocks isn't one word; "<b>t</b>wo" is.
    tree = LexborHTMLParser(_BLOCK_STARTS.sub(" <", text))
    tree.strip_tags(_WITHOUT_WORDS, recursive=True)
    return " ".join(tree.text(separator="").split())


def _without_shortcodes(text: str) -> str:
    closed = {m["name"] for m in _SHORTCODE.finditer(text) if m["end"]}

    def replaced(found: re.Match[str]) -> str:
        name, rest = found["name"], found["rest"]
        known = name in closed or name.lower() in _SHORTCODE_NAMES
        known = known or ("_" in name and name.islower())
        return " " if known or rest.endswith("/") or _ATTRIBUTE.search(rest) else found[0]

    without = _SHORTCODE.sub(replaced, text)
    return text if without == text else re.sub(r"[^\S\n]+", " ", without).strip()

"""The words of a cell as they stand in an item's text."""

from __future__ import annotations

import json
import re

from longtail.retrieval.data.item_text.markup import plain_text

# What programs write where there is nothing. As a whole cell only, and spelt as they spell it:
# "none of them" is a text.
_NOTHING = frozenset(
    (
        *("nan", "NaN", "NAN", "-nan", "None", "none", "NONE", "<none>", "NULL", "null", "Null"),
        *("<null>", "<NULL>", "(null)", "(NULL)", "\\N", "N/A", "n/a", "N/a", "#N/A", "<NA>"),
        *("NaT", "nil", "undefined", "#REF!", "#VALUE!", "#NAME?"),
    )
)
_SUSPICIOUS = re.compile(r"[<&\[{]|%%|\*\*|://|www\.", re.IGNORECASE)
# Liquid, Twig, Handlebars, Magento; MediaWiki's and Grav's; SFMC's and Yoast's.
_TEMPLATE_TAG = re.compile(
    r"\{%.{0,1000}?%\}|\{{2,3}[^{}]{0,1000}\}{2,3}|\[\[[^\[\]]{0,300}\]\]|%%[\w.:-]{1,80}%%",
    re.DOTALL,
)
_LINK = re.compile(
    r"!?\[(?P<words>[^\[\]]*)\]\(\s*<?(?:[a-z]+:|www\.|[/#.])[^()\s<>]*>?(?:\s+\"[^\"]*\")?\s*\)",
    re.IGNORECASE,
)
_BOLD = re.compile(r"(?P<mark>\*\*|__)(?=\S)(?P<words>[^*_]+?)(?<=\S)(?P=mark)")
_URL = re.compile(r"<?\b(?:(?:https?|ftp)://|www\.)[\w\-.~:/?#@!$&'*+,;=%]+>?", re.I | re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}([-_][A-Za-z]{2,4})?")


def cell_words(cell: str) -> str:
    r"""Return a cell without what isn't words: NULL and the like, markup, template tags, addresses.

    A link keeps its words; of a JSON object of languages the first one stays.

    >>> cell_words("NULL"), cell_words("{% include 'x' %}bronze {{ size }}, [a b](http://x.y/z)")
    ('', 'bronze , a b')
    >>> cell_words('{"en": "Vase", "de": "Krug"}'), cell_words("see https://x.y/z?a=1 for tea")
    ('Vase', 'see for tea')
    """
    if cell.strip() in _NOTHING:
        return ""
    if not _SUSPICIOUS.search(cell):
        return cell
    text = _TEMPLATE_TAG.sub(" ", _first_language(cell))
    text = plain_text(text.strip())
    text = _BOLD.sub(r"\g<words>", _LINK.sub(r"\g<words>", text))
    text = _URL.sub(" ", text)
    return cell if text == cell else " ".join(text.split())


def is_nothing(cell: str) -> bool:
    r"""Return whether a cell only says that there is nothing.

    >>> is_nothing("\\N"), is_nothing("none of them")
    (True, False)
    """
    return cell.strip() in _NOTHING


def _first_language(cell: str) -> str:
    """Return the first text of a JSON object of texts by language; other cells as they are."""
    if not cell.lstrip().startswith('{"'):
        return cell
    try:
        texts = json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    if not all(_LANGUAGE.fullmatch(name) for name in texts):
        return cell
    if not all(text is None or isinstance(text, str) for text in texts.values()):
        return cell
    return next((text for text in texts.values() if text), "")

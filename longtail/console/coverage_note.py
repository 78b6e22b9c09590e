"""Whether the text encoder knows the catalog's scripts, said before time is spent on it."""

from __future__ import annotations

from longtail.console.remarks import Say, on_stderr
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.errors import ModelNotFoundError
from longtail.retrieval.towers.text.token_coverage import TokenCoverage, catalog_coverage


def note_unknown_tokens(
    encoder: str, catalog: Catalog, say: Say = on_stderr
) -> tuple[TokenCoverage | None, list[str]]:
    """Return the coverage, None without the encoder's tokeniser, and what was said."""
    try:
        coverage = catalog_coverage(encoder, catalog)
    except ModelNotFoundError as error:
        line = f"warning: tokens are not counted: {error}"
        say(line)
        return None, [line]
    warning = coverage.warning(encoder)
    lines = [] if warning is None else [f"warning: {warning}"]
    for line in lines:
        say(line)
    return coverage, lines

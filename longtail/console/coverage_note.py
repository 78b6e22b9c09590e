"""Whether the text encoder knows the catalog's scripts, said before time is spent on it."""

from __future__ import annotations

import click

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.errors import ModelNotFoundError
from longtail.retrieval.towers.text.token_coverage import TokenCoverage, catalog_coverage


def note_unknown_tokens(encoder: str, catalog: Catalog) -> tuple[TokenCoverage | None, list[str]]:
    """Return the coverage, None without the encoder's tokeniser, and what was said on stderr."""
    try:
        coverage = catalog_coverage(encoder, catalog)
    except ModelNotFoundError as error:
        line = f"warning: tokens are not counted: {error}"
        click.echo(line, err=True)
        return None, [line]
    warning = coverage.warning(encoder)
    lines = [] if warning is None else [f"warning: {warning}"]
    for line in lines:
        click.echo(line, err=True)
    return coverage, lines

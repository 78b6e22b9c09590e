"""How a message says that a column is to be read as a role."""

from __future__ import annotations

from shlex import quote

from longtail.index.errors import Field


def column_advice(role: str, column: str) -> tuple[Field, str]:
    """Return the end of a message: the option, and role and column as a shell takes them.

    >>> column_advice("timestamp", "order date (UTC)")
    ('column', " 'timestamp=order date (UTC)'")
    """
    mapping = f"{role}={column}"
    # Letters of any script stand as they are; `quote` knows those of English.
    plain = all(sign.isalnum() or sign in "_=:,./-@%+" for sign in mapping)
    return Field("column"), f" {mapping if plain else quote(mapping)}"

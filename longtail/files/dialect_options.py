"""The options that say how the bytes of files become cells, where the files don't tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from longtail.retrieval.data.files.columns import file_of_names
from longtail.retrieval.data.files.dialect.reading import FILES

_EACH = "For one file: items=..., log=..., users=... Repeatable."

DIALECT_OPTIONS: tuple[Callable[[Callable[..., Any]], Callable[..., Any]], ...] = (
    click.option(
        "--delimiter",
        multiple=True,
        metavar="TEXT",
        help="What stands between cells, e.g. ';', '::', tab. Default: what the first lines show. "
        f"{_EACH}",
    ),
    click.option(
        "--encoding",
        multiple=True,
        metavar="NAME",
        help=f"What text is in, e.g. GB18030. Default: UTF-8, or what fits all of a file. {_EACH}",
    ),
    click.option(
        "--names",
        multiple=True,
        metavar="NAME,NAME,...",
        help="The columns of a file without a header line, e.g. user_id,item_id,weight,timestamp; "
        f"it is the file whose roles they are. {_EACH}",
    ),
    click.option(
        "--decimal",
        type=click.Choice([".", ","]),
        help="What stands before decimals. Default: '.', or ',' where cells stand between ';'.",
    ),
    click.option(
        "--max-inflated",
        "max_inflated_gb",
        type=click.FloatRange(0, min_open=True),
        metavar="GB",
        help="How large a compressed file may become. Default: 64, and no more than 200 times its "
        "size.",
    ),
)
DIALECT_FIELDS = ("delimiter", "encoding", "names", "decimal", "max_inflated_gb")


def dialect_said(
    delimiter: Sequence[str] = (),
    encoding: Sequence[str] = (),
    names: Sequence[str] = (),
    **others: Any,
) -> dict[str, Any]:
    """Return the fields of a `Reading` that these options say.

    >>> dialect_said(delimiter=("log=::",), names=("user_id,item_id",))["names"]
    {'log': ['user_id', 'item_id']}
    """
    columns = {
        file or file_of_names(value.split(",")): value.split(",")
        for file, value in map(_of_file, names)
    }
    return {
        "delimiter": dict(map(_of_file, delimiter)),
        "encoding": dict(map(_of_file, encoding)),
        "names": columns,
        **others,
    }


def _of_file(value: str) -> tuple[str, str]:
    file, equals, said = value.partition("=")
    return (file, said) if equals and said and file in FILES else ("", value)

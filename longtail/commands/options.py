"""Arguments and options that several commands share, so that they read the same in each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from longtail.retrieval.data.cuts.split_rule import SplitRule
from longtail.retrieval.data.popularity import POOLS
from longtail.retrieval.errors import DataError
from longtail.retrieval.ranking.rerank.rerank import MODES
from longtail.settings.shipped import shipped_names

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

run_argument = click.argument("run", type=click.Path(file_okay=False, path_type=Path))
device_option = click.option(
    "--device",
    type=click.Choice(["cpu", "gpu"]),
    default="cpu",
    show_default=True,
    help="Where the index is searched.",
)

vector_cache_option = click.option(
    "--vector-cache",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="LONGTAIL_VECTOR_CACHE",
    show_envvar=True,
    help="Folder that keeps the vectors of item texts: a text that was read before, by the same "
    "encoder, isn't read again, whichever run or catalog it comes from.",
)


_WAIT = f"{__name__}.wait_s"


def _keep_wait(context: click.Context, _: click.Parameter, given: float) -> None:
    context.meta[_WAIT] = given


wait_option = click.option(
    "--wait",
    metavar="SECONDS",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0),
    expose_value=False,
    callback=_keep_wait,
    help="How long to wait for another command or service that holds the run folder.",
)


def wait_s() -> float:
    """Return how many seconds the command at hand may wait for a lock: see `wait_option`."""
    context = click.get_current_context(silent=True)
    return 0.0 if context is None else float(context.meta.get(_WAIT, 0.0))


def _config(context: click.Context, option: click.Parameter, given: str | None) -> str | None:
    """Refuse a folder at once; one named like a shipped file doesn't stand in its way."""
    if given is not None and given not in shipped_names() and Path(given).is_dir():
        raise click.BadParameter(f"{given!r} is a directory.")
    return given


config_option = click.option(
    "--config",
    callback=_config,
    metavar="NAME|FILE",
    help="Settings: the name of a shipped file (cpu, gpu, demo) or a YAML file. "
    "Default: gpu where there is a CUDA device, else cpu.",
)
set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Wins over the file, e.g. history.epochs=2. Repeatable.",
)


def _known_split(context: click.Context, option: click.Parameter, given: str) -> str:
    try:
        SplitRule.of(given)
    except DataError as error:
        raise click.BadParameter(str(error)) from error
    return given


split_option = click.option(
    "--split",
    "kind",
    callback=_known_split,
    metavar="KIND|DATES",
    default="auto",
    show_default=True,
    help="temporal: everyone is cut at the same moments; temporal-users: so, with users alone who "
    "are known by then; leave-last: everyone's last events; given: by the column split. Or the "
    "first days of valid and test: 2024-05-01,2024-06-01 (temporal-users:2024-05-01,2024-06-01).",
)


user_column_option = click.option(
    "--user-column",
    "user_columns",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="What is known of the user, as in the users file of training, e.g. age=24. Wins over "
    "the file; the user may be new. Repeatable.",
)


def parse_user_columns(pairs: tuple[str, ...]) -> dict[str, list[str]] | None:
    """Return ``--user-column`` values by column, None where there are none.

    >>> parse_user_columns(("age=24", "likes=tea", "likes=cake"))
    {'age': ['24'], 'likes': ['tea', 'cake']}
    """
    columns: dict[str, list[str]] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (equals and name.strip()):
            # Not the pair: its value is nobody's business.
            raise click.BadParameter("one of them is not COLUMN=VALUE", param_hint="--user-column")
        columns.setdefault(name.strip(), []).append(value)
    return columns or None


def answers_option(default: int, help_text: str) -> Decorator:
    """Return the option -k with this default."""
    return click.option(
        "-k", default=default, show_default=True, type=click.IntRange(1), help=help_text
    )


def pool_option(default: str) -> Decorator:
    """Return the option --pool with this default."""
    return click.option(
        "--pool",
        type=click.Choice(list(POOLS)),
        default=default,
        show_default=True,
        help="tail: all but the most popular items; cold: items nobody took yet.",
    )


_REQUEST: tuple[Decorator, ...] = (
    click.option(
        "--debias",
        type=click.FloatRange(0, 1),
        help="0: most probable next item, 1: popularity taken out. Default: best in validation.",
    ),
    click.option(
        "--debias-mode",
        "mode",
        type=click.Choice(MODES),
        default="fixed",
        show_default=True,
        help="fixed: the same strength for all; per-user: more for users of rare items, less for "
        "users of hits; profile: popular and rare items as in the user's history.",
    ),
    click.option(
        "--diversity",
        type=click.FloatRange(0, 1),
        default=0.0,
        show_default=True,
        help="How much unlikeness counts within a list; 0.2 parts near-duplicates.",
    ),
    click.option(
        "--where",
        multiple=True,
        metavar="CLAUSE",
        help="e.g. brand=OPI, 'price<20 and size in (S, M)', categories~nail. Repeatable; all must "
        "hold.",
    ),
    click.option(
        "--exclude", multiple=True, metavar="ITEM", help="Never return this item. Repeatable."
    ),
    click.option("--include-seen", is_flag=True, help="Items of the history may come back."),
    click.option(
        "--include-rejected", is_flag=True, help="Items that the user rejected may come back."
    ),
)


def request_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return the command with what `Retriever.recommend` takes under the same names."""
    for option in reversed(_REQUEST):
        command = option(command)
    return command

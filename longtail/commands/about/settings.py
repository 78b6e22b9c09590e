"""`longtail settings`: every setting of a training, and what it is for."""

from __future__ import annotations

import json

import click

from longtail.commands.options import config_option, set_option


@click.command()
@config_option
@set_option
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="table for a person; json for a program.",
)
def settings(config: str | None, overrides: tuple[str, ...], style: str) -> None:
    """Print every setting: key, value, default, range, meaning.

    Values are those with which `longtail train` would train, given the same --config and --set;
    defaults stand where a file neither has a key nor extends another that has it.
    """
    from longtail.console.settings_table import print_settings
    from longtail.settings.described import described
    from longtail.settings.settings_file import load_settings
    from longtail.settings.shipped import name_for_this_machine

    source = config or name_for_this_machine()
    chosen = described(load_settings(source, overrides))
    if style == "json":
        click.echo(json.dumps([setting.record() for setting in chosen], indent=2))
    else:
        click.echo(f"settings: {source}{'' if config else ' (shipped)'}", err=True)
        print_settings(chosen)

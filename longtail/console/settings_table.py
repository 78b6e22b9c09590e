"""The table of `longtail settings`, on stdout."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from longtail.console.console import stdout_console
from longtail.settings.described import DescribedSetting, shown


def print_settings(settings: Sequence[DescribedSetting]) -> None:
    """Print a row a setting, group by group; a value that isn't the default is bold."""
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("key", no_wrap=True)
    for name in ("value", "default", "range"):
        table.add_column(name, max_width=16, overflow="fold")
    table.add_column("meaning", min_width=24)
    for number, setting in enumerate(settings):
        group = setting.key.rpartition(".")[0]
        if number and group != settings[number - 1].key.rpartition(".")[0]:
            table.add_section()
        changed = setting.value != setting.default
        table.add_row(
            setting.key,
            shown(setting.value),
            shown(setting.default),
            setting.range,
            setting.meaning,
            style="bold" if changed else "",
        )
    stdout_console().print(table)

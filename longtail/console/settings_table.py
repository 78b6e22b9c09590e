"""The table of `longtail settings`, on stdout."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from longtail.console.console import stdout_console
from longtail.settings.described import DescribedSetting, shown

_GAP = 2
# Cells of value, default and range, on a wide screen and on one of 80 columns.
WIDE, NARROW = 16, 11


def print_settings(settings: Sequence[DescribedSetting], console: Console | None = None) -> None:
    """Print a row a setting, group by group, its meaning below its key.

    A value that isn't the default is bold. Cells are folded, never cut.
    """
    out = console or stdout_console()
    longest_key = max(len(setting.key) for setting in settings)
    others = WIDE if out.width >= longest_key + 3 * (WIDE + _GAP) else NARROW
    table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, _GAP, 0, 0))
    table.add_column("key and meaning", min_width=longest_key)
    for name in ("value", "default", "range"):
        table.add_column(name, max_width=others, overflow="fold")
    for number, setting in enumerate(settings):
        group = setting.key.rpartition(".")[0]
        if number and group != settings[number - 1].key.rpartition(".")[0]:
            table.add_row()
        style = "bold" if setting.value != setting.default else ""
        described = Text.assemble((setting.key, style), "\n", (setting.meaning, "dim"))
        table.add_row(
            described, Text(shown(setting.value), style), shown(setting.default), setting.range
        )
    out.print(table)

"""The page docs/cli.md, made from every command's own ``--help``.

``python -m longtail.cli_reference`` rewrites it; a test compares it with the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from longtail.cli import cli

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
INTRODUCTION = """\
# Commands

Made from `--help` by `python -m longtail.cli_reference`; change the code, not this page.

Data goes to stdout; notes, warnings and progress go to stderr, so
`longtail query ... --format csv > answers.csv` holds answers alone. Every command takes `-h`.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | a known failure; one line on stderr says what is wrong and what to do next |
| 2 | the command was misused: an unknown option, a value of the wrong kind |
| 130 | interrupted by Ctrl-C; one line on stderr says what stands and how to go on |

A traceback is a bug of ours: please report it.

An interrupted `longtail train` leaves no run folder, but its vectors and checkpoints, in
`.RUN.work` beside it. The same command with `--resume` goes on from there; with `--overwrite` it
starts over. An interrupted `longtail index build` leaves the index that was served.

The table of `query` and `similar` names items by title; `json`, `jsonl` and `csv` give your own
ids. `relevance` is the calibrated probability that the user takes the item, "pop. pct." the share
of the catalog that is less popular, in percent, and "base rank" the rank at debias 0
without diversity.
"""
_WIDTH = 100


def reference_page() -> str:
    """Return docs/cli.md: an introduction, then each command with its help text."""
    sections = [INTRODUCTION]
    for path, command in _commands(cli, ("longtail",)):
        # A fixed width: the page must not depend on the terminal it is made in.
        context = click.Context(command, info_name=" ".join(path), max_content_width=_WIDTH)
        context.terminal_width = _WIDTH
        context.help_option_names = ["-h", "--help"]
        level = "##" if len(path) <= 2 else "###"
        help_text = command.get_help(context).rstrip()
        sections.append(f"{level} {' '.join(path)}\n\n```text\n{help_text}\n```\n")
    return "\n".join(sections)


def _commands(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from _commands(below, (*path, name))


def main() -> None:
    """Write the page."""
    PAGE.write_text(reference_page(), encoding="utf-8")


if __name__ == "__main__":
    main()

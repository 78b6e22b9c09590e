"""The `longtail` command: one file a command below `longtail/commands`."""

from __future__ import annotations

import errno
import importlib
import sys

import click

from index.errors import LongtailError

# Name -> module; loaded when asked for, so that `longtail -h` doesn't wait for torch.
COMMANDS = {
    "data": "longtail.commands.data",
    "train": "longtail.commands.train",
    "index": "longtail.commands.index",
    "query": "longtail.commands.query",
    "similar": "longtail.commands.similar",
    "recommend": "longtail.commands.recommend",
    "evaluate": "longtail.commands.evaluate",
    "doctor": "longtail.commands.doctor",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        module = COMMANDS.get(name)
        if module is None:
            return None
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="longtail")
def cli() -> None:
    """Find the items a popularity-driven recommender never shows.

    train on a catalog and an interaction log, query the long tail for a user, evaluate on
    held-out interactions.
    """


def main() -> None:
    """Run the command line: exit 0 good, 1 a known failure in one line, 2 misuse."""
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; `longtail train ... --resume` goes on with a training", err=True)
        sys.exit(130)
    except LongtailError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        # Not ours to explain in a traceback: the machine said no.
        if error.errno == errno.EPIPE:
            sys.exit(0)
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        place = f" ({error.filename})" if error.filename else ""
        click.echo(f"error: {error.strerror}{place}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()

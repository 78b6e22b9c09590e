"""The `longtail` command: one file a command below `longtail/commands`."""

from __future__ import annotations

import importlib
import os
import sys

import click

from longtail.console.wording import one_line
from longtail.index.disk.system import check_system
from longtail.jobs.interrupts import WorkInterruptedError
from longtail.jobs.os_errors import as_known_failure

# Name -> module; loaded when asked for, so that `longtail -h` doesn't wait for torch.
COMMANDS = {
    "data": "longtail.commands.data",
    "train": "longtail.commands.train",
    "learn": "longtail.commands.learn",
    "settings": "longtail.commands.about.settings",
    "models": "longtail.commands.about.models",
    "index": "longtail.commands.index.build",
    "query": "longtail.commands.query",
    "similar": "longtail.commands.similar",
    "recommend": "longtail.commands.recommend",
    "serve": "longtail.commands.serve",
    "evaluate": "longtail.commands.evaluate",
    "card": "longtail.commands.about.card",
    "doctor": "longtail.commands.about.doctor",
}
# What a system without file locks can still do: say what there is.
WITHOUT_A_RUN = ("doctor", "settings")
INTERRUPTED = 130  # 128 + SIGINT, as shells count it


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
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Find the items a popularity-driven recommender never shows.

    train on a catalog and an interaction log, query the long tail for a user, evaluate on
    held-out interactions.
    """
    if ctx.invoked_subcommand not in WITHOUT_A_RUN:
        check_system()


def main() -> None:
    """Run the command line: exit 0 good, 1 a known failure in one line, 2 misuse."""
    try:
        cli.main(prog_name="longtail", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except WorkInterruptedError as interrupted:
        click.echo(f"interrupted; {interrupted}", err=True)
        sys.exit(INTERRUPTED)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; run the same command again", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader (`| head`) has seen enough. What is still buffered must not fail at exit;
        # the exit code is the one that click and rich give.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        known = as_known_failure(error)
        if known is None:
            raise
        click.echo(f"error: {one_line(known)}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()

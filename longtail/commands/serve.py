"""`longtail serve`: the HTTP service and the explorer page of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from longtail.commands.options import run_argument, wait_option, wait_s


@click.command()
@run_argument
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="0 takes any free port.",
)
@click.option(
    "--api-key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that holds the API key; else LONGTAIL_API_KEY. Needed for other hosts than "
    "127.0.0.1.",
)
@click.option(
    "--read-key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that holds a second key, which asks but changes nothing; else LONGTAIL_READ_KEY. "
    "With this one alone nobody can change anything.",
)
@click.option(
    "--waiting",
    default=512,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="Requests that may wait, counted by their work; over it clients are told to come again.",
)
@click.option(
    "--deadline",
    "deadline_s",
    default=5.0,
    show_default=True,
    type=click.FloatRange(0.01, 600),
    help="Seconds until a request that isn't answered is given up.",
)
@click.option(
    "--client-timeout",
    "client_s",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0.01, 600),
    help="Seconds that a client has for a request's headers, for its body, and to take an answer.",
)
@click.option(
    "--max-body",
    "body_bytes",
    default=1_000_000,
    show_default=True,
    type=click.IntRange(1_000, 100_000_000),
    help="Largest body, in bytes.",
)
@click.option(
    "--threads",
    default=1,
    show_default=True,
    type=click.IntRange(1, 256),
    help="Threads of the engine's matrix products. One is fastest where requests are small: "
    "another waits longer than it works.",
)
@click.option(
    "--quarantine",
    is_flag=True,
    help="Keep items that are put and look made to game the engine out of all answers until "
    "`longtail index release`.",
)
@click.option(
    "--impressions/--no-impressions",
    default=True,
    show_default=True,
    help="Keep, with an event that has the request id of an answered list, what its user has seen "
    "above its item, and the next one below, as shown.",
)
@wait_option
def serve(
    run: Path,
    host: str,
    port: int,
    api_key_file: Path | None,
    read_key_file: Path | None,
    threads: int,
    **limits: Any,
) -> None:
    """Answer recommendations from RUN over HTTP, with an explorer page for people.

    New index versions are picked up while it runs. SIGTERM or Ctrl-C: it answers what is in
    flight, then stops. The log goes to stderr, one JSON object a line.
    """
    try:
        from longtail.serving.access import read_keys
        from longtail.serving.limits import Limits
        from longtail.serving.server import serve as serve_run
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"the service needs {error.name}, which isn't installed; run "
            "`pip install 'longtail[serve]'`"
        ) from error

    from longtail.jobs.thread_limits import pool_threads

    with pool_threads(threads):
        serve_run(
            run,
            host,
            port,
            read_keys(api_key_file, read_key_file),
            Limits(**limits),
            lambda url: click.echo(f"{run} at {url} (Ctrl-C stops it)"),
            wait_s=wait_s(),
        )

"""`longtail models`: which text encoder to take, tried on the catalog itself."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

import click

from longtail.commands.options import config_option, set_option
from longtail.console.progress import progress_on_stderr
from longtail.files.input_files import input_options, make_inputs, read_inputs


@click.command()
@input_options
@click.option(
    "--try",
    "tried",
    multiple=True,
    metavar="A,B,C",
    help="Encoders to try in the place of those that are found: folders, folders of such folders, "
    "or names as item_tower.encoder has them, each perhaps with :layers=N, :dims=N, :pooling=NAME "
    "or :max_tokens=N behind it. Repeatable.",
)
@click.option(
    "--items",
    default=2_000,
    show_default=True,
    type=click.IntRange(10),
    help="Items of the catalog that each encoder reads; larger catalogs are sampled.",
)
@click.option(
    "--most-users",
    default=2_000,
    show_default=True,
    type=click.IntRange(1),
    help="Most validation users.",
)
@click.option(
    "--seconds",
    default=120.0,
    show_default=True,
    type=click.FloatRange(1),
    help="Longest that an encoder may read; a slower one isn't measured on validation.",
)
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
def models(
    tried: tuple[str, ...],
    items: int,
    most_users: int,
    seconds: float,
    config: str | None,
    overrides: tuple[str, ...],
    style: str,
    **given: Any,
) -> None:
    """Try text encoders on a sample of the catalog, and recommend one.

    FOLDER holds items.* (or catalog.*) and interactions.*; or name the files. Without a log
    (--catalog alone) nothing is measured but tokens, time and bytes.

    Tried are the encoders of installed packages and of the hub's cache, or those of --try. For
    each: tokens of the texts that its tokeniser doesn't know, texts a second and the time for the
    whole catalog, bytes of an item's vector and of the model; and what its vectors alone give on
    the valid part, untrained: R@10, tail R@10, and the balance, which is the geometric mean of
    overall and tail NDCG@10. Recommended is the fastest of those that can't be told from the best.
    """
    from longtail.console.about.encoders_table import (
        encoder_lines,
        encoder_records,
        encoders_tables,
    )
    from longtail.console.console import stdout_console
    from longtail.retrieval.data.splits import split
    from longtail.retrieval.errors import ModelNotFoundError
    from longtail.settings.settings_file import load_settings
    from longtail.settings.shipped import name_for_this_machine
    from longtail.settings.told_settings import with_told
    from longtail.training.encoders.candidates import candidates_here, named_candidates
    from longtail.training.encoders.catalog_sample import draw_sample
    from longtail.training.encoders.comparison import compare_encoders
    from longtail.training.encoders.trial import try_encoder

    settings = load_settings(config or name_for_this_machine(), overrides)
    names = [name for part in tried for name in part.split(",") if name.strip()]
    candidates = named_candidates(names) if tried else candidates_here()
    if not candidates:
        raise ModelNotFoundError(
            "no text encoder is found here; pip install 'longtail[offline]', or name one with --try"
        )
    inputs = make_inputs(**given, needs_log=False)
    if inputs.reading.template == "auto":
        reading = replace(inputs.reading, template=settings.data.template)
        inputs = replace(inputs, reading=reading)
    data = read_inputs(inputs)
    settings = with_told(settings, data.rejected)
    parts = split(
        data.log,
        settings.data.split,
        valid_share=settings.data.valid_share,
        test_share=settings.data.test_share,
    )
    sample = draw_sample(
        data.catalog,
        parts,
        items=items,
        users=most_users,
        bucket_rule=settings.data.bucket_rule,
        seed=settings.seed,
    )
    click.echo(
        f"{len(sample):,} of {len(data.catalog):,} items, {len(sample.validation):,} validation "
        f"users; {len(candidates)} encoders",
        err=True,
    )
    trials = []
    with progress_on_stderr() as progress:
        for candidate in candidates:
            click.echo(f"trying {candidate.name}", err=True)
            trials.append(
                try_encoder(
                    candidate,
                    sample,
                    settings.item_tower,
                    most_seconds=seconds,
                    progress=progress,
                )
            )
    comparison = compare_encoders(trials, seed=settings.seed)
    if style == "json":
        click.echo(json.dumps(encoder_records(comparison, len(data.catalog)), indent=2))
    else:
        for table in encoders_tables(comparison, len(data.catalog)):
            stdout_console().print(table)
            click.echo()
        for line in encoder_lines(comparison):
            click.echo(line)
    if comparison.recommended is None:
        sys.stdout.flush()
        raise ModelNotFoundError(comparison.why)

"""`longtail train` as a call: from a shop to an engine that answers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longtail.python.argument_checks import number, path_of
from longtail.python.failures import MisuseError, failures_for_python
from longtail.python.shop import shop_of
from longtail.python.showing.progress import in_notebook, progress_for, remarks_for

if TYPE_CHECKING:
    from longtail.python.engine import Engine
    from longtail.python.shop import Shop
    from longtail.retrieval.progress import Progress

Settings = Mapping[str, Any] | Sequence[str]


def train(
    shop: Shop | str | Path,
    *,
    out: str | Path,
    config: str | Path | None = None,
    set: Settings = (),
    resume: bool = False,
    overwrite: bool = False,
    vector_cache: str | Path | None = None,
    progress: bool | Progress = True,
    wait: float = 0.0,
) -> Engine:
    """Train both towers and the relevance head, build the index, and return the engine.

    What `longtail train` does, with its options as arguments: ``out`` is the run folder to be,
    ``config`` a shipped name or a YAML file, ``set`` wins over it: ``{"history.epochs": 2}``, or
    the options' texts. ``progress`` is True (bars where there are any), False (silence), or a
    callable of your own (`longtail.retrieval.progress.Progress`). ``wait`` is how many seconds to
    wait for whoever holds ``out``. `Engine.summary` is the screen that the command ends with.

    Raises:
        MisuseError: arguments that can't be meant.
        SettingsError: settings that aren't there, or can't be.
        RunExistsError: something is at ``out``; ``overwrite`` or ``resume`` says what to do.
        LongtailError: any other known failure, as the command has it.
    """
    from longtail.console.training.training_summary import print_training_summary
    from longtail.jobs.runs.training import TrainingJob, settings_and_inputs, train_run
    from longtail.python.engine import Engine
    from longtail.python.showing.screens import screen_of

    out, wait = path_of(out, "out"), number(wait, "wait")
    shop = shop_of(shop)
    cache = vector_cache or os.environ.get("LONGTAIL_VECTOR_CACHE") or None
    remarks: list[str] = []
    say = remarks_for(progress, shop.spelled, remarks)
    going_on = f"nothing was written to {out}; the same call with resume=True goes on"
    with failures_for_python(shop.spelled, going_on):
        settings, inputs = settings_and_inputs(
            None if config is None else os.fspath(path_of(config, "config")),
            list(overrides(set)),
            shop.inputs,
            say,
        )
        job = TrainingJob(
            inputs,
            settings,
            out,
            resume=resume,
            overwrite=overwrite,
            vector_cache=None if cache is None else path_of(cache, "vector_cache"),
        )
        with progress_for(progress) as bars:
            done = train_run(job, wait_s=wait, progress=bars, say=say)
    summary = screen_of(
        lambda console: print_training_summary(done.trained, done.remarks, console),
        shop.spelled,
        # Where there is a terminal, they have been shown.
        remarks if in_notebook() else (),
    )
    return Engine.open(out, summary=summary)


def overrides(settings: Settings) -> Iterator[str]:
    """Yield settings as ``--set`` has them.

    >>> list(overrides({"history.epochs": 2, "relevance": {"counts": False}, "seed": None}))
    ['history.epochs=2', 'relevance.counts=false', 'seed=null']

    Raises:
        MisuseError: they are neither a mapping nor a list of texts.
    """
    if isinstance(settings, Mapping):
        for key, value in settings.items():
            if isinstance(value, Mapping):
                yield from overrides({f"{key}.{name}": inner for name, inner in value.items()})
            else:
                yield f"{key}={_yaml(value, str(key))}"
        return
    if (
        isinstance(settings, str)
        or not isinstance(settings, Iterable)
        or not all(isinstance(text, str) for text in settings)
    ):
        raise MisuseError("set is a mapping, like {'history.epochs': 2}, or a list of 'key=value'")
    yield from settings


def _yaml(value: Any, key: str) -> str:
    if isinstance(value, str | os.PathLike):
        return os.fspath(value)
    plain = value.item() if hasattr(value, "item") else value
    try:
        # JSON is YAML, on one line.
        return json.dumps(plain)
    except TypeError:
        raise MisuseError(f"set: {key} is {value!r}, which is no setting") from None

"""Plain values become checked settings, or a complaint in one line that names the key."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from longtail.retrieval.data.popularity import assign_pools
from longtail.retrieval.errors import DataError
from longtail.retrieval.settings import Settings
from longtail.settings.described import field_of, group_of, range_of
from longtail.settings.errors import SettingsError
from longtail.training.settings import TrainingSettings
from longtail.training.stages.stages import STAGES
from longtail.training.towers.lora import LoraNotInstalledError, check_lora_installed
from longtail.training.tracking.open_tracker import TrackerNotInstalledError, check_tracking

OUT_OF_RANGE = {"greater_than_equal", "less_than_equal", "finite_number"}
# What training chooses by itself, and so nobody sets.
CHOSEN = {
    "behaviour.closed_form.first_order": "training tries 0, 0.25 and 0.5 and keeps what ranks "
    "validation best"
}


def checked_settings(values: Mapping[Any, Any]) -> TrainingSettings:
    """Return settings of plain values, group by group; what is left out has its default.

    Raises:
        SettingsError: an unknown key, one that does nothing where it stands, or a value of the
            wrong type or out of range.
    """
    known = _known_only(values, TrainingSettings, "")
    try:
        settings = TrainingSettings.model_validate(known)
    except ValidationError as error:
        raise SettingsError(_complaint(error, known)) from None
    _check_lists(settings)
    _check_trackers(settings)
    _check_tracking(settings)
    _check_encoder_stages(settings)
    _check_lora(settings)
    try:
        assign_pools(np.zeros(1, np.int64), np.array(["any"], object), settings.data.bucket_rule)
    except DataError as error:
        raise SettingsError(f"setting data.bucket_rule: {error}") from None
    for group, width in (("user_tower", "hidden"), ("sequence", "dim")):
        size, heads = getattr(getattr(settings, group), width), getattr(settings, group).heads
        if size % heads:
            raise SettingsError(
                f"setting {group}.{width} is {size}; it must be a multiple of "
                f"{group}.heads ({heads})"
            )
    return settings


def _known_only(values: Mapping[Any, Any], group: type[Settings], path: str) -> dict[str, Any]:
    """Return the values of a group, refused when a key is unknown; an empty group is left out."""
    kept: dict[str, Any] = {}
    for key, value in values.items():
        full = f"{path}{key}"
        if key not in group.model_fields:
            raise SettingsError(_unknown(str(key), list(group.model_fields), path))
        below = group_of(group.model_fields[key])
        if below is None:
            kept[key] = value
        elif isinstance(value, Mapping):
            kept[key] = _known_only(value, below, f"{full}.")
        elif value is not None:
            # None: a group whose every line is commented out.
            raise SettingsError(f"setting {full} is a group, and {value!r} is a value")
    return kept


def _unknown(key: str, known: list[str], path: str) -> str:
    """Return why a key is refused: it works elsewhere, is chosen, or is misspelt."""
    full, stage = f"{path}{key}", path.removesuffix(".")
    if full in CHOSEN:
        return f"setting {full} would do nothing: {CHOSEN[full]}"
    others = [f"{name}.{key}" for name in STAGES if field_of((name, key)) is not None]
    if stage in STAGES and others:
        return (
            f"setting {full} would do nothing: the stage {stage} doesn't read it; use "
            f"{' or '.join(others)}"
        )
    near = difflib.get_close_matches(key, known, 1)
    hint = f"did you mean {path}{near[0]}?" if near else f"known: {', '.join(known)}"
    return f"unknown setting {full}; {hint}"


def _complaint(error: ValidationError, values: Mapping[str, Any]) -> str:
    """Return the first complaint of pydantic, with the key as the person wrote it."""
    first = error.errors()[0]
    place: Any = values
    path: list[str] = []
    for part in first["loc"]:
        # Behind the key stand pydantic's own names for the types of a union.
        if isinstance(place, Mapping) and part not in place:
            break
        if not isinstance(place, Mapping | list):
            break
        path.append(str(part))
        place = place[part]  # type: ignore[index]
    if first["type"] in OUT_OF_RANGE:
        return _out_of_range(first, path)
    reasons = {
        e["msg"] for e in error.errors() if e["loc"][: len(path)] == first["loc"][: len(path)]
    }
    reason = "; or: ".join(sorted(reasons))
    return f"setting {'.'.join(path)}: {reason} (given: {place!r})"


def _out_of_range(error: ErrorDetails, path: list[str]) -> str:
    # A list's limits are those of each number: its place in the list says nothing.
    while path[-1].isdecimal():
        path = path[:-1]
    info = field_of(path)
    assert info is not None
    number = float(error["input"])
    return f"setting {'.'.join(path)} is {number:g}; it must be {range_of(info)}"


def _check_lists(settings: TrainingSettings) -> None:
    """Refuse a list that leaves nothing to choose from, or the same sequence tower twice."""
    if not settings.selection.popularity_weights:
        raise SettingsError("setting selection.popularity_weights is empty; try [0] at least")
    if not settings.relevance.tail_weights:
        raise SettingsError("setting relevance.tail_weights is empty; try [1] at least")
    # A tower is named by its strength, to six digits.
    strengths = [f"{strength:g}" for strength in settings.sequence.popularity_strengths]
    if twice := [name for name in strengths if strengths.count(name) > 1]:
        raise SettingsError(
            f"setting sequence.popularity_strengths holds {twice[0]} twice; one tower a strength"
        )


def _check_trackers(settings: TrainingSettings) -> None:
    """Refuse a tracker that isn't installed now, not when its stage begins."""
    from transformers.integrations import get_available_reporting_integrations

    for group in STAGES:
        for name in getattr(settings, group).report_to:
            installed = get_available_reporting_integrations()
            if name not in installed:
                raise SettingsError(
                    f"setting {group}.report_to: {name!r} is no tracker that is installed here; "
                    f"installed: {', '.join(installed) or 'none'}"
                )


def _check_tracking(settings: TrainingSettings) -> None:
    try:
        check_tracking(settings.tracking)
    except TrackerNotInstalledError as error:
        raise SettingsError(str(error)) from None


def _check_encoder_stages(settings: TrainingSettings) -> None:
    """Refuse two ways to train the same text encoder."""
    tunes = settings.co_taken.epochs and settings.user_tower.kind == "vectors"
    if settings.text.epochs and tunes:
        raise SettingsError(
            "settings text.epochs and co_taken.epochs both train the item tower's text encoder; "
            "set one of them to 0"
        )


def _check_lora(settings: TrainingSettings) -> None:
    """Refuse adapters whose library isn't installed now, not when their stage begins."""
    if settings.text.epochs and settings.text.lora_rank:
        try:
            check_lora_installed()
        except LoraNotInstalledError as error:
            raise SettingsError(f"setting text.lora_rank: {error}") from None

"""Training settings from a YAML file and `--set` options; a misspelt key is an error."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import yaml
from pydantic import TypeAdapter, ValidationError

from longtail.index.errors import LongtailError
from longtail.retrieval.data.popularity import assign_pools
from longtail.retrieval.errors import DataError
from longtail.settings.settings_ranges import out_of_range
from longtail.training.settings import TrainingSettings
from longtail.training.towers.lora import LoraNotInstalledError, check_lora_installed


class SettingsError(LongtailError):
    """A configuration file or `--set` option can't be used; the message names the key."""


def load_settings(path: Path | None, overrides: Sequence[str] = ()) -> TrainingSettings:
    """Return the settings of a YAML file (defaults without one), with ``a.b=value`` overrides.

    Raises:
        SettingsError: no such file, no YAML, an unknown key (near ones are suggested), or a
            value of the wrong type or out of range.
    """
    values: dict[str, Any] = {}
    if path is not None:
        try:
            loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise SettingsError(f"no configuration file {path}") from None
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            reason = " ".join(str(error).split())
            raise SettingsError(f"{path} can't be read as YAML: {reason}") from error
        if loaded is not None and not isinstance(loaded, dict):
            raise SettingsError(
                f"{path} holds no table of settings, but {type(loaded).__name__}; write "
                "key: value lines, see configs/cpu.yaml"
            )
        values = loaded or {}
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not key:
            raise SettingsError(f"--set {override!r} is not key=value, e.g. history.epochs=2")
        path_of_key = key.strip().split(".")
        _place(values, path_of_key, _override_value(path_of_key, text, override), override)
    values = _known_only(values, TrainingSettings, "")
    try:
        settings = TypeAdapter(TrainingSettings).validate_python(values)
    except ValidationError as error:
        raise SettingsError(_complaint(error, values)) from None
    for complaint in out_of_range(asdict(settings)):
        raise SettingsError(complaint)
    _check_lists(settings)
    _check_trackers(settings)
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


def _complaint(error: ValidationError, values: dict[str, Any]) -> str:
    """Return the first complaint of pydantic, with the key as the person wrote it."""
    first = error.errors()[0]
    place: Any = values
    path = []
    for part in first["loc"]:
        # Behind the key stand pydantic's own names for the types of a union.
        if isinstance(place, Mapping) and part not in place:
            break
        if not isinstance(place, Mapping | list):
            break
        path.append(str(part))
        place = place[part]  # type: ignore[index]
    reasons = {
        e["msg"] for e in error.errors() if e["loc"][: len(path)] == first["loc"][: len(path)]
    }
    reason = "; or: ".join(sorted(reasons))
    return f"setting {'.'.join(path)}: {reason} (given: {place!r})"


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

    for group in ("history", "encoder", "text"):
        for name in getattr(settings, group).report_to:
            installed = get_available_reporting_integrations()
            if name not in installed:
                raise SettingsError(
                    f"setting {group}.report_to: {name!r} is no tracker that is installed here; "
                    f"installed: {', '.join(installed) or 'none'}"
                )


def _check_lora(settings: TrainingSettings) -> None:
    """Refuse adapters whose library isn't installed now, not when their stage begins."""
    if settings.text.epochs and settings.text.lora_rank:
        try:
            check_lora_installed()
        except LoraNotInstalledError as error:
            raise SettingsError(f"setting text.lora_rank: {error}") from None


def _override_value(path: list[str], text: str, override: str) -> Any:
    """Return the value of a ``--set`` option: YAML, but plain text where the setting is text.

    To YAML, the template ``{title}. {brand}`` would be a table and then nonsense.
    """
    kind: Any = TrainingSettings
    for part in path:
        kind = get_type_hints(kind).get(part) if is_dataclass(kind) else None
    if kind is str and not text.startswith(("'", '"')):
        return text.strip()
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise SettingsError(f"--set {override!r}: {text!r} can't be read as YAML") from None


def _place(values: dict[str, Any], path: list[str], value: Any, override: str) -> None:
    for part in path[:-1]:
        inner = values.setdefault(part, {})
        if not isinstance(inner, dict):
            raise SettingsError(f"--set {override!r}: {part} is a value, not a group")
        values = inner
    values[path[-1]] = value


def _known_only(values: Mapping[Any, Any], group: type, path: str) -> dict[str, Any]:
    """Return the values of a group, refused when a key is unknown; an empty group is left out."""
    known = [f.name for f in fields(group)]
    hints = get_type_hints(group)
    kept: dict[str, Any] = {}
    for key, value in values.items():
        full = f"{path}{key}"
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            hint = f"did you mean {path}{near[0]}?" if near else f"known: {', '.join(known)}"
            raise SettingsError(f"unknown setting {full}; {hint}")
        if not is_dataclass(hints[key]):
            kept[key] = value
        elif isinstance(value, Mapping):
            kept[key] = _known_only(value, hints[key], f"{full}.")
        elif value is not None:
            # None: a group whose every line is commented out.
            raise SettingsError(f"setting {full} is a group, and {value!r} is a value")
    return kept

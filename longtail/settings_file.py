"""Training settings from a YAML file and `--set` options; a misspelt key is an error."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import yaml
from pydantic import TypeAdapter, ValidationError

from index.errors import LongtailError
from training.settings import TrainingSettings


class SettingsError(LongtailError):
    """A configuration file or `--set` option can't be used; the message names the key."""


def load_settings(path: Path | None, overrides: Sequence[str] = ()) -> TrainingSettings:
    """Return the settings of a YAML file (defaults without one), with ``a.b=value`` overrides.

    Raises:
        SettingsError: no such file, no YAML, an unknown key (near ones are suggested), or a
            value of the wrong type.
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
            raise SettingsError(f"{path} holds no table of settings")
        values = loaded or {}
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not key:
            raise SettingsError(f"--set {override!r} is not key=value, e.g. history.epochs=2")
        _place(values, key.strip().split("."), yaml.safe_load(text), override)
    _refuse_unknown(values, TrainingSettings, "")
    try:
        return TypeAdapter(TrainingSettings).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"setting {key}: {first['msg']} (given: {first['input']!r})") from None


def _place(values: dict[str, Any], path: list[str], value: Any, override: str) -> None:
    for part in path[:-1]:
        inner = values.setdefault(part, {})
        if not isinstance(inner, dict):
            raise SettingsError(f"--set {override!r}: {part} is a value, not a group")
        values = inner
    values[path[-1]] = value


def _refuse_unknown(values: Mapping[str, Any], group: type, path: str) -> None:
    known = [f.name for f in fields(group)]
    hints = get_type_hints(group)
    for key, value in values.items():
        full = f"{path}{key}"
        if key not in known:
            near = difflib.get_close_matches(str(key), list(known), 1)
            hint = f"did you mean {path}{near[0]}?" if near else f"known: {', '.join(known)}"
            raise SettingsError(f"unknown setting {full}; {hint}")
        if is_dataclass(hints[key]):
            if not isinstance(value, Mapping):
                raise SettingsError(f"setting {full} is a group, and {value!r} is a value")
            _refuse_unknown(value, hints[key], f"{full}.")

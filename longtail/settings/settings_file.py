"""Training settings from a YAML file and `--set` options; a misspelt key is an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from longtail.retrieval.plain_yaml import parse_yaml, read_yaml
from longtail.settings.described import setting_kind
from longtail.settings.errors import SettingsError
from longtail.settings.shipped import settings_path
from longtail.settings.validation import checked_settings
from longtail.training.settings import TrainingSettings

Values = dict[Any, Any]
LONGEST_SHOWN = 200


def load_settings(source: str | Path | None, overrides: Sequence[str] = ()) -> TrainingSettings:
    """Return the settings of a YAML file, with ``a.b=value`` overrides.

    ``source`` is a path or, as text, the name of a shipped file; without one the defaults are
    overridden. A file's ``extends:`` names another file whose values stand where it has none: by
    name, or by a path relative to the file.

    Raises:
        SettingsError: no such file, no YAML, files that extend one another in a circle, an
            unknown key (near ones are suggested), or a value of the wrong type or out of range.
    """
    values = {} if source is None else _read_chain(settings_path(source), ())
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not key:
            raise SettingsError(f"--set {override!r} is not key=value, e.g. history.epochs=2")
        path_of_key = key.strip().split(".")
        _place(values, path_of_key, _override_value(path_of_key, text, override), override)
    return checked_settings(values)


def _read_chain(path: Path, before: tuple[Path, ...]) -> Values:
    """Return a file's values over those of the files that it extends."""
    if path.resolve() in [earlier.resolve() for earlier in before]:
        circle = " extends ".join(str(file) for file in (*before, path))
        raise SettingsError(f"settings that extend one another in a circle: {circle}")
    values = _read(path)
    base = values.pop("extends", None)
    if base is None:
        return values
    if not isinstance(base, str):
        raise SettingsError(f"{path}: extends is {base!r}; it must be a name or a path")
    try:
        below = settings_path(base, path.parent)
    except SettingsError as error:
        raise SettingsError(f"{path} extends {base}: {error}") from None
    return _laid_over(_read_chain(below, (*before, path)), values)


def _read(path: Path) -> Values:
    try:
        loaded = read_yaml(path)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise SettingsError(f"{path} can't be read as YAML: {reason}") from error
    if loaded is not None and not isinstance(loaded, dict):
        raise SettingsError(
            f"{path} holds no table of settings, but {type(loaded).__name__}; write "
            "key: value lines, see docs/settings.md"
        )
    return loaded or {}


def _laid_over(below: Values, values: Values) -> Values:
    """Return the values of both, group by group; where both have a key, the second's."""
    joined = dict(below)
    for key, value in values.items():
        former = below.get(key)
        if isinstance(former, dict) and isinstance(value, dict):
            joined[key] = _laid_over(former, value)
        elif not (isinstance(former, dict) and value is None):
            # None over a group: its every line is commented out.
            joined[key] = value
    return joined


def _override_value(path: list[str], text: str, override: str) -> Any:
    """Return the value of a ``--set`` option: YAML, but plain text where the setting is text.

    To YAML, the template ``{title}. {brand}`` would be a table and then nonsense.
    """
    if setting_kind(path) is str and not text.startswith(("'", '"')):
        return text.strip()
    try:
        return parse_yaml(text)
    except ValueError:
        shown = text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."
        raise SettingsError(f"--set {path[-1]}: {shown!r} can't be read as YAML") from None


def _place(values: Values, path: list[str], value: Any, override: str) -> None:
    for part in path[:-1]:
        inner = values.get(part)
        if inner is None:
            inner = values[part] = {}
        if not isinstance(inner, Mapping):
            raise SettingsError(f"--set {override!r}: {part} is a value, not a group")
        values = inner  # type: ignore[assignment]
    values[path[-1]] = value

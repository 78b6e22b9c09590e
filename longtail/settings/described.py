"""Every setting with its value, default, range and meaning, read from the models' fields."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from longtail.retrieval.settings import Settings
from longtail.training.settings import TrainingSettings


@dataclass(frozen=True)
class DescribedSetting:
    """One setting; ``value`` and ``default`` are plain data, the rest is text."""

    key: str
    value: Any
    default: Any
    range: str
    meaning: str

    def record(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return asdict(self)


def described(settings: TrainingSettings) -> list[DescribedSetting]:
    """Return all settings in the order of their groups; values as in ``settings``."""
    return list(_described(settings, TrainingSettings(), ""))


def _described(given: Settings, default: Settings, path: str) -> Iterator[DescribedSetting]:
    for name, info in type(given).model_fields.items():
        value, usual = getattr(given, name), getattr(default, name)
        if isinstance(value, Settings):
            yield from _described(value, usual, f"{path}{name}.")
        else:
            meaning = info.description or ""
            yield DescribedSetting(f"{path}{name}", value, usual, range_of(info), meaning)


def group_of(info: FieldInfo) -> type[Settings] | None:
    """Return the class of a field that is a group of settings, or None: it is a value."""
    kind = info.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Settings) else None


def field_of(path: Sequence[str]) -> FieldInfo | None:
    """Return the field of a setting, e.g. of ``("history", "epochs")``; None: there is none."""
    group: type[Settings] | None = TrainingSettings
    info = None
    for part in path:
        info = group.model_fields.get(part) if group is not None else None
        group = group_of(info) if info is not None else None
    return info


def setting_kind(path: Sequence[str]) -> Any:
    """Return the type of a setting, e.g. float; None where there is no such setting."""
    info = field_of(path)
    return None if info is None else info.annotation


def range_of(info: FieldInfo) -> str:
    """Return which values a field takes, in words.

    >>> range_of(field_of(["history", "warmup_share"])), range_of(field_of(["history", "bf16"]))
    ('between 0 and 1', 'true, false, auto')
    >>> range_of(field_of(["behaviour", "max_history"]))
    'at least 1, auto'
    """
    return limits(info) or _kind_in_words(info.annotation)


def limits(info: FieldInfo) -> str:
    """Return the limits of a field's number, or of each number of its list; "" without any.

    >>> limits(field_of(["history", "epochs"])), limits(field_of(["relevance", "hidden"]))
    ('at least 0', 'at least 1')
    """
    metadata = info.metadata
    if get_origin(info.annotation) is tuple:
        element = get_args(info.annotation)[0]
        if get_origin(element) is Annotated:
            metadata = FieldInfo.from_annotation(element).metadata
    low = next((limit.ge for limit in metadata if hasattr(limit, "ge")), None)
    high = next((limit.le for limit in metadata if hasattr(limit, "le")), None)
    if low is None:
        return ""
    return f"at least {low}" if high is None else f"between {low} and {high}"


def _kind_in_words(kind: Any) -> str:
    if get_origin(kind) in (Union, UnionType):
        return ", ".join(_kind_in_words(part) for part in get_args(kind))
    if get_origin(kind) is Literal:
        return ", ".join(str(choice) for choice in get_args(kind))
    if get_origin(kind) is tuple:
        return f"list of {_kind_in_words(get_args(kind)[0])}"
    if get_origin(kind) is Annotated:
        return range_of(FieldInfo.from_annotation(kind))
    return {bool: "true, false", str: "text"}.get(kind, getattr(kind, "__name__", str(kind)))


def shown(value: Any) -> str:
    """Return a value as a settings file has it.

    >>> shown(True), shown((0.0, 1.0)), shown("auto"), shown(2e-5)
    ('true', '[0.0, 1.0]', 'auto', '2e-05')
    """
    return value if isinstance(value, str) else json.dumps(value)

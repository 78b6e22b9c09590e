"""Which encoders are to be tried: those that are named, or those that are found here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from longtail.retrieval.errors import EncoderError
from longtail.retrieval.towers.text.packages import PACKAGES
from longtail.retrieval.towers.text.weights import DEFAULT_ENCODER, SHORT_NAMES
from longtail.training.settings import ItemTowerSettings

# What may stand behind an encoder's name; the value is checked as the setting is.
PARTS = ("layers", "dims", "pooling", "max_tokens")
# Numbers of these lie in a folder of models that are no encoders, each opened before it is refused.
MOST_FOUND = 20


@dataclass(frozen=True)
class EncoderCandidate:
    """An encoder by name or folder, and how much of it.

    Attributes:
        encoder: as `item_tower.encoder` takes it.
        changes: other settings of the item tower, by name.
        found: whether nobody named it; then it may be anything that lies here.
    """

    encoder: str
    changes: dict[str, Any] = field(default_factory=dict)
    found: bool = False

    @classmethod
    def of(cls, text: str) -> EncoderCandidate:
        """Return what a person wrote, e.g. ``multilingual:layers=6:dims=256``.

        Raises:
            EncoderError: nothing is named, or a part is none of `PARTS`.

        >>> EncoderCandidate.of("my/model:layers=3").changes
        {'layers': 3}
        >>> EncoderCandidate.of("C:/models/one").encoder
        'C:/models/one'
        """
        encoder, changes = text.strip(), {}
        while True:
            before, colon, last = encoder.rpartition(":")
            name, equals, value = last.partition("=")
            if not (colon and equals):
                break
            if name not in PARTS:
                raise EncoderError(f"{text!r}: {name!r} is none of {', '.join(PARTS)}")
            changes[name] = int(value) if value.isdecimal() else value
            encoder = before
        if not encoder:
            raise EncoderError(f"{text!r} names no encoder")
        return cls(encoder, dict(reversed(changes.items())))

    @property
    def name(self) -> str:
        """What tables call it."""
        parts = "".join(f":{name}={value}" for name, value in self.changes.items())
        return self.encoder + parts

    def settings(self, base: ItemTowerSettings) -> ItemTowerSettings:
        """Return the settings of an item tower over it; ``base`` says the rest.

        Raises:
            EncoderError: a part has a value that its setting doesn't take.
        """
        try:
            given = base.model_dump() | {"encoder": self.encoder} | self.changes
            return ItemTowerSettings.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            raise EncoderError(f"{first['loc'][0]}={first['input']}: {first['msg']}") from None


def named_candidates(names: Iterable[str]) -> list[EncoderCandidate]:
    """Return those that a person named, each once; a folder of encoders stands for all in it.

    Raises:
        EncoderError: see `EncoderCandidate.of`.
    """
    found: dict[str, EncoderCandidate] = {}
    for name in names:
        candidate = EncoderCandidate.of(name)
        for encoder in _in_folder(Path(candidate.encoder).expanduser()) or [candidate.encoder]:
            each = EncoderCandidate(encoder, candidate.changes)
            found.setdefault(each.name, each)
    return list(found.values())


def candidates_here() -> list[EncoderCandidate]:
    """Return the encoders of installed packages and of the hub's cache, the default first."""
    packaged = [name for name, package in PACKAGES.items() if package.is_there()]
    names = dict.fromkeys([*packaged, *_in_hub_cache()])
    short = {full: name for name, full in SHORT_NAMES.items()}
    order = sorted(names, key=lambda name: name != DEFAULT_ENCODER)
    return [EncoderCandidate(short.get(name, name), found=True) for name in order]


def _in_folder(folder: Path) -> list[str]:
    """Return the encoders that lie next to one another in a folder that is none itself."""
    if not folder.is_dir() or _is_model(folder):
        return []
    inside = [path for path in sorted(folder.iterdir()) if path.is_dir() and _is_model(path)]
    return [str(path) for path in inside[:MOST_FOUND]]


def _is_model(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("config.json", "modules.json"))


def _in_hub_cache() -> list[str]:
    from huggingface_hub import CacheNotFound, scan_cache_dir

    try:
        repositories = scan_cache_dir().repos
    except (CacheNotFound, OSError):
        return []
    models = [repository for repository in repositories if repository.repo_type == "model"]
    with_settings = [
        str(model.repo_id)
        for model in models
        if any(_is_model(revision.snapshot_path) for revision in model.revisions)
    ]
    return sorted(with_settings)[:MOST_FOUND]

"""What the folder of an item tower may hold, looked at before any library reads it.

sentence-transformers imports what ``modules.json`` names and transformers reads adapters, pickles
and code of a folder's own where it finds them. A tower that we save is made of none of these.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from longtail.index.errors import DamagedFileError

REMEDY = "copy the run folder again, or train it again with `longtail train`"
MODULES = "modules.json"
# The last names of the modules' types, in their order.
TOWER = ("Transformer", "Pooling", "Normalize", "Dense", "Normalize")
_TYPE = re.compile(r"sentence_transformers(\.\w+)*\.(?P<name>[A-Z]\w+)")
_ENDINGS = frozenset({".json", ".safetensors", ".txt", ".model", ".jinja", ".md"})
_WEIGHTS = re.compile(r"[\w-][\w.-]*\.safetensors")
# Keys whose values libraries would import, run or call; here each has the values that it may have.
_NAMES_OF_CODE = {
    "auto_map": (),
    "custom_pipelines": (),
    "trust_remote_code": (False,),
    "activation_function": ("torch.nn.modules.linear.Identity",),
    "method": ("forward", "get_text_features"),
}
# Each is an object to be made before any weight is read.
MOST_LAYERS = 1_000
# Whose keys are words of a language, and whose values are numbers.
_OF_WORDS = frozenset({"tokenizer.json", "vocab.json"})


def check_tower_folder(folder: Path) -> None:
    """Refuse a folder that isn't a tower as `ItemTower.save` writes it.

    Raises:
        DamagedFileError: modules of other types or elsewhere, code, pickles or an adapter.
    """
    _check_modules(folder / MODULES)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (
            path.suffix not in _ENDINGS or path.name.startswith(("adapter_", "."))
        ):
            raise DamagedFileError(f"{path} is no file of an item tower; {REMEDY}")
        if path.suffix == ".json" and path.name not in _OF_WORDS:
            _check_settings(path)


def foreign_module(folder: Path) -> str | None:
    """Return the first module of a folder that isn't sentence-transformers' own, None: none.

    Folders without a list of modules have none.

    Raises:
        DamagedFileError: the list can't be read.
    """
    if not (folder / MODULES).is_file():
        return None
    kinds = (str(module.get("type")) for module in _modules(folder / MODULES))
    return next((kind for kind in kinds if not _TYPE.fullmatch(kind)), None)


def _check_modules(path: Path) -> None:
    modules = _modules(path)
    kinds = [_TYPE.fullmatch(str(module.get("type"))) for module in modules]
    if tuple("" if kind is None else kind["name"] for kind in kinds) != TOWER:
        raise DamagedFileError(
            f"{path} names other modules than an item tower has ({', '.join(TOWER)}); {REMEDY}"
        )
    for place, (module, name) in enumerate(zip(modules, TOWER, strict=True)):
        if module.get("path") not in ("", f"{place}_{name}"):
            raise DamagedFileError(f"{path} names a module outside its folder; {REMEDY}")


def _modules(path: Path) -> list[dict[str, Any]]:
    modules = _read(path)
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise DamagedFileError(f"{path} holds no list of modules; {REMEDY}")
    return modules


def _check_settings(path: Path) -> None:
    settings = _read(path)
    for key, value in _entries(settings):
        if key in _NAMES_OF_CODE and value not in _NAMES_OF_CODE[key]:
            raise DamagedFileError(f"{path} names code under {key!r}, which is not run; {REMEDY}")
        if key.endswith("layers") and isinstance(value, int | float) and value > MOST_LAYERS:
            raise DamagedFileError(f"{path} asks for {value:g} layers; {REMEDY}")
        if key == "weight_map" and not (
            isinstance(value, dict) and all(_WEIGHTS.fullmatch(str(v)) for v in value.values())
        ):
            raise DamagedFileError(f"{path} names weights outside its folder; {REMEDY}")


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key with its value, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from _entries(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _entries(inner)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DamagedFileError(f"{path} can't be read ({reason}); {REMEDY}") from error

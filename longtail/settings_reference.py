"""The page docs/settings.md, made from the settings' own fields and the shipped files.

``python -m longtail.settings_reference`` rewrites it; a test compares it with the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from longtail.settings.described import DescribedSetting, described, group_of, shown
from longtail.settings.settings_file import load_settings
from longtail.settings.shipped import shipped_names
from longtail.training.settings import TrainingSettings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"
INTRODUCTION = """\
# Settings

Made from the code by `python -m longtail.settings_reference`; change the code, not this page.

`longtail train FOLDER --config NAME|FILE --set KEY=VALUE` takes settings from a shipped file by
its name, from anywhere, or from a YAML file of yours. Without `--config` the shipped file for the
machine is taken, `gpu` where there is a CUDA device and `cpu` elsewhere, and named on the screen.
`longtail settings` prints what would be trained with.

A file holds only what differs from another one:

```yaml
extends: cpu            # a shipped name, or a path relative to this file
history:
  epochs: 4
data:
  template: "{title}. {brand}"
```

A file that extends nothing differs from the defaults below, which are those of `cpu`. A key that
doesn't exist, or does nothing where it stands, is refused with its path, and so is a value out of
its range. From Python the same settings are `longtail.training.settings.TrainingSettings`: frozen,
checked when they are made, and changed with `settings.changed(seed=1)`.
"""


def reference_page() -> str:
    """Return docs/settings.md: an introduction, the shipped files, and a table a group."""
    sections = [INTRODUCTION, _shipped()]
    settings = described(TrainingSettings())
    for group, members in groupby(settings, key=lambda setting: setting.key.rpartition(".")[0]):
        rows = [
            f"| `{setting.key}` | {_cell(setting.default)} | {_escaped(setting.range)} | "
            f"{_escaped(setting.meaning)} |"
            for setting in members
        ]
        table = "\n".join(["| key | default | range | meaning |", "|---|---|---|---|", *rows])
        sections.append(f"## {group or 'The whole training'}\n\n{_about(group)}{table}\n")
    return "\n".join(sections)


def _about(group: str) -> str:
    """Return the first line of what a group's class says of it."""
    kind: type | None = TrainingSettings
    for name in group.split(".") if group else ():
        assert kind is not None
        kind = group_of(kind.model_fields[name])  # type: ignore[attr-defined]
    assert kind is not None
    first = (kind.__doc__ or "").splitlines()[0]
    return f"{first}\n\n" if group else ""


def _shipped() -> str:
    """Return what each shipped file changes, a row a setting."""
    names = ["cpu", *(name for name in shipped_names() if name != "cpu")]
    columns = {name: described(load_settings(name)) for name in names}
    rows = list(_differences(list(columns.values())))
    head = " | ".join(names)
    table = "\n".join([f"| key | {head} |", "|---|" + "---|" * len(names), *rows])
    return (
        "## Shipped files\n\nWhere they differ; everything else is the same in all of them.\n\n"
        f"{table}\n"
    )


def _differences(columns: list[list[DescribedSetting]]) -> Iterator[str]:
    for settings in zip(*columns, strict=True):
        if any(setting.value != settings[0].value for setting in settings):
            cells = " | ".join(_cell(setting.value) for setting in settings)
            yield f"| `{settings[0].key}` | {cells} |"


def _cell(value: object) -> str:
    return f"`{shown(value)}`"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("**", "\\*\\*")


def main() -> None:
    """Write the page."""
    PAGE.write_text(reference_page(), encoding="utf-8")


if __name__ == "__main__":
    main()

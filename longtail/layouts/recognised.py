"""Which layouts the files of a folder could be."""

from __future__ import annotations

from pathlib import Path

from longtail.layouts.matching import files_in, found_files
from longtail.layouts.registry import LAYOUTS
from longtail.layouts.sample import sample_of


def layouts_of(folder: Path) -> list[str]:
    """Return the names of the layouts all of whose files a folder holds, most often none or one."""
    samples = {path: sample_of(path) for path in files_in([folder])}
    return [
        name
        for name, layout in LAYOUTS.items()
        if all(found_files(part, samples) for part in layout.parts if part.required)
    ]

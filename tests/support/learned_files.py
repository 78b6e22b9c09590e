"""What a training learned, file by file."""

from __future__ import annotations

from pathlib import Path

from longtail.retrieval.run.bundle import read_manifest

# Library versions and seconds stand in the manifest; what was learned stands in these.
LEARNED = ("evidence/", "user_tower/", "relevance_head/", "item_tower/model.safetensors")


def learned_files(run: Path) -> dict[str, object]:
    """Return the recorded sizes and hashes of all that training learned."""
    files = read_manifest(run)["files"]
    found = {name: entry for name, entry in files.items() if name.startswith(LEARNED)}
    assert len(found) > 6
    return found

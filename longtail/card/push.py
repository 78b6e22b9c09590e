"""An item tower and its card on a model hub; never anything else of a run."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from longtail.index.errors import LongtailError
from longtail.retrieval.run.bundle import ITEM_TOWER, verify_bundle

LONGEST_REASON = 200


class PushError(LongtailError):
    """The model hub didn't take the item tower: no network, no token, no such place."""


def push_item_tower(run: Path, card: str, repo: str, *, hub: Any = None) -> str:
    """Upload a run's item tower and its card into a private repository; return its address.

    The files that the manifest lists below ``item_tower`` go, and ``README.md``; a repository
    that is there is added to, and stays as public as it is. ``hub``: a `huggingface_hub.HfApi`.

    Raises:
        PushError: it can't be done.
        BundleError, DamagedFileError, UnsupportedFormatError: see `verify_bundle`.
    """
    from huggingface_hub import HfApi

    listed = [name for name in verify_bundle(run)["files"] if name.startswith(f"{ITEM_TOWER}/")]
    hub = HfApi() if hub is None else hub
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for name in listed:
            target = folder / Path(name).relative_to(ITEM_TOWER)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(run / name, target)
        (folder / "README.md").write_text(card, encoding="utf-8")
        try:
            address = hub.create_repo(repo, private=True, exist_ok=True)
            hub.upload_folder(
                repo_id=repo, folder_path=folder, commit_message="Item tower of a longtail run"
            )
        except Exception as error:
            # What the hub library raises is another thing with each HTTP library below it.
            reason = " ".join(str(error).split())[:LONGEST_REASON] or type(error).__name__
            raise PushError(
                f"{repo} wasn't written to the model hub ({reason}); check the network, and log in "
                "with `hf auth login`"
            ) from error
    return str(address)

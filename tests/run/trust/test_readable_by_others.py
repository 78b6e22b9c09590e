"""A run that one user trained is served by another: every file has the mode of the umask."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import longtail
from processes import NOBODY, run_program


@pytest.fixture
def public(cli_run: Path) -> Iterator[Path]:
    """A folder that everybody may enter, with files that commands have just written."""
    mask = os.umask(0o022)
    # Folders of tests are their owner's alone.
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    try:
        run = Path(shutil.copytree(cli_run, folder / "run"))
        done = longtail("index", "remove", run, "--items", "tea-oolong-small")
        assert done.code == 0, done.err
        done = longtail("recommend", run, "--all", "-k", 2, "--out", folder / "recs.parquet")
        assert done.code == 0, done.err
        yield folder
    finally:
        os.umask(mask)
        shutil.rmtree(folder)


def test_every_file_and_folder_has_the_mode_of_the_umask(public: Path) -> None:
    others = {
        f"{path.relative_to(public)}: {path.stat().st_mode & 0o777:o}"
        for path in public.rglob("*")
        if path.stat().st_mode & 0o777 != (0o755 if path.is_dir() else 0o644)
    }
    assert not others


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_another_user_reads_every_file(public: Path) -> None:
    other = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    # The system's own tools are everybody's, unlike this Python.
    reading = ("find", public, "-type", "f", "-exec", "sha256sum", "{}", "+")
    done = run_program(*other, *reading, place=public)
    assert (done.code, done.err) == (0, "")
    assert len(done.out.splitlines()) == sum(path.is_file() for path in public.rglob("*"))

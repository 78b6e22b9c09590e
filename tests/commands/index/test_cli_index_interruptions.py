"""Whatever stops a change of the catalog, what was served is served."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from changing_catalog import FAN, asked, done, item, rejected, served_version
from command_line import longtail, started_longtail
from full_disk import largest_file
from processes import LONGEST_WAIT_S, finish, line_of, wait_until

from longtail.index.storage.lock import index_lock
from longtail.retrieval.run.served_run import open_run


class TestInterruptions:
    def test_a_second_writer_is_told_who_is_writing(
        self, run: Path, write: Callable[..., Path], tmp_path: Path
    ) -> None:
        new = write(item("n1", "saw"))
        hold = (
            "import sys, time\nfrom pathlib import Path\n"
            "from longtail.index.storage.lock import index_lock\n"
            "with index_lock(Path(sys.argv[1])):\n"
            f"    print('held', flush=True)\n    time.sleep({LONGEST_WAIT_S})\n"
        )
        with started_longtail(run / "index", first=hold) as process:
            assert line_of(process) == "held"
            for words in (
                ("index", "add", run, "--catalog", new, *rejected(tmp_path)),
                ("index", "remove", run, "--items", "tools-saw-small"),
                ("index", "compact", run),
                ("index", "build", run),
            ):
                complaint = longtail(*words).complaint
                assert f"is locked by process {process.pid}" in complaint
            asked("query", run, "--user", FAN)  # readers don't wait
        done("index", "add", run, "--catalog", new, *rejected(tmp_path))

    @pytest.mark.parametrize("size", [0, 100, 1_000, 2_000])
    def test_a_full_disk_leaves_what_was_served(
        self, run: Path, write: Callable[..., Path], tmp_path: Path, size: int
    ) -> None:
        new = write(item("n1", "saw"))
        before = asked("query", run, "--user", FAN)
        for words in (
            ("index", "add", run, "--catalog", new, *rejected(tmp_path)),
            ("index", "remove", run, "--items", "tools-saw-small"),
        ):
            with largest_file(size):
                complaint = longtail(*words).complaint
            assert complaint.startswith("no room on the disk (")
            assert served_version(run) == "v0001"
            assert [path.name for path in (run / "index").glob("*v0*")] == ["v0001"]
            done("index", "verify", run)
        assert asked("query", run, "--user", FAN) == before
        done("index", "add", run, "--catalog", new, *rejected(tmp_path))

    def test_ctrl_c_while_texts_are_read_changes_nothing_and_keeps_the_vectors(
        self, run: Path, write: Callable[..., Path], tmp_path: Path
    ) -> None:
        slow = (
            "import time, longtail.retrieval.towers.catalog_encoding as embedding\n"
            "embedding.ITEMS_PER_CHUNK = 1\n"
            "whole = embedding.encode_pooled\n"
            "def slowly(*given, **named):\n"
            "    time.sleep(0.2)\n"
            "    return whole(*given, **named)\n"
            "embedding.encode_pooled = slowly\n"
        )
        new = write(*(item(f"n{i}", f"saw {i}") for i in range(12)))
        words = ("index", "add", run, "--catalog", new, *rejected(tmp_path))
        work = run / ".index.work"
        with started_longtail(*words, first=slow) as process:
            wait_until(lambda: len(list(work.glob("vectors-*.npy"))) >= 2, process)
            process.send_signal(signal.SIGINT)
            stopped = finish(process)
        assert stopped.code == 130, stopped.err
        assert stopped.err.splitlines()[-1].startswith(f"interrupted; {run} serves what it did")
        assert served_version(run) == "v0001"
        assert list(work.glob("vectors-*.npy"))
        done(*words)
        assert not work.exists()
        assert open_run(run).bundle.catalog.n_offered == 72


def test_catalog_and_index_that_disagree_are_refused(run: Path, cli_run: Path) -> None:
    served = open_run(run)
    from dataclasses import replace

    from longtail.index.storage.store import save_index

    state = served.state.take(np.arange(59))
    save_index(served.index, run / "index", attach=state.save)
    complaint = longtail("query", run, "--user", FAN).complaint
    assert "doesn't belong to" in complaint
    save_index(
        served.index,
        run / "index",
        attach=replace(served.state, removed=np.arange(60) == 3).save,
    )
    assert "other items are removed" in longtail("query", run, "--user", FAN).complaint


def test_a_run_is_not_locked_by_reading(run: Path) -> None:
    with index_lock(run / "index"):
        asked("query", run, "--user", FAN)

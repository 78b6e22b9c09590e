"""One lease for a run folder: who may serve, change, train and replace it, and who is told what."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import as_nobody, line_of, started_python

from longtail.index.errors import LockedIndexError, LongtailError, StaleIndexError
from longtail.index.files import publish_folder
from longtail.index.storage import file_lock
from longtail.index.storage.lock import index_lock
from longtail.index.storage.versions import current_version
from longtail.retrieval.errors import LeaseError
from longtail.retrieval.run.lease import changing, serving, training
from longtail.retrieval.run.served_run import open_run

HERE = rf"process {os.getpid()} since 20\d\d-\S+"


def elsewhere(do: Callable[[], object]) -> LongtailError | None:
    """Return what another thread is told that does this."""
    told: list[LongtailError | None] = []

    def act() -> None:
        try:
            do()
            told.append(None)
        except LongtailError as error:
            told.append(error)

    thread = threading.Thread(target=act)
    thread.start()
    thread.join()
    return told[0]


def enter(manager: Callable[[], object]) -> Callable[[], None]:
    def do() -> None:
        with manager():  # type: ignore[attr-defined]
            pass

    return do


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder like a run."""
    run = tmp_path / "run"
    (run / "index").mkdir(parents=True)
    (run / "manifest.json").write_text("old")
    return run


def publish(run: Path, lease: object) -> None:
    with publish_folder(run, holding=lease.replacing) as folder:  # type: ignore[attr-defined]
        (folder / "manifest.json").write_text("new")


class TestServing:
    def test_is_for_one_and_says_who(self, folder: Path) -> None:
        with serving(folder):
            told = elsewhere(enter(lambda: serving(folder)))
            assert re.search(rf"run is locked by {HERE}, which serves it; stop it", str(told))
        assert elsewhere(enter(lambda: serving(folder))) is None
        assert not (folder / ".serving").exists()

    def test_goes_on_beside_changes(self, folder: Path) -> None:
        with serving(folder):
            assert elsewhere(enter(lambda: changing(folder))) is None

    def test_follows_a_folder_that_takes_the_place(self, folder: Path) -> None:
        aside = folder.with_name("aside")
        with serving(folder) as lease:
            assert not lease.follow()
            folder.rename(aside)
            with pytest.raises(LeaseError, match="is not there"):
                lease.follow()
            assert not lease.holds
            folder.mkdir()
            assert lease.follow()
            assert lease.holds
            assert elsewhere(enter(lambda: serving(folder))) is not None
            assert elsewhere(enter(lambda: serving(aside))) is None

    def test_of_a_path_is_for_one_whatever_folder_is_there(self, folder: Path) -> None:
        with serving(folder):
            folder.rename(folder.with_name("aside"))
            folder.mkdir()
            # The first hasn't followed yet.
            assert elsewhere(enter(lambda: serving(folder))) is not None
            with training(folder) as lease:
                with pytest.raises(LeaseError, match="which serves it"):
                    lease.refuse_served()
                (folder / "manifest.json").write_text("swapped in")
        assert not folder.with_name(".run.serving").exists()

    def test_does_not_follow_where_another_serves(self, folder: Path) -> None:
        aside, following = folder.with_name("aside"), folder.with_name("following")
        following.mkdir()
        with serving(folder) as lease, serving(following):
            folder.rename(aside)
            following.rename(folder)
            with pytest.raises(LeaseError, match="which serves it"):
                lease.follow()
            assert not lease.holds
            # And the one that it had is still its own.
            assert elsewhere(enter(lambda: serving(aside))) is not None

    def test_does_without_a_lock_beside_where_it_may_not_write(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened = os.open

        def refused(path: Path, *given: int) -> int:
            if Path(path).parent == folder.parent:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return opened(path, *given)

        monkeypatch.setattr(file_lock.os, "open", refused)
        with serving(folder):
            assert elsewhere(enter(lambda: serving(folder))) is not None

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
    def test_of_a_folder_beside_which_nobody_else_may_write(self) -> None:
        with tempfile.TemporaryDirectory() as above:
            Path(above).chmod(0o755)
            run = Path(above, "run")
            run.mkdir()
            run.chmod(0o777)
            # What root has left of its own there.
            (run / ".serving").touch(mode=0o644)
            with as_nobody():
                with serving(run) as lease:
                    assert lease.holds
                    assert isinstance(elsewhere(enter(lambda: serving(run))), LeaseError)
                with pytest.raises(PermissionError), training(run):
                    pass
                with serving(run):
                    pass
            assert list(Path(above).iterdir()) == [run]


class TestChanging:
    def test_what_was_changed_isnt_published_into_a_folder_that_took_the_place(
        self, run_copy: Path, trained_run: Path
    ) -> None:
        served = open_run(run_copy)
        before = current_version(trained_run / "index")
        with changing(run_copy):
            run_copy.rename(run_copy.with_name("aside"))
            shutil.copytree(trained_run, run_copy)
            with pytest.raises(StaleIndexError, match="has been replaced by another folder"):
                served.save(run_copy)
        assert current_version(run_copy / "index") == before
        assert [p.name for p in (run_copy / "index").glob("*v0*")] == ["v0001"]

    def test_by_another_name_is_the_same_lease(self, folder: Path) -> None:
        link = folder.with_name("link")
        link.symlink_to(folder)
        with changing(folder), changing(link):
            assert isinstance(elsewhere(enter(lambda: changing(link))), LockedIndexError)

    def test_makes_no_run_where_none_is(self, tmp_path: Path) -> None:
        with pytest.raises(LeaseError, match="no longer there"), changing(tmp_path / "none"):
            pass
        assert list(tmp_path.iterdir()) == []


class TestTraining:
    def test_is_for_one_and_says_who(self, tmp_path: Path) -> None:
        out = tmp_path / "new" / "run"
        with training(out), training(out):
            told = elsewhere(enter(lambda: training(out)))
            assert re.search(rf"run is being trained by {HERE}; wait until", str(told))
        assert list(out.parent.iterdir()) == []

    def test_replaces_a_run_that_nobody_has(self, folder: Path) -> None:
        with training(folder) as lease:
            publish(folder, lease)
        assert (folder / "manifest.json").read_text() == "new"
        assert [path.name for path in folder.parent.iterdir()] == ["run"]

    def test_of_a_link_is_of_the_folder_that_it_leads_to(self, folder: Path) -> None:
        elsewhere_lies = folder.with_name("links")
        elsewhere_lies.mkdir()
        link = elsewhere_lies / "link"
        link.symlink_to(folder)
        for one, other in ((folder, link), (link, folder)):
            with training(one) as lease:
                assert lease.out == folder
                told = elsewhere(enter(lambda other=other: training(other)))
                assert re.search(rf"{folder} is being trained by {HERE}; wait until", str(told))
            with serving(one), training(other) as lease:
                with pytest.raises(LeaseError, match="which serves it; stop it"):
                    lease.refuse_served()
                assert isinstance(elsewhere(enter(lambda other=other: serving(other))), LeaseError)
        with training(link) as lease:
            publish(lease.out, lease)
        assert link.is_symlink()
        assert (folder / "manifest.json").read_text() == "new"
        assert [path.name for path in elsewhere_lies.iterdir()] == ["link"]

    @pytest.mark.parametrize("holder", [serving, changing])
    def test_does_not_replace_a_run_that_somebody_has(
        self, folder: Path, holder: Callable[[Path], object]
    ) -> None:
        with holder(folder), training(folder) as lease:  # type: ignore[attr-defined]
            told = elsewhere(lambda: publish(folder, lease))
        assert re.search(rf"is locked by process {os.getpid()} .*kept: .* with resume$", str(told))
        assert (folder / "manifest.json").read_text() == "old"

    def test_does_not_replace_events_that_came_while_it_ran(self, folder: Path) -> None:
        with training(folder) as lease:
            (folder / "events").mkdir()
            (folder / "events" / "events.jsonl").write_text("{}\n")
            with pytest.raises(LeaseError, match=r"holds events that .* `longtail data events`"):
                publish(folder, lease)
        assert (folder / "events" / "events.jsonl").exists()

    def test_does_not_replace_a_folder_that_came_while_it_ran(self, tmp_path: Path) -> None:
        out = tmp_path / "run"
        with training(out) as lease:
            out.mkdir()
            publish(out, lease)  # an empty one may be filled
        with training(out) as lease:
            out.rename(tmp_path / "aside")
            out.mkdir()
            (out / "photo.jpg").write_text("dear")
            with pytest.raises(LeaseError, match="another folder than when this training began"):
                publish(out, lease)
        assert (out / "photo.jpg").read_text() == "dear"

    def test_removes_what_a_killed_one_left(self, folder: Path) -> None:
        half, moved = folder.with_name(".run.0badcafe.tmp"), folder.with_name(".run.1badcafe.old")
        others = folder.with_name(".other.0badcafe.tmp")
        for path in (half, moved, others):
            path.mkdir()
        with training(folder):
            pass
        assert {path.name for path in folder.parent.iterdir()} == {"run", others.name}

    def test_puts_back_what_a_killed_one_had_moved_aside(self, folder: Path) -> None:
        folder.rename(folder.with_name(".run.1badcafe.old"))
        with training(folder):
            assert (folder / "manifest.json").read_text() == "old"

    def test_ends_with_its_process(self, tmp_path: Path) -> None:
        program = (
            "import sys; from pathlib import Path; from longtail.retrieval.run.lease import *\n"
            "with training(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
        )
        out = tmp_path / "run"
        with started_python("-c", program, out) as process:
            assert line_of(process) == "held"
            message = rf"is being trained by process {process.pid} since 20"
            with pytest.raises(LeaseError, match=message), training(out):
                pass
        with training(out):
            pass


def test_an_index_alone_has_the_same_lock(folder: Path) -> None:
    with index_lock(folder / "index"):
        assert isinstance(elsewhere(enter(lambda: changing(folder))), LockedIndexError)

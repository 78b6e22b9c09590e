"""A trained run as an object: it answers, learns, takes new items and is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack, get_args

import numpy as np
import pandas as pd

from longtail.files.log_files import LogFile
from longtail.files.suspects_file import SuspectsFile
from longtail.python.argument_checks import path_of
from longtail.python.failures import MisuseError, failures_for_python
from longtail.python.frames.frame_files import FrameFiles, FrameOrPath
from longtail.python.frames.ids import id_list
from longtail.python.frames.recommendations import Recommendations, with_titles
from longtail.python.query_checks import check_query
from longtail.python.reading_arguments import ReadingArguments, reading_of
from longtail.python.service_process import ServiceProcess
from longtail.python.showing.progress import progress_for, remarks_for
from longtail.python.showing.screens import Screen, screen_of
from longtail.retrieval.data.popularity import Pool
from longtail.retrieval.data.users.cell_values import UserValue
from longtail.retrieval.ranking.query import QueryOptions
from longtail.retrieval.ranking.retriever import Retriever

if TYPE_CHECKING:
    from longtail.retrieval.progress import Progress

Device = Literal["cpu", "gpu"]


class Engine:
    """A run folder, opened: what `longtail train` made, in the version that is served.

    Attributes:
        run: the folder.
        summary: the screen that training ended with, empty where the run was only opened.

    >>> Engine.open("RUN").recommend(users=["u1"], k=10, pool="tail")  # doctest: +SKIP
    """

    def __init__(self, run: Path, retriever: Retriever, device: Device, summary: Screen) -> None:
        self.run = run
        self.summary = summary
        self._retriever = retriever
        self._device = device
        self._files = _files()

    @classmethod
    def open(cls, run: str | Path, *, device: Device = "cpu", summary: str = "") -> Engine:
        """Return the engine in a run folder, every file of it verified.

        Raises:
            LongtailError: the folder can't be served; the message says which file and what to do.
        """
        if device not in get_args(Device):
            raise MisuseError(f"device {device!r} is not one of {', '.join(get_args(Device))}")
        run = path_of(run, "run")
        with failures_for_python():
            retriever = Retriever.open(run, device=device)
        return cls(run, retriever, device, Screen(summary))

    @property
    def retriever(self) -> Retriever:
        """What answers, of this version; its frames have no titles."""
        return self._retriever

    @property
    def version(self) -> str:
        """The name of the index version that answers, like ``v0003``."""
        return self._retriever.versions["index"]

    @property
    def users(self) -> list[str]:
        """The ids of the users of the log, in its order."""
        return [str(user) for user in self._retriever.bundle.log.user_ids]

    @property
    def items(self) -> pd.DataFrame:
        """The items that can be answers: the catalog's columns and what is known of each.

        ``popularity_percentile`` and ``bucket`` stand beside the catalog's own columns.
        """
        from longtail.retrieval.data.popularity import POOL_NAMES

        bundle = self._retriever.bundle
        popularity = bundle.popularity
        frame = bundle.catalog.frame.assign(
            popularity_percentile=popularity.percentile,
            bucket=np.array(POOL_NAMES, dtype=object)[popularity.bucket],
        )
        return frame[popularity.in_pool("all")].reset_index(drop=True)

    @property
    def rejected(self) -> pd.DataFrame:
        """The rows that the last call of learn, add_items or update_items set aside."""
        from longtail.python.shop_report import rejected_of

        return rejected_of(self._files.rejected_path, self._files)

    @property
    def suspects(self) -> pd.DataFrame:
        """The items of that call that look made to game the engine, with reasons."""
        path = self._files.suspects_path
        if not path.exists():
            return pd.DataFrame(columns=["item_id", "reason", "detail"])
        return pd.read_csv(path, dtype=str, keep_default_na=False)

    def refresh(self) -> Engine:
        """Open what is served now, whoever has published it, and return this engine."""
        with failures_for_python():
            self._retriever = Retriever.open(self.run, device=self._device)
        return self

    def recommend(
        self,
        users: Any = None,
        *,
        histories: Mapping[str, Sequence[str]] | None = None,
        texts: Mapping[str, str] | None = None,
        user_columns: Mapping[str, Mapping[str, UserValue]] | None = None,
        **options: Unpack[QueryOptions],
    ) -> Recommendations:
        """Return the long frame of recommendations, best first within each user, with titles.

        ``users`` is an id or many: a list, a Series of pandas or polars, an array; ids that are
        whole numbers are spelt as texts. The rest is as `Retriever.recommend` has it: k (10), pool
        (``tail``), debias, where, explain, ...

        Raises:
            QueryError, UnknownUserError, UnknownItemError: the request has no answer.
        """
        check_query(histories, texts, user_columns, options)
        with failures_for_python():
            frame = self._retriever.recommend(
                None if users is None else id_list(users, "users"),
                histories=None
                if histories is None
                else {name: id_list(past, "histories") for name, past in histories.items()},
                texts=texts,
                user_columns=user_columns,
                **options,
            )
            return with_titles(frame, self._retriever.bundle.catalog)

    def similar(self, items: Any, *, k: int = 10, pool: Pool = "all") -> Recommendations:
        """Return the items whose texts are nearest to an item's, or to those of each of many.

        Raises:
            QueryError, UnknownItemError: there is no such pool, or no such item.
        """
        check_query(options={"k": k, "pool": pool})
        with failures_for_python():
            frames = [
                self._retriever.similar(item, k=k, pool=pool) for item in id_list(items, "items")
            ]
            if not frames:
                raise MisuseError("items is empty; give an item id")
            notes = {item: note for f in frames for item, note in f.attrs.get("notes", {}).items()}
            frame = pd.concat(frames, ignore_index=True)
            frame.attrs["notes"] = notes
            return with_titles(frame, self._retriever.bundle.catalog)

    def learn(
        self,
        new: FrameOrPath,
        *,
        items: FrameOrPath | None = None,
        whole: bool = False,
        force: bool = False,
        fresh_sequences: bool = False,
        quarantine: bool = False,
        progress: bool | Progress = True,
        wait: float = 0.0,
        **reading: Unpack[ReadingArguments],
    ) -> Screen:
        """Learn what has happened since, publish it, and answer with it from now on.

        What `longtail learn` does. ``new`` are interactions on top of the log that the run holds;
        with ``whole`` they are the whole log as it is now. ``items`` are new and changed items,
        published in the same step. What was learned is measured first on events that the run
        hasn't seen, and published if it is no worse, or with ``force``. Returned is what the
        command prints.

        Raises:
            LearnedWorseError: what was learned is worse; nothing was published.
            DataError: a frame or file can't be used.
            LeaseError: another process changes the run, and did for ``wait`` seconds.
        """
        from longtail.console.training.learned_table import print_learned
        from longtail.jobs.runs.learning import LearningJob, learn_log

        files = self._files = _files()
        remarks: list[str] = []
        say = remarks_for(progress, files.spelled, remarks)
        with failures_for_python(files.spelled, f"{self.run} serves what it did"):
            path = files.path_of(new, "interactions" if whole else "events")
            job = LearningJob(
                LogFile(path, reading_of(reading), files.rejected_path),
                SuspectsFile(files.suspects_path, quarantine),
                whole=whole,
                catalog=None if items is None else files.path_of(items, "items"),
                fresh_sequences=fresh_sequences,
                force=force,
            )
            with progress_for(progress) as bars:
                learned, _ = learn_log(self.run, job, wait_s=wait, progress=bars, say=say)
        self.refresh()
        return screen_of(
            lambda console: print_learned(self.run, learned, console), files.spelled, remarks
        )

    def add_items(
        self,
        items: FrameOrPath,
        *,
        quarantine: bool = False,
        progress: bool | Progress = True,
        wait: float = 0.0,
        **reading: Unpack[ReadingArguments],
    ) -> Screen:
        """Add new items, read through the run's item tower, and answer with them from now on.

        What `longtail index add` does; returned is what it prints.

        Raises:
            DataError: the frame can't be used, or holds items that the run has already.
            LeaseError: another process changes the run, and did for ``wait`` seconds.
        """
        how = {"new": True, "changed": False, "quarantine": quarantine}
        return self._put_items(items, how, progress, wait, reading)

    def update_items(
        self,
        items: FrameOrPath,
        *,
        add_missing: bool = False,
        quarantine: bool = False,
        progress: bool | Progress = True,
        wait: float = 0.0,
        **reading: Unpack[ReadingArguments],
    ) -> Screen:
        """Change items: columns that the frame lacks stay as they are.

        What `longtail index update` does; returned is what it prints. With ``add_missing`` items
        that the run lacks are added.

        Raises:
            DataError: the frame can't be used.
            UnknownItemError: it holds items that the run lacks, without ``add_missing``.
            LeaseError: another process changes the run, and did for ``wait`` seconds.
        """
        how = {"new": add_missing, "changed": True, "quarantine": quarantine}
        return self._put_items(items, how, progress, wait, reading)

    def _put_items(
        self,
        items: FrameOrPath,
        how: Mapping[str, bool],
        progress: bool | Progress,
        wait: float,
        reading: Mapping[str, Any],
    ) -> Screen:
        from longtail.jobs.runs.adding import ItemsJob, put_items

        files = self._files = _files()
        remarks: list[str] = []
        say = remarks_for(progress, files.spelled, remarks)
        with failures_for_python(files.spelled, f"{self.run} serves what it did"):
            job = ItemsJob(
                files.path_of(items, "items"),
                reading_of(reading),
                files.rejected_path,
                SuspectsFile(files.suspects_path, how["quarantine"]),
                new=how["new"],
                changed=how["changed"],
            )
            with progress_for(progress) as bars:
                done = put_items(self.run, job, wait_s=wait, progress=bars, say=say)
        self.refresh()
        return Screen("\n".join([*remarks, files.spelled(done.line)]))

    def serve(
        self, *, host: str = "127.0.0.1", port: int = 8000, block: bool = True
    ) -> ServiceProcess:
        """Answer over HTTP, with an explorer page, until it is interrupted.

        What `longtail serve` does, in a process of its own, so that nothing of this one changes.
        With ``block=False`` it goes on in the background: `ServiceProcess.stop` ends it.
        ``port`` 0 takes any free one. Keys come from the environment, as the command takes them.

        Raises:
            LongtailError: it can't be served; the message is the command's.
        """
        service = ServiceProcess.start(self.run, host=host, port=port)
        if block:
            print(f"{service.url} (interrupt to stop)")  # noqa: T201 - as the command says it
            service.wait()
        return service

    def __repr__(self) -> str:
        return f"Engine({str(self.run)!r}, {self._sizes()})"

    def _sizes(self) -> str:
        bundle = self._retriever.bundle
        return (
            f"{bundle.catalog.n_offered:,} items, {len(bundle.log.user_ids):,} users, "
            f"{len(bundle.log):,} interactions, version {self.version}"
        )

    def _repr_html_(self) -> str:
        sizes = self._retriever.bundle.popularity.sizes()
        pools = ", ".join(f"{count:,} {name}" for name, count in sizes.items())
        head = f"<b>Engine</b> {escape(str(self.run))}<br>{self._sizes()}<br>items: {pools}"
        return head + (self.summary._repr_html_() if self.summary else "")


def _files() -> FrameFiles:
    return FrameFiles("engine.rejected", "engine.suspects")

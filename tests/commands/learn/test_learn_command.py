"""`longtail learn`: what a person types, sees, and is told."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from changing_catalog import done, item, served_version
from command_line import longtail, started_longtail
from full_disk import largest_file
from processes import finish

from longtail.retrieval.data.events import UserEvent, line_of
from longtail.retrieval.run.quarantine import quarantined_ids
from longtail.retrieval.run.served_run import open_run


@pytest.fixture
def shop(shop_files: Path) -> pd.DataFrame:
    """The log that the run was trained with."""
    return pd.read_csv(shop_files / "interactions.csv")


@pytest.fixture
def as_file(tmp_path: Path) -> Callable[[pd.DataFrame], Path]:
    def written(frame: pd.DataFrame) -> Path:
        frame.to_csv(tmp_path / "log.csv", index=False)
        return tmp_path / "log.csv"

    return written


@pytest.fixture
def plain(shop: pd.DataFrame) -> pd.DataFrame:
    """The same log without parts."""
    return shop.drop(columns=[name for name in ("split", "part") if name in shop])


def fresh_events(shop: pd.DataFrame) -> pd.DataFrame:
    """Return two events of a new user, later than all others."""
    later = int(shop["timestamp"].max()) + 60
    ids = list(shop["item_id"].unique()[:2])
    return pd.DataFrame({"user_id": "newcomer", "item_id": ids, "timestamp": [later, later + 60]})


def rejected(tmp_path: Path) -> tuple[str, Path]:
    return "--rejected", tmp_path / "rejected.csv"


def test_the_whole_log_is_learned_and_served(
    run: Path, plain: pd.DataFrame, as_file: Callable[..., Path], tmp_path: Path
) -> None:
    out = done("learn", run, "--interactions", as_file(plain), "--force", *rejected(tmp_path))
    assert "as served" in out
    assert "recall@10" in out
    # What was trained is what a rollback serves: it is verified, too.
    assert longtail("index", "verify", run).code == 0
    (run / "popularity.parquet").write_bytes(b"")
    assert "popularity.parquet has 0 bytes" in longtail("index", "verify", run).complaint
    assert re.search(r"v0002: \d+ events learned, \d+ of them new", out)
    assert f"longtail index rollback {run}" in out
    assert open_run(run).trained.learned == "l0001"
    events = len(plain)
    assert f"learned │ {events:,} events" in re.sub(" +", " ", done("index", "info", run))


def test_new_events_come_on_top_also_as_the_service_writes_them(
    run: Path, shop: pd.DataFrame, tmp_path: Path
) -> None:
    before = len(open_run(run).bundle.log)
    events = fresh_events(shop)
    path = run / "events" / "events.jsonl"
    path.parent.mkdir()
    path.write_bytes(
        b"".join(
            line_of(UserEvent(str(e.user_id), str(e.item_id), int(e.timestamp)))
            for e in events.itertuples()
        )
    )
    done("learn", run, "--events", path, "--force", *rejected(tmp_path))
    served = open_run(run)
    assert len(served.bundle.log) == before + 2
    assert "newcomer" in served.bundle.log.user_ids.tolist()
    # Learned once: the same file again has nothing that is new.
    assert "0 of them new" in done("learn", run, "--events", path, *rejected(tmp_path))
    assert len(open_run(run).bundle.log) == before + 2


def test_an_owner_s_own_file_may_have_the_name_of_a_service_s(
    run: Path, shop: pd.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    fresh_events(shop).to_json(path, orient="records", lines=True)
    done("learn", run, "--events", path, "--force", *rejected(tmp_path))
    assert "newcomer" in open_run(run).bundle.log.user_ids.tolist()


def test_new_items_come_in_the_same_step(
    run: Path,
    plain: pd.DataFrame,
    as_file: Callable[..., Path],
    write: Callable[..., Path],
    tmp_path: Path,
) -> None:
    more = fresh_events(plain)
    more["item_id"] = "tea-new"
    more = more.iloc[:1]
    catalog = write(item("tea-new", "oolong tea leaves new"), name="items.csv")
    log = as_file(pd.concat([plain, more], ignore_index=True))
    words = ("learn", run, "--interactions", log, "--catalog", catalog, "--force")
    done(*words, *rejected(tmp_path))
    served = open_run(run)
    row = served.bundle.catalog.rows_of(["tea-new"])[0]
    assert served.bundle.popularity.counts[row] == 1
    assert (served.state.trained_row >= 0).all()
    assert served_version(run) == "v0002"


def test_new_items_may_be_held_back_and_stay_so_through_the_next_learning(
    run: Path,
    plain: pd.DataFrame,
    as_file: Callable[..., Path],
    write: Callable[..., Path],
    tmp_path: Path,
) -> None:
    catalog = write(item("tea-new", "<b>oolong</b> tea leaves new"), name="items.csv")
    words = ("learn", run, "--interactions", as_file(plain), "--force", *rejected(tmp_path))
    found = longtail(*words, "--catalog", catalog, "--quarantine")
    assert found.code == 0, found.err
    assert "1 in no answer until `longtail index release" in found.err
    assert quarantined_ids(open_run(run)) == ["tea-new"]
    done(*words)
    assert quarantined_ids(open_run(run)) == ["tea-new"]


def test_bought_popularity_that_is_new_is_listed(
    run: Path, plain: pd.DataFrame, as_file: Callable[..., Path], tmp_path: Path
) -> None:
    target, *others = plain["item_id"].unique()[-4:]
    later = int(plain["timestamp"].max()) + 60
    bought = [(f"buyer {n}", item_id) for n in range(50) for item_id in (target, *others)]
    events = pd.DataFrame(bought, columns=["user_id", "item_id"]).assign(timestamp=later)
    log = as_file(pd.concat([plain, events], ignore_index=True))
    words = ("learn", run, "--interactions", log, "--force", *rejected(tmp_path))
    assert "(1 burst of users)" in longtail(*words).err
    (reason,) = pd.read_csv(tmp_path / "suspects.csv")["reason"]
    assert reason == "burst of users"
    assert "burst" not in longtail(*words).err


def test_an_increment_is_refused_with_the_option_for_it(
    run: Path, plain: pd.DataFrame, as_file: Callable[..., Path], tmp_path: Path
) -> None:
    refused = longtail(
        "learn", run, "--interactions", as_file(fresh_events(plain)), *rejected(tmp_path)
    )
    assert "--events" in refused.complaint
    assert served_version(run) == "v0001"


def test_items_that_nobody_knows_are_set_aside(
    run: Path, plain: pd.DataFrame, as_file: Callable[..., Path], tmp_path: Path
) -> None:
    stranger = fresh_events(plain)
    stranger["item_id"] = "from-elsewhere"
    log = as_file(pd.concat([plain, stranger], ignore_index=True))
    found = longtail("learn", run, "--interactions", log, "--force", *rejected(tmp_path))
    assert found.code == 0, found.err
    assert "2 item not in the catalog" in found.err
    assert "from-elsewhere" in (tmp_path / "rejected.csv").read_text()


def test_one_of_both_logs_must_be_named(run: Path) -> None:
    assert longtail("learn", run).code == 2


def test_a_learned_run_has_nothing_to_be_evaluated_on(
    run: Path, plain: pd.DataFrame, as_file: Callable[..., Path], tmp_path: Path
) -> None:
    done("learn", run, "--interactions", as_file(plain), "--force", *rejected(tmp_path))
    complaint = longtail("evaluate", run).complaint
    assert "has learned" in complaint
    assert f"longtail index rollback {run}" in complaint


def test_an_index_built_anew_is_that_of_what_was_learned(
    run: Path, plain: pd.DataFrame, as_file: Callable[..., Path], tmp_path: Path
) -> None:
    done("learn", run, "--interactions", as_file(plain), "--force", *rejected(tmp_path))
    done("index", "build", run)
    assert open_run(run).trained.learned == "l0001"
    done("index", "build", run, "--trained-catalog")
    assert open_run(run).trained.learned is None


@pytest.mark.parametrize("size", [0, 3_000, 20_000])
def test_no_room_leaves_what_was_served(
    run: Path, plain: pd.DataFrame, as_file: Callable[..., Path], size: int
) -> None:
    current = (run / "index" / "CURRENT").read_bytes()
    log = as_file(plain)
    with largest_file(size):
        refused = longtail("learn", run, "--interactions", log, "--force")
    assert "serves what it did" in refused.complaint
    assert (run / "index" / "CURRENT").read_bytes() == current
    assert not list((run / "learned").glob("*"))
    assert longtail("learn", run, "--interactions", log, "--force").code == 0


@pytest.mark.slow
@pytest.mark.parametrize("step", range(1, 8))
def test_a_killed_learning_leaves_what_was_served_or_all_of_the_new(
    run: Path, plain: pd.DataFrame, as_file: Callable[..., Path], step: int
) -> None:
    """Killed before its n-th renaming of a file or folder."""
    log = as_file(plain)
    kill = (
        "import os, signal\n"
        "taken = [0]\n"
        "def before(do):\n"
        "    def step(*a, **k):\n"
        "        taken[0] += '/run/' in str(a[-1])\n"
        f"        if taken[0] == {step}: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return do(*a, **k)\n"
        "    return step\n"
        "os.rename, os.replace = before(os.rename), before(os.replace)\n"
    )
    with started_longtail("learn", run, "--interactions", log, "--force", first=kill) as process:
        code = finish(process).code
    assert code in (0, -signal.SIGKILL)
    served = open_run(run)
    state = json.loads((run / "index" / served_version(run) / "manifest.json").read_text())
    assert state
    assert (served.trained.learned is None) == (served_version(run) == "v0001")
    done("learn", run, "--interactions", log, "--force")
    left = {path.name for path in (run / "learned").iterdir()}
    assert open_run(run).trained.learned in left
    assert all(re.fullmatch(r"l\d{4}", name) for name in left)

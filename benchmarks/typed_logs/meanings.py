"""What it is worth to know what rows mean; write benchmarks/results/meanings.json and its table.

Run:  python benchmarks/ranking.py meanings demo-shop|FOLDER ... [--seeds 0,1,2] [--work W]
                                            [--set KEY=VALUE]

``demo-shop`` is the made-up shop with behaviours: views, carts, returns and purchases, another one
with every seed. A FOLDER holds a log with ratings. Each is trained by the command line from three
readings of one log, and asked for the same targets: what users really wanted (a purchase, four
stars or more) in the test part and hadn't had before. Test rows are those targets alone, in every
reading.

purchases alone   the log without anything but what was wanted
all as taken      every row is a purchase, as an engine has it that reads neither events nor stars
typed             every row means what it says
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from arriving_items.engines import Engines
from report.markdown import DOCS, put_tables, rows_table
from report.results_file import read_results, results_path, write_results

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TEST
from longtail.retrieval.data.popularity import COLD, HEAD, Popularity
from longtail.retrieval.ranking.eligible import Eligible
from longtail.retrieval.ranking.pipeline import USERS_PER_BATCH
from longtail.retrieval.ranking.rerank.rerank import Rerank
from longtail.retrieval.ranking.retriever import Retriever

ROOT = Path(__file__).parent.parent.parent
RESULTS = results_path("meanings")
SHOP = "demo-shop"
ALONE, ALL, TYPED = "what was wanted alone", "all as taken", "typed"
# Beside the readings: what was only looked at may come back, as an owner would set it.
ALL_BACK = f"{ALL}, looked at may come back"
K, DEPTH = 10, 200
VALID_FROM, TEST_FROM = 0.8, 0.9
LIKED = 4.0
_WANTED = "wanted"


def typed_log(folder: Path) -> tuple[pd.DataFrame, Path]:
    """Return a log with what was wanted marked, and its catalog.

    Columns: user_id, item_id, timestamp, wanted, split, and event or rating.
    """
    from longtail.files.input_files import find_file

    catalog = find_file(folder, ("items", "catalog"))
    path = find_file(folder, ("interactions",))
    log = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    if "event" in log:
        log[_WANTED] = log["event"].eq("purchase")
    else:
        log[_WANTED] = log["rating"] >= LIKED
    log["user_id"], log["item_id"] = log["user_id"].astype(str), log["item_id"].astype(str)
    log = log.sort_values(["user_id", "timestamp"], kind="stable")
    log["split"] = _parts(log)
    return log, catalog


def _parts(log: pd.DataFrame) -> np.ndarray[Any, Any]:
    """Return train, valid and test: by the time of what was wanted, or by user where few stay.

    Where most users come once, a cut by time leaves nobody known: then each user's last tenths
    of what was wanted are cut off, with everything after.
    """
    wanted = log[log[_WANTED]]
    cuts = wanted["timestamp"].quantile([VALID_FROM, TEST_FROM]).to_numpy()
    known = set(wanted["user_id"][wanted["timestamp"] < cuts[0]])
    late = set(wanted["user_id"][wanted["timestamp"] >= cuts[1]])
    if len(late & known) >= len(late) / 2:
        starts = np.tile(cuts, (len(log), 1))
    else:
        per_user = wanted.groupby("user_id")["timestamp"].quantile([VALID_FROM, TEST_FROM])
        both = per_user.unstack().reindex(log["user_id"])
        starts = both.fillna(np.inf).to_numpy()
    time = log["timestamp"].to_numpy()
    return np.where(time >= starts[:, 1], "test", np.where(time >= starts[:, 0], "valid", "train"))


def readings(log: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the log as each reading has it; the test part is what was wanted."""
    asked = log[(log["split"] != "test") | log[_WANTED]]
    plain = ["user_id", "item_id", "timestamp", "split"]
    said = "event" if "event" in log else "rating"
    return {
        ALONE: asked.loc[asked[_WANTED], plain],
        ALL: asked[plain],
        TYPED: asked[[*plain, said]],
    }


def measured(folder: Path, work: Path, settings: list[str], seed: int) -> dict[str, Any]:
    """Return every reading's figures, and the differences of typed to the others."""
    log, catalog = typed_log(folder)
    engines = Engines(work, work / "vectors", ROOT / "configs" / "cpu.yaml", tuple(settings))
    runs = {}
    for name, frame in readings(log).items():
        data = work / f"{folder.name}-{seed}-{name.replace(' ', '-')}.data"
        data.mkdir(parents=True, exist_ok=True)
        suffix = "".join(catalog.suffixes)
        (data / f"items{suffix}").write_bytes(catalog.read_bytes())
        frame.to_parquet(data / "interactions.parquet", index=False)
        runs[name] = engines.trained(data, f"{folder.name}-{seed}-{name}", seed=seed)
    wanted = log[log[_WANTED]]
    before = wanted[wanted["split"] != "test"]
    test = wanted[wanted["split"] == "test"].merge(
        before[["user_id", "item_id"]].drop_duplicates(), how="left", indicator=True
    )
    test = test[(test["_merge"] == "left_only") & test["user_id"].isin(set(before["user_id"]))]
    targets = test.groupby("user_id")["item_id"].agg(set)
    by_user = {
        name: _recalls(Retriever.open(run), targets, before, name) for name, run in runs.items()
    }
    by_user[ALL_BACK] = _recalls(Retriever.open(runs[ALL]), targets, before, ALL_BACK)
    figures = {
        name: {key: round(float(np.nanmean(v)), 4) for key, v in found.items()}
        for name, found in by_user.items()
    }
    differences = {
        name: {
            key: dict(zip(("difference", "error"), _paired(by_user[TYPED][key], v), strict=True))
            for key, v in found.items()
        }
        for name, found in by_user.items()
        if name != TYPED
    }
    return {
        "users": len(targets),
        "seed": seed,
        "settings": settings,
        "figures": figures,
        "typed less": differences,
        "rejected": _rejected_in_lists(log, runs[TYPED]) if "event" in log else None,
    }


def _recalls(
    retriever: Retriever, targets: pd.Series[Any], before: pd.DataFrame, name: str
) -> dict[str, np.ndarray[Any, Any]]:
    """Return each user's recall@10: of all targets, the tail's, cold ones, inside the tail's pool.

    Popularity is that of what was wanted in the train part. NaN for a user without such a target.
    """
    catalog = retriever.bundle.catalog
    train = before[before["split"] == "train"].drop_duplicates(["user_id", "item_id"])
    counts = np.bincount(catalog.rows_of(train["item_id"]), minlength=len(catalog))
    popularity = Popularity.from_counts(counts, catalog.item_ids)
    bucket = dict(zip(catalog.item_ids, popularity.bucket, strict=True))
    had = before.groupby("user_id")["item_id"].agg(set)
    users = [str(user) for user in targets.index]
    lists = _lists(retriever, users, had, back=name == ALL_BACK)
    out: dict[str, list[float]] = {key: [] for key in ("R", "tail R", "cold R", "tail-pool R")}
    for user in users:
        wanted = targets[user]
        tail = {item for item in wanted if bucket[item] != HEAD}
        cold = {item for item in wanted if bucket[item] == COLD}
        best = lists[user][:K]
        of_tail = [item for item in lists[user] if bucket[item] != HEAD][:K]
        for key, of, shown in (
            ("R", wanted, best),
            ("tail R", tail, best),
            ("cold R", cold, best),
            ("tail-pool R", tail, of_tail),
        ):
            out[key].append(len(of & set(shown)) / len(of) if of else np.nan)
    return {key: np.array(values) for key, values in out.items()}


def _lists(
    retriever: Retriever, users: list[str], had: pd.Series[Any], *, back: bool
) -> dict[str, list[str]]:
    """Return each user's best items, of those that weren't had before; from before the test part.

    ``back``: only what was really had stays out, whatever the engine takes for a history.
    """
    ranking, log, catalog = retriever.ranking, retriever.bundle.log, retriever.bundle.catalog
    assert log.part is not None
    known = Histories.from_interactions(log.select(log.part < TEST))
    position = {str(user): place for place, user in enumerate(known.user_ids)}
    lists: dict[str, list[str]] = {}
    for start in range(0, len(users), USERS_PER_BATCH):
        asked = users[start : start + USERS_PER_BATCH]
        part = known.take(np.array([position[user] for user in asked]))
        owned = Histories.from_lists([catalog.rows_of(list(had[user])) for user in asked])
        out = owned if back else Histories.side_by_side([part.not_again(), owned])
        state = ranking.user_state(part)
        [answers] = ranking.rank(state, DEPTH, [Rerank()], Eligible("all", out))
        for user, rows in zip(asked, answers.rows, strict=True):
            lists[user] = [str(catalog.item_ids[row]) for row in rows if row >= 0]
    return lists


def _paired(
    one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]
) -> tuple[float | None, float | None]:
    apart = (one - other)[~np.isnan(one)]
    if len(apart) < 2:
        return None, None
    return round(float(apart.mean()), 4), round(float(apart.std(ddof=1) / len(apart) ** 0.5), 4)


def _rejected_in_lists(log: pd.DataFrame, run: Path) -> dict[str, int]:
    """Return in how many of up to 10,000 lists an item comes up that its user sent back."""
    known = log[log["split"] != "test"]
    last = known[known["event"].isin(["purchase", "cart", "return"])]
    last = last.groupby(["user_id", "item_id"])["event"].last()
    sent_back = last[last == "return"].reset_index().groupby("user_id")["item_id"].agg(set)
    retriever = Retriever.open(run)
    lists = wrong = 0
    for pool in ("all", "tail", "head"):
        for debias in (0.0, 0.3, 0.6, 1.0):
            frame = retriever.recommend(
                [str(user) for user in sent_back.index], k=20, pool=pool, debias=debias
            )
            for user, items in frame.groupby("user_id")["item_id"]:
                lists += 1
                wrong += bool(sent_back[user] & set(items))
    return {"lists": lists, "with a rejected item": wrong}


def table(results: dict[str, list[dict[str, Any]]]) -> str:
    """Return a line a data set and reading."""
    rows = []
    for data, seeds in results.items():
        for name in (ALONE, ALL, ALL_BACK, TYPED):
            row: dict[str, Any] = {"data": data, "seeds": len(seeds), "reading": name}
            for key in seeds[0]["figures"][name]:
                row[key] = f"{np.mean([s['figures'][name][key] for s in seeds]):.4f}".lstrip("0")
                if name != TYPED and seeds[0]["typed less"][name][key]["difference"] is not None:
                    found = [s["typed less"][name][key] for s in seeds]
                    mean = np.mean([one["difference"] for one in found])
                    errors = np.array([one["error"] for one in found])
                    # Shops are drawn apart; seeds of one log are asked by the same users.
                    apart = len(errors) if data == SHOP else 1
                    error = np.sqrt(np.mean(errors**2) / apart)
                    row[key] += f" (typed {mean:+.4f} ± {error:.4f})"
            rows.append(row)
    return rows_table(rows)


def rejected_line(results: dict[str, list[dict[str, Any]]]) -> str:
    """Return in how many lists an item came up that its user had sent back."""
    counted = [seed["rejected"] for seeds in results.values() for seed in seeds if seed["rejected"]]
    lists, wrong = (sum(one[key] for one in counted) for key in ("lists", "with a rejected item"))
    return f"Lists to users who had sent things back: {lists:,}; with one of these: {wrong:,}."


def main(words: list[str]) -> None:
    """Measure every data set named, and rewrite the table."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("data", nargs="+", help="demo-shop, or folders of rated logs")
    arguments.add_argument("--seeds", default="0")
    arguments.add_argument("--set", action="append", default=[], dest="settings")
    arguments.add_argument("--work", type=Path, help="keeps runs, and uses those there")
    given = arguments.parse_args(words)
    results = read_results(RESULTS)
    with tempfile.TemporaryDirectory() as temporary:
        work = (given.work or Path(temporary)).resolve()
        for name in given.data:
            found = []
            for seed in map(int, given.seeds.split(",")):
                folder = _shop(work, seed) if name == SHOP else Path(name)
                found.append(measured(folder, work, given.settings, seed))
                results[name if name == SHOP else folder.name] = found
                write_results(RESULTS, results)
    tables = {"meanings": table(results), "rejected": rejected_line(results)}
    put_tables(DOCS / "behaviours.md", tables)


def _shop(work: Path, seed: int) -> Path:
    from longtail.demo_shop.shop import make_demo_shop

    folder = work / (f"{SHOP}-{seed}" if seed else SHOP)
    if not folder.exists():
        make_demo_shop(folder, n_items=1500, n_users=2000, behaviours=True, seed=seed)
    return folder

"""A catalog that changes: add, update, remove, compact, refresh, rollback as a person does it."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import finish, longtail, start, train_arguments
from test_cli_full_disk import largest_file

from index.lock import index_lock
from retrieval.catalog import Catalog
from retrieval.retriever import Retriever
from retrieval.served import open_run

FAN = "oolong-fan-0"
ANSWERS = ("--format", "json", "-k", "60", "--pool", "all")


@pytest.fixture
def run(cli_run: Path, tmp_path: Path) -> Path:
    """A copy of the trained run that a test may change."""
    return Path(shutil.copytree(cli_run, tmp_path / "run"))


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of lines (mappings), and return its path."""

    def written(*lines: dict[str, object], name: str = "new.csv") -> Path:
        pd.DataFrame(list(lines)).to_csv(tmp_path / name, index=False)
        return tmp_path / name

    return written


def item(item_id: str, text: str, **columns: object) -> dict[str, object]:
    """Return a line of a catalog file, with all columns that the tower reads."""
    return {
        "item_id": item_id,
        "title": text,
        "brand": "",
        "description": text,
        "niche": "",
        **columns,
    }


def done(*arguments: object) -> str:
    found = longtail(*arguments)
    assert found.code == 0, found.err
    return found.out


def asked(*arguments: object) -> list[dict[str, object]]:
    answers: list[dict[str, object]] = json.loads(done(*arguments, *ANSWERS))
    return answers


def ids(answers: list[dict[str, object]]) -> list[object]:
    return [answer["item_id"] for answer in answers]


def rejected(tmp_path: Path) -> tuple[str, Path]:
    return "--rejected", tmp_path / "rejected.csv"


def served_version(run: Path) -> str:
    return (run / "index" / "CURRENT").read_text().split()[0]


class TestAdd:
    def test_what_is_added_is_found_by_the_next_query(
        self, run: Path, write: Callable[..., Path], tmp_path: Path
    ) -> None:
        new = write(item("n1", "oolong oolong leaves", price=4.5), item("n2", "saw steel"))
        said = done("index", "add", run, "--catalog", new, *rejected(tmp_path))
        assert said == f"{run / 'index' / 'v0002'}: 2 added; 62 items\n"
        by_text = asked("query", run, "--text", "oolong leaves", "--pool", "cold")
        assert by_text[0]["item_id"] == "n1"
        assert by_text[0]["bucket"] == "cold"
        assert {"n1", "n2"} <= set(ids(asked("query", run, "--user", FAN)))
        assert ids(asked("query", run, "--user", FAN, "--where", "price=4.5")) == ["n1"]
        assert ids(asked("similar", run, "--item", "n2"))[0] != "n2"
        assert "2 added, 0 updated" in done("index", "info", run)
        assert "index v0002" in done("index", "verify", run)

    def test_what_is_added_can_stand_in_a_history_by_its_text(
        self, run: Path, write: Callable[..., Path], tmp_path: Path
    ) -> None:
        frame = open_run(run).bundle.catalog.frame.set_index("item_id")
        new = write({**frame.loc["tools-saw-small"].to_dict(), "item_id": "n1"})
        done("index", "add", run, "--catalog", new, *rejected(tmp_path))
        found = asked("query", run, "--history", "n1", "--explain")
        assert str(found[0]["item_id"]).startswith("tools-saw")  # the text says so
        assert found[0]["because"] == ["n1"]
        assert "n1" not in ids(found)

    def test_the_others_are_answered_as_before(
        self, run: Path, write: Callable[..., Path], tmp_path: Path
    ) -> None:
        before = asked("query", run, "--text", "saw steel", "--debias", "0.7")
        new = write(item("n1", "gouache canvas"))
        done("index", "add", run, "--catalog", new, *rejected(tmp_path))
        after = asked("query", run, "--text", "saw steel", "--debias", "0.7")
        kept = [(a["item_id"], a["score"], a["bucket"]) for a in after if a["item_id"] != "n1"]
        assert len(kept) == 59
        assert kept == [(a["item_id"], a["score"], a["bucket"]) for a in before][:59]

    def test_rows_that_can_not_be_used_are_set_aside(
        self, run: Path, write: Callable[..., Path], tmp_path: Path
    ) -> None:
        new = write(item("n1", "saw"), item("n1", "plane"), item("", "chisel"), item("n2", ""))
        found = longtail("index", "add", run, "--catalog", new, *rejected(tmp_path))
        assert found.code == 0, found.err
        assert "3 rows were set aside" in found.err
        reasons = pd.read_csv(tmp_path / "rejected.csv")["reason"]
        assert set(reasons) == {"no item_id", "item_id again (the first is kept)", "no text"}
        assert open_run(run).bundle.catalog.n_offered == 61

    def test_unknown_columns_are_left_out_and_named(
        self, run: Path, write: Callable[..., Path], tmp_path: Path
    ) -> None:
        new = write(item("n1", "saw", colour="red"))
        found = longtail("index", "add", run, "--catalog", new, *rejected(tmp_path))
        assert "no column 'colour'; left out" in found.err
        assert "colour" not in open_run(run).bundle.catalog.frame

    @pytest.mark.parametrize(
        ("lines", "said"),
        [
            ([item("tools-saw-small", "saw")], "'tools-saw-small' is in the catalog already"),
            ([{"item_id": "n1", "description": "saw"}], "no column for title"),
            ([{"item_id": "n1", "title": "saw"}], "there is no column 'brand'"),
            ([item("n1", "saw", price="cheap")], "column 'price' holds numbers"),
            ([item("n1", "")], "none of its 1 rows can be used"),
        ],
        ids=["known", "no title", "no column of the template", "other kind", "no text"],
    )
    def test_a_file_that_can_not_be_added_is_refused_in_one_line(
        self,
        run: Path,
        write: Callable[..., Path],
        tmp_path: Path,
        lines: list[dict[str, object]],
        said: str,
    ) -> None:
        new = write(*lines)
        complaint = longtail("index", "add", run, "--catalog", new, *rejected(tmp_path)).complaint
        assert said in complaint
        assert served_version(run) == "v0001"

    @pytest.mark.parametrize("content", [None, "", "item_id,title,description\n"])
    def test_no_file_and_an_empty_one_are_refused(
        self, run: Path, tmp_path: Path, content: str | None
    ) -> None:
        path = tmp_path / "new.csv"
        if content is not None:
            path.write_text(content)
        words = ("index", "add", run, "--catalog", path, *rejected(tmp_path))
        assert str(path) in longtail(*words).complaint
        assert served_version(run) == "v0001"

    def test_a_folder_that_is_no_run_stays_untouched(self, tmp_path: Path) -> None:
        words = ("index", "add", tmp_path / "no run", "--catalog", "x", *rejected(tmp_path))
        assert "is no run folder" in longtail(*words).complaint
        assert list(tmp_path.iterdir()) == []


class TestUpdate:
    def test_a_changed_text_moves_the_item_and_keeps_its_popularity(
        self, run: Path, write: Callable[..., Path], tmp_path: Path
    ) -> None:
        before = {a["item_id"]: a for a in asked("query", run, "--text", "saw")}
        changed = write(item("tools-saw-small", "gouache canvas"), item("tools-saw-gift", "ink"))
        said = done("index", "update", run, "--catalog", changed, *rejected(tmp_path))
        assert "2 updated (2 texts read again); 60 items" in said
        found = asked("query", run, "--text", "gouache canvas")
        moved = next(a for a in found if a["item_id"] == "tools-saw-small")
        was = before["tools-saw-small"]
        for kept in ("bucket", "popularity_percentile"):
            assert moved[kept] == was[kept]
        assert found.index(moved) < 8
        assert found[0]["score"] >= moved["score"]
        assert open_run(run).bundle.catalog.frame["price"].notna().sum() == 48

    def test_other_columns_alone_need_no_reading(
        self, run: Path, write: Callable[..., Path], tmp_path: Path
    ) -> None:
        title = open_run(run).bundle.catalog.frame.set_index("item_id")["title"]
        line = {"item_id": "tools-saw-small", "title": title["tools-saw-small"], "price": 99}
        said = done("index", "update", run, "--catalog", write(line), *rejected(tmp_path))
        assert "1 updated (0 texts read again)" in said
        assert ids(asked("query", run, "--text", "tea", "--where", "price>50")) == [
            "tools-saw-small"
        ]

    def test_unknown_items_are_refused_or_added(
        self, run: Path, write: Callable[..., Path], tmp_path: Path
    ) -> None:
        changed = write(item("tools-saw-smal", "saw"), item("tools-saw-gift", "ink"))
        words = ("index", "update", run, "--catalog", changed, *rejected(tmp_path))
        complaint = longtail(*words).complaint
        assert "item 'tools-saw-smal' isn't in the catalog; near ones: tools-saw-small" in complaint
        assert served_version(run) == "v0001"
        assert "1 updated (1 texts read again), 1 added; 61 items" in done(*words, "--add-missing")
        assert "tools-saw-smal" in ids(asked("query", run, "--user", FAN))

    def test_a_text_that_would_be_empty_is_refused(
        self, run: Path, write: Callable[..., Path], tmp_path: Path
    ) -> None:
        changed = write({"item_id": "tools-saw-small", "title": "", "description": ""})
        words = ("index", "update", run, "--catalog", changed, *rejected(tmp_path))
        assert "none of its 1 rows can be used" in longtail(*words).complaint


class TestRemove:
    def test_what_is_removed_is_no_answer_to_anybody(self, run: Path) -> None:
        gone = "tea-oolong-small"
        assert gone in ids(asked("query", run, "--text", "oolong"))
        assert "1 removed; 59 items" in done("index", "remove", run, "--items", gone)
        assert gone not in ids(asked("query", run, "--text", "oolong"))
        assert gone not in ids(asked("similar", run, "--item", "tea-oolong-gift"))
        frame = Retriever.open(run).recommend(
            users=[str(u) for u in open_run(run).bundle.log.user_ids],
            k=60,
            pool="all",
            include_seen=True,
        )
        assert gone not in set(frame["item_id"])
        assert frame.groupby("user_id").size().eq(59).all()
        assert "was removed" in longtail("similar", run, "--item", gone).complaint

    def test_in_a_history_it_still_speaks(self, run: Path) -> None:
        before = asked("query", run, "--history", "tea-oolong-small")
        done("index", "remove", run, "--items", "tea-oolong-small")
        after = asked("query", run, "--history", "tea-oolong-small")
        assert [(a["item_id"], a["score"]) for a in after] == [
            (a["item_id"], a["score"]) for a in before
        ]

    def test_a_file_of_ids_is_read(self, run: Path, tmp_path: Path) -> None:
        (tmp_path / "gone.txt").write_text("tea-oolong-small\n\ntools-saw-gift\ntea-oolong-small\n")
        said = done("index", "remove", run, "--file", tmp_path / "gone.txt")
        assert "2 removed; 58 items" in said

    @pytest.mark.parametrize(
        ("items", "said"),
        [
            ("tools-saw-smal", "item 'tools-saw-smal' isn't in the catalog; near ones:"),
            ("tools-saw-small,x,y", "item 'x' and 1 more isn't in the catalog"),
        ],
    )
    def test_unknown_items_are_refused_and_nothing_is_removed(
        self, run: Path, items: str, said: str
    ) -> None:
        assert said in longtail("index", "remove", run, "--items", items).complaint
        assert served_version(run) == "v0001"

    def test_what_is_gone_can_not_go_again(self, run: Path) -> None:
        done("index", "remove", run, "--items", "tools-saw-small")
        complaint = longtail("index", "remove", run, "--items", "tools-saw-small").complaint
        assert "'tools-saw-small' was removed from the catalog" in complaint

    def test_the_last_item_stays(self, run: Path, catalog: Catalog) -> None:
        everything = ",".join(catalog.item_ids)
        assert (
            "would remove every item"
            in longtail("index", "remove", run, "--items", everything).complaint
        )

    def test_an_empty_file_and_misuse_are_refused(self, run: Path, tmp_path: Path) -> None:
        (tmp_path / "gone.txt").write_text("\n")
        complaint = longtail("index", "remove", run, "--file", tmp_path / "gone.txt").complaint
        assert "holds no item id" in complaint
        assert longtail("index", "remove", run).code == 2
        assert longtail("index", "remove", run, "--items", " ,").code == 2
        assert longtail("index", "remove", run, "--items", "a", "--file", "b").code == 2

    def test_an_id_that_was_removed_comes_back_with_what_is_known_of_it(
        self, run: Path, write: Callable[..., Path], tmp_path: Path, split
    ) -> None:
        gone = "tea-oolong-small"
        before = next(
            a for a in asked("query", run, "--text", "oolong small") if a["item_id"] == gone
        )
        history = asked("query", run, "--history", gone)
        line = open_run(run).bundle.catalog.frame.set_index("item_id").loc[gone]
        done("index", "remove", run, "--items", gone)
        new = write({"item_id": gone, **line.to_dict()})
        done("index", "add", run, "--catalog", new, *rejected(tmp_path))
        after = next(
            a for a in asked("query", run, "--text", "oolong small") if a["item_id"] == gone
        )
        assert {**after, "score": 0} == {**before, "score": 0}
        assert after["score"] == pytest.approx(before["score"], abs=1e-4)
        again = asked("query", run, "--history", gone)
        assert ids(again) == ids(history)
        # Those who took it have taken it.
        fans = split.interactions
        row = open_run(run).trained.catalog.rows_of([gone])[0]
        fan = str(fans.user_ids[fans.user[fans.item == row][0]])
        assert gone not in ids(asked("query", run, "--user", fan))


class TestCompact:
    def test_it_forgets_what_was_removed_and_answers_as_before(
        self, run: Path, write: Callable[..., Path], tmp_path: Path
    ) -> None:
        done("index", "add", run, "--catalog", write(item("n1", "saw")), *rejected(tmp_path))
        done("index", "remove", run, "--items", "tea-rooibos-gift,n1")
        text = asked("query", run, "--text", "oolong")
        fan = asked("query", run, "--user", "saw-fan-1")
        said = done("index", "compact", run)
        assert "2 removed items forgotten" in said
        assert "made 3; 59 items" in said
        assert asked("query", run, "--text", "oolong") == text
        # Of a user whose history it doesn't touch; evidence is centred over other rows.
        again = asked("query", run, "--user", "saw-fan-1")
        assert set(ids(again)) == set(ids(fan))
        assert open_run(run).index.n_items == 59
        complaint = longtail("query", run, "--history", "tea-rooibos-gift").complaint
        assert "no item 'tea-rooibos-gift'" in complaint

    def test_evidence_goes_with_its_item(self, run: Path) -> None:
        before = open_run(run).bundle
        done("index", "remove", run, "--items", "tea-oolong-small,tools-drill-gift")
        done("index", "compact", run)
        after = open_run(run).bundle
        there = before.catalog.rows_of(after.catalog.item_ids)
        for name, behaviour in before.sources.behaviours.items():
            old = behaviour.matrix.toarray()[np.ix_(there, there)]
            assert after.sources.behaviours[name].matrix.toarray().tolist() == old.tolist()
        assert after.popularity.counts.tolist() == before.popularity.counts[there].tolist()
        events = np.isin(before.log.item, there)
        assert (
            after.catalog.item_ids[after.log.item].tolist()
            == before.catalog.item_ids[before.log.item[events]].tolist()
        )

    def test_an_item_that_was_forgotten_comes_back_with_its_training(
        self, run: Path, write: Callable[..., Path], tmp_path: Path
    ) -> None:
        before = open_run(run).bundle
        gone = "tea-oolong-small"
        line = before.catalog.frame.set_index("item_id").loc[gone].to_dict()
        done("index", "remove", run, "--items", gone)
        done("index", "compact", run)
        new = write({"item_id": gone, **line})
        done("index", "add", run, "--catalog", new, *rejected(tmp_path))
        after = open_run(run).bundle
        [old], [now] = before.catalog.rows_of([gone]), after.catalog.rows_of([gone])
        assert now == 59
        assert after.popularity.counts[now] == before.popularity.counts[old] > 0
        assert (after.log.item == now).sum() == (before.log.item == old).sum()


class TestRollback:
    def test_catalog_and_index_go_back_together(
        self, run: Path, write: Callable[..., Path], tmp_path: Path
    ) -> None:
        before = asked("query", run, "--user", FAN)
        done("index", "add", run, "--catalog", write(item("n1", "oolong")), *rejected(tmp_path))
        said = done("index", "rollback", run)
        assert said == f"{run / 'index' / 'v0001'} is served; 60 items\n"
        assert asked("query", run, "--user", FAN) == before
        assert "no item 'n1'" in longtail("similar", run, "--item", "n1").complaint
        said = done("index", "rollback", run, "--version", "v0002")
        assert "61 items" in said
        assert "n1" in ids(asked("query", run, "--user", FAN))

    @pytest.mark.parametrize("content", [None, b"v0002 nonsense"])
    def test_a_lost_pointer_is_found_again_by_going_back(
        self, run: Path, write: Callable[..., Path], tmp_path: Path, content: bytes | None
    ) -> None:
        before = asked("query", run, "--user", FAN)
        done("index", "add", run, "--catalog", write(item("n1", "oolong")), *rejected(tmp_path))
        current = run / "index" / "CURRENT"
        current.unlink()
        if content is not None:
            current.write_bytes(content)
        # Changes to the catalog are in there: a build must not drop them unasked.
        complaint = longtail("index", "build", run).complaint
        assert "longtail index rollback" in complaint
        assert "v0001 is served" in done("index", "rollback", run)
        assert asked("query", run, "--user", FAN) == before

    def test_a_version_that_is_not_there_is_refused(self, run: Path) -> None:
        for words in (["--version", "v0009"], []):
            complaint = longtail("index", "rollback", run, *words).complaint
            assert "it can serve v0001" in complaint


class TestRefresh:
    def log(self, split, catalog: Catalog, extra: list[dict[str, object]]) -> pd.DataFrame:
        events = split.interactions
        frame = pd.DataFrame(
            {
                "user_id": events.user_ids[events.user],
                "item_id": catalog.item_ids[events.item],
                "timestamp": events.time,
            }
        )
        return pd.concat([frame, pd.DataFrame(extra)], ignore_index=True)

    def test_popularity_is_counted_anew_and_nothing_else_changes(
        self, run: Path, split, catalog: Catalog, tmp_path: Path
    ) -> None:
        risen = "tea-matcha-fine"  # nobody took it in training
        extra = [
            {"user_id": f"new-{i}", "item_id": risen, "timestamp": 1_600_900_000 + i}
            for i in range(40)
        ]
        self.log(split, catalog, extra).to_csv(tmp_path / "log.csv", index=False)
        before = open_run(run)
        histories = asked("query", run, "--user", FAN, "--include-seen")
        words = ("--interactions", tmp_path / "log.csv", *rejected(tmp_path))
        said = done("index", "refresh", run, *words)
        assert "1 from cold to head" in said
        after = open_run(run)
        [row] = after.bundle.catalog.rows_of([risen])
        assert after.bundle.popularity.counts[row] == 40
        assert after.bundle.log.user_ids.tolist() == before.bundle.log.user_ids.tolist()
        rows = np.arange(60)
        assert np.array_equal(after.index.vectors(rows), before.index.vectors(rows))
        assert np.allclose(after.index.popularity(rows), after.bundle.popularity.centred)
        assert risen in ids(asked("query", run, "--text", "matcha", "--pool", "head"))
        assert set(ids(asked("query", run, "--user", FAN, "--include-seen"))) == set(ids(histories))
        assert "renewed 20" in done("index", "info", run)
        done("index", "rollback", run)
        assert risen in ids(asked("query", run, "--text", "matcha", "--pool", "cold"))

    def test_of_a_log_with_parts_the_train_part_counts(
        self, run: Path, shop_files: Path, tmp_path: Path
    ) -> None:
        words = ("--interactions", shop_files / "interactions.csv", *rejected(tmp_path))
        said = done("index", "refresh", run, *words)
        assert "moved: no item" in said
        served = open_run(run)
        trained = served.trained.popularity
        assert served.bundle.popularity.counts.tolist() == trained.counts.tolist()
        assert served.bundle.popularity.log_p.tobytes() == trained.log_p.tobytes()

    def test_a_log_that_can_not_be_read_changes_nothing(self, run: Path, tmp_path: Path) -> None:
        (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\nu,unknown,5\n")
        words = ("--interactions", tmp_path / "log.csv", *rejected(tmp_path))
        assert "none of its" in longtail("index", "refresh", run, *words).complaint
        assert served_version(run) == "v0001"


class TestEverything:
    def test_every_command_works_on_a_catalog_that_has_changed(
        self, run: Path, write: Callable[..., Path], tmp_path: Path, shop_files: Path
    ) -> None:
        aside = rejected(tmp_path)
        done("index", "add", run, "--catalog", write(item("n1", "saw"), item("n2", "ink")), *aside)
        done("index", "update", run, "--catalog", write(item("tea-sencha-fine", "brew")), *aside)
        done("index", "remove", run, "--items", "n2,paint-ink-small")
        done("index", "refresh", run, "--interactions", shop_files / "interactions.csv", *aside)
        for last in ("refresh", "compact", "build"):
            if last != "refresh":
                done("index", last, run)
            done("index", "verify", run)
            found = done("recommend", run, "--all", "--out", tmp_path / "recs.parquet", "-k", "60")
            assert "for 81 users" in found
            answers = set(pd.read_parquet(tmp_path / "recs.parquet")["item_id"])
            assert "n1" in answers
            assert not {"n2", "paint-ink-small"} & answers
            if last != "build":
                said = done("evaluate", run, "--baselines", "popularity", "-k", "10")
                assert "the catalog has changed since training: 1 added" in said
                assert "from a log that may hold the test part" in " ".join(said.split())
            for user in ("ink-fan-0", "saw-fan-1"):
                for mode in ("per-user", "profile"):
                    asked("query", run, "--user", user, "--debias-mode", mode, "--explain")

    def test_a_rebuilt_index_holds_the_changed_catalog(
        self, run: Path, write: Callable[..., Path], tmp_path: Path
    ) -> None:
        aside = rejected(tmp_path)
        done("index", "add", run, "--catalog", write(item("n1", "saw oolong")), *aside)
        done("index", "remove", run, "--items", "tea-oolong-small")
        before = asked("query", run, "--text", "saw oolong")
        # However the vectors were lost.
        for path in (run / "index" / "v0003").glob("*.faiss"):
            path.write_bytes(b"gone")
        assert "longtail index build" in longtail("query", run, "--user", FAN).complaint
        assert ": 60 items" in done("index", "build", run)
        after = asked("query", run, "--text", "saw oolong")
        assert ids(after) == ids(before)
        done("index", "build", run, "--trained-catalog")
        assert open_run(run).bundle.catalog.n_offered == 60
        assert "no item 'n1'" in longtail("similar", run, "--item", "n1").complaint

    def test_changes_that_can_not_be_read_are_not_given_up_silently(
        self, run: Path, write: Callable[..., Path], tmp_path: Path
    ) -> None:
        aside = rejected(tmp_path)
        done("index", "add", run, "--catalog", write(item("n1", "saw")), *aside)
        (run / "index" / "v0002" / "attached" / "items.parquet").write_bytes(b"damaged")
        complaint = longtail("index", "build", run).complaint
        assert "--trained-catalog" in complaint
        assert "longtail index rollback" in complaint
        assert served_version(run) == "v0002"
        done("index", "rollback", run)
        asked("query", run, "--user", FAN)

    def test_a_structure_is_built_as_asked_and_kept_by_updates(
        self,
        run: Path,
        write: Callable[..., Path],
        tmp_path: Path,
        shop_files: Path,
        tiny_bert: Path,
    ) -> None:
        words = ("--structure", "IVF2,Flat", "--target-recall", "0.9", "--storage", "float16")
        done("index", "build", run, *words)
        said = done("index", "info", run)
        assert "IVF2,Flat" in said
        assert "float16" in said
        assert "user vectors" in said
        done("index", "add", run, "--catalog", write(item("n1", "saw steel")), *rejected(tmp_path))
        assert ids(asked("query", run, "--text", "saw steel", "--pool", "cold"))[0] == "n1"
        done("index", "remove", run, "--items", "tools-saw-gift")
        done("index", "compact", run)
        assert "IVF2,Flat" in done("index", "info", run)
        complaint = longtail("index", "build", run, "--structure", "nonsense").complaint
        assert "FAISS makes no index of 'nonsense'" in complaint
        words = ("train", shop_files, "--out", tmp_path / "other", *rejected(tmp_path))
        settings = train_arguments(tiny_bert, "index.structure=IVF0,nonsense")
        assert "'IVF0,nonsense'" in longtail(*words, *settings).complaint
        assert not (tmp_path / "other").exists()
        assert served_version(run) == "v0005"


class TestInterruptions:
    def test_a_second_writer_is_told_who_is_writing(
        self, run: Path, write: Callable[..., Path], tmp_path: Path
    ) -> None:
        new = write(item("n1", "saw"))
        hold = (
            "import sys, time\nfrom pathlib import Path\nfrom index.lock import index_lock\n"
            "with index_lock(Path(sys.argv[1])):\n"
            "    print('held', flush=True)\n    time.sleep(60)\n"
        )
        process = start(run / "index", first=hold)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            for words in (
                ("index", "add", run, "--catalog", new, *rejected(tmp_path)),
                ("index", "remove", run, "--items", "tools-saw-small"),
                ("index", "compact", run),
                ("index", "build", run),
            ):
                complaint = longtail(*words).complaint
                assert f"is locked by process {process.pid}" in complaint
            asked("query", run, "--user", FAN)  # readers don't wait
        finally:
            process.kill()
            process.communicate()
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
            "import time, retrieval.embedding as embedding\n"
            "from retrieval.towers.item_tower import ItemTower\n"
            "embedding.ITEMS_PER_CHUNK = 1\n"
            "whole = ItemTower.encode_pooled\n"
            "def slowly(*given, **named):\n"
            "    time.sleep(0.2)\n"
            "    return whole(*given, **named)\n"
            "ItemTower.encode_pooled = slowly\n"
        )
        new = write(*(item(f"n{i}", f"saw {i}") for i in range(12)))
        words = ("index", "add", run, "--catalog", new, *rejected(tmp_path))
        process = start(*words, first=slow)
        work = run / ".index.work"
        deadline = time.monotonic() + 60
        while len(list(work.glob("vectors-*.npy"))) < 2 and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.02)
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

    from index.store import save_index

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

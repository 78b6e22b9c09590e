"""Items come, change and go: add, update and remove as a person does it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from changing_catalog import FAN, asked, done, ids, item, rejected, served_version
from command_line import longtail

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run.served_run import open_run


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
        # The text says so; which tool comes first is up to the last bits of a random encoder.
        assert str(found[0]["item_id"]).startswith("tools-")
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

    def test_a_file_of_prices_needs_no_title(
        self, run: Path, write: Callable[..., Path], tmp_path: Path
    ) -> None:
        changed = write({"item_id": "tools-saw-small", "price": 99})
        said = done("index", "update", run, "--catalog", changed, *rejected(tmp_path))
        assert "1 updated (0 texts read again)" in said
        frame = open_run(run).bundle.catalog.frame.set_index("item_id")
        assert frame.loc["tools-saw-small", "price"] == 99
        assert frame.loc["tools-saw-small", "title"]

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

"""A changed catalog is kept in order: compact, refresh, rollback, and all commands in turn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from changing_catalog import FAN, asked, done, ids, item, rejected, served_version
from command_line import longtail, train_arguments

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.run.served_run import open_run


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
        for name, behaviour in before.evidence_models.item_weights.items():
            old = behaviour.matrix.toarray()[np.ix_(there, there)]
            assert (
                after.evidence_models.item_weights[name].matrix.toarray().tolist() == old.tolist()
            )
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

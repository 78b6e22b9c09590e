"""A run without a log, or with hardly one: it answers, it learns, and it says what it left out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import longtail, train_arguments
from service_client import recommend, serving
from toy_shop import SMALL_HEAD, VARIANTS, group_of, settings_for

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.interactions import TRAIN, VALID, Interactions
from longtail.retrieval.data.splits import Split, split
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run.served_run import open_run
from longtail.training.learning import learn_run
from longtail.training.settings import TrainingSettings
from longtail.training.train import train_engine

NICHE = [f"tea-sencha-{variant}" for variant in VARIANTS]


def log_of(*histories: list[int]) -> Interactions:
    """Return a log in which user i took these catalog rows in this order, all users by turns."""
    sizes = [len(history) for history in histories]
    user, place = np.repeat(np.arange(len(sizes)), sizes), np.concatenate([*map(np.arange, sizes)])
    return Interactions(
        np.array([f"u{i}" for i in range(len(histories))], dtype=object),
        user.astype(np.int32),
        np.array([row for history in histories for row in history], np.int32),
        (1_700_000_000 + 60 * (place * len(sizes) + user)).astype(np.int64),
        has_clock=True,
    )


def all_train(log: Interactions) -> Split:
    return Split(replace(log, part=np.full(len(log), TRAIN, np.int8)), "given", ())


def small_log_settings(bert: Path, few_targets: int) -> TrainingSettings:
    """Return settings under which a log with fewer validation targets than this is small."""
    head = SMALL_HEAD.changed(prior_until=few_targets)
    return settings_for(bert, selection={"few_targets": few_targets}, relevance=head)


@pytest.fixture
def day_one(quick: TrainingSettings, catalog: Catalog, tmp_path: Path) -> Path:
    """A run of the toy shop before anybody came."""
    return train_engine(catalog, split(Interactions.nothing()), quick, tmp_path / "run").run


class TestWithoutALog:
    def test_a_history_finds_what_reads_like_it_in_every_pool_but_the_head(
        self, day_one: Path
    ) -> None:
        asked = {"new": NICHE[:3]}
        found = Retriever.open(day_one).recommend(histories=asked, k=2, pool="all")
        assert set(found["item_id"]) == set(NICHE[3:])
        assert found["bucket"].tolist() == ["cold", "cold"]
        assert found["popularity_percentile"].tolist() == [50.0, 50.0]
        assert found["relevance"].between(0, 1, inclusive="neither").all()
        assert Retriever.open(day_one).recommend(histories=asked, pool="head").empty

    def test_no_place_in_the_list_is_shared(self, day_one: Path) -> None:
        found = Retriever.open(day_one).recommend(histories={"new": NICHE[:1]}, k=20, pool="all")
        assert found["score"].is_monotonic_decreasing
        assert found["score"].nunique() == 20

    @pytest.mark.parametrize("mode", ["per-user", "profile"])
    def test_the_dial_s_modes_are_those_of_anybody(self, day_one: Path, mode: str) -> None:
        retriever, asked = Retriever.open(day_one), {"new": NICHE[:3]}
        fixed = retriever.recommend(histories=asked, k=5, pool="all", debias=0.5)
        found = retriever.recommend(histories=asked, k=5, pool="all", debias=0.5, mode=mode)
        assert found["item_id"].tolist() == fixed["item_id"].tolist()

    def test_the_explorer_s_tables_open(self, day_one: Path) -> None:
        with serving(day_one) as (client, _):
            assert client.get("/v1/users").json()["users"] == []
            assert client.get("/v1/catalog/curve").json()["buckets"]["cold"] == 60
            assert client.get("/").status_code == 200

    def test_an_item_that_comes_later_is_found_by_its_text(
        self, day_one: Path, tmp_path: Path
    ) -> None:
        words = "tea sencha large leaves cup brew garden"
        (tmp_path / "new.csv").write_text(f"item_id,title,description\nnew,tea sencha,{words}\n")
        done = longtail(
            *("index", "add", day_one, "--catalog", tmp_path / "new.csv"),
            *("--rejected", tmp_path / "rejected.csv"),
        )
        assert done.code == 0, done.err
        found = Retriever.open(day_one).recommend(histories={"n": NICHE}, k=3, pool="all")
        assert "new" in found["item_id"].tolist()

    def test_texts_and_similar_items_are_answered(self, day_one: Path) -> None:
        retriever = Retriever.open(day_one)
        assert retriever.similar(NICHE[0], k=4)["item_id"].isin(NICHE).all()
        text = retriever.bundle.catalog.texts()[0]
        assert retriever.recommend(texts={"t": text}, k=1, pool="all")["item_id"].tolist() == [
            retriever.bundle.catalog.item_ids[0]
        ]

    def test_what_is_left_out_has_its_reason(
        self, tiny_bert: Path, catalog: Catalog, tmp_path: Path
    ) -> None:
        nobody, settings = split(Interactions.nothing()), settings_for(tiny_bert)
        stages = train_engine(catalog, nobody, settings, tmp_path / "run").bundle.summary["stages"]
        assert {stage["stage"] for stage in stages} >= {"history", "encoder"}
        assert {stage["left_out"] for stage in stages} == {"there is no event to learn from"}

    def test_the_same_catalog_gives_the_same_files(
        self, day_one: Path, quick: TrainingSettings, catalog: Catalog, tmp_path: Path
    ) -> None:
        again = train_engine(catalog, split(Interactions.nothing()), quick, tmp_path / "again").run
        for path in day_one.joinpath("relevance_head").rglob("*.*"):
            assert path.read_bytes() == (again / path.relative_to(day_one)).read_bytes()

    def test_what_texts_cannot_tell_is_learned_of_the_first_users(
        self, day_one: Path, catalog: Catalog
    ) -> None:
        # Everybody who takes the first tea takes a certain drill.
        tea, drill = catalog.rows_of([NICHE[0], "tools-drill-gift"]).tolist()
        before = Retriever.open(day_one).recommend(histories={"n": [NICHE[0]]}, k=60, pool="all")
        learned = learn_run(day_one, log_of(*[[tea, drill]] * 12), force=True)
        assert learned.events == 24
        after = Retriever.open(day_one)
        assert after.bundle.log.has_clock
        assert after.history("u3").tolist() == [tea, drill]
        found = after.recommend(histories={"n": [NICHE[0]]}, k=60, pool="all")
        place = [frame["item_id"].tolist().index("tools-drill-gift") for frame in (before, found)]
        assert place[1] < place[0]
        assert place[1] < len(NICHE)
        # Everybody else's items still go by their texts, not by the two that were taken.
        other = [f"paint-ink-{variant}" for variant in VARIANTS]
        found = after.recommend(histories={"n": other[:3]}, k=2, pool="all")
        assert set(found["item_id"]) == set(other[3:])

    def test_a_head_that_reads_few_columns_is_calibrated_by_learning(
        self, day_one: Path, split: Split
    ) -> None:
        log = split.interactions
        whole = replace(log.select(split.part <= 1), part=None)
        many = [whole.item[whole.user == user].tolist() for user in range(len(whole.user_ids))]
        before = open_run(day_one).bundle.relevance
        learned = learn_run(day_one, log_of(*many * 10), force=True)
        assert learned.calibrated
        now = open_run(day_one).bundle.relevance
        assert now.prior
        assert now.names == before.names
        assert (now.scale, now.shift) != (before.scale, before.shift)


class TestSmallLogs:
    @pytest.mark.parametrize(
        "histories",
        [[[0]], [[0, 1, 2, 3]], [[7]] * 6, [[0], [1], [2]], [[0, 1], [2, 3], [4, 5]]],
        ids=["one event", "one user", "one item", "an item each", "two items each"],
    )
    def test_every_log_gives_a_run_that_knows_its_users(
        self, quick: TrainingSettings, catalog: Catalog, tmp_path: Path, histories: list[list[int]]
    ) -> None:
        run = train_engine(catalog, all_train(log_of(*histories)), quick, tmp_path / "run").run
        found = Retriever.open(run).recommend(users=["u0"], k=3, pool="all")
        assert len(found) == 3
        first = histories[0][-1]
        if len(set(histories[0])) == 1:
            group = group_of(catalog.item_ids[[first]])
            assert group_of(found["item_id"]) == group * 3

    def test_one_event_each_and_one_in_the_valid_part_fit_a_head_and_no_stage(
        self, tiny_bert: Path, catalog: Catalog, tmp_path: Path
    ) -> None:
        log = log_of(*[[row, row + 1] for row in range(0, 12, 2)])
        part = np.tile(np.array([TRAIN, VALID], np.int8), 6)
        parts = Split(replace(log, part=part), "given", ())
        trained = train_engine(catalog, parts, settings_for(tiny_bert), tmp_path / "run")
        assert not trained.bundle.relevance.prior
        reasons = {s.get("left_out", "")[:31] for s in trained.bundle.summary["stages"]}
        assert "no user has two training events" in reasons
        assert len(Retriever.open(trained.run).recommend(users=["u0"], k=3, pool="all")) == 3

    def test_a_head_of_a_few_targets_stands_back_behind_the_prior_one(
        self, tiny_bert: Path, catalog: Catalog, tmp_path: Path
    ) -> None:
        # Texts say what people take, and chance what this log holds of it.
        rng = np.random.default_rng(0)
        niches = [rng.permutation(np.arange(first, first + 5))[:3] for first in range(0, 60, 5)]
        log = log_of(*[niche.tolist() for niche in niches])
        part = np.tile(np.array([TRAIN, TRAIN, VALID], np.int8), 12)
        parts = Split(replace(log, part=part), "given", ())
        settings = small_log_settings(tiny_bert, 13)
        trained = train_engine(catalog, parts, settings, tmp_path / "run")
        assert trained.bundle.relevance.prior
        compared = trained.bundle.summary["relevance"]["small_log"]
        assert compared["taken"] == "prior"
        assert compared["ndcg_more"][0] <= 0
        assert compared["prior"]["ndcg"] > 0
        # Nothing is borrowed under it, and no stage was chosen by twelve targets.
        assert trained.bundle.evidence_models.known.all()
        stages = {s["stage"]: s.get("left_out") for s in trained.bundle.summary["stages"]}
        reason = "12 targets in the valid part are too few to say whether it pays"
        assert stages["history"] == stages["encoder"] == f"{reason} (selection.few_targets: 13)"
        settings = small_log_settings(tiny_bert, 12)
        alone = train_engine(catalog, parts, settings, tmp_path / "own")
        assert not alone.bundle.relevance.prior
        assert "small_log" not in alone.bundle.summary["relevance"]

    def test_a_head_of_a_few_targets_is_taken_where_it_is_plainly_better(
        self, tiny_bert: Path, catalog: Catalog, tmp_path: Path
    ) -> None:
        # Everybody takes the drill, which neither texts nor what was taken together say.
        (drill,) = catalog.rows_of(["tools-drill-gift"]).tolist()
        others = [row for row in range(40) if row != drill]
        log = log_of(*[[row, row + 1, drill] for row in others], *[[drill]] * 60)
        part = np.where((log.user < len(others)) & (log.item == drill), VALID, TRAIN)
        parts = Split(replace(log, part=part.astype(np.int8)), "given", ())
        settings = small_log_settings(tiny_bert, 200)
        trained = train_engine(catalog, parts, settings, tmp_path / "run")
        compared = trained.bundle.summary["relevance"]["small_log"]
        assert compared["taken"] == "own"
        assert compared["own"]["ndcg"] > compared["prior"]["ndcg"]
        assert not trained.bundle.relevance.prior
        found = Retriever.open(trained.run).recommend(
            histories={"n": [str(catalog.item_ids[45])]}, k=1, pool="all"
        )
        assert found["item_id"].tolist() == ["tools-drill-gift"]

    def test_two_items_leave_one_to_recommend(
        self, quick: TrainingSettings, catalog: Catalog, tmp_path: Path
    ) -> None:
        two = Catalog(catalog.frame.iloc[:2].reset_index(drop=True), catalog.template)
        run = train_engine(two, all_train(log_of([0])), quick, tmp_path / "run").run
        found = Retriever.open(run).recommend(users=["u0"], k=3, pool="all")
        assert found["item_id"].tolist() == [two.item_ids[1]]


class TestAsTyped:
    @pytest.fixture
    def items(self, shop_files: Path) -> Path:
        return shop_files / "items.csv"

    def test_from_a_catalog_alone_to_a_user_who_is_known(
        self, items: Path, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        done = longtail("train", "--catalog", items, *train_arguments(tiny_bert), "--out", "run")
        assert done.code == 0, done.err
        shown = " ".join(done.out.split())
        assert "0 users, 0 interactions" in shown
        assert "left out: there is no event to learn from" in shown
        assert "relevance head (prior: standard_cosine 0.10, closed_form.standard 0.90)" in shown
        assert "longtail evaluate" not in shown
        with serving(Path("run")) as (client, service):
            events = [{"user_id": "anna", "item_id": item} for item in NICHE[:3]]
            assert client.post("/v1/events", json={"events": events}).status_code == 202
            learned = longtail("learn", "run", "--events", "run/events/events.jsonl", "--force")
            assert learned.code == 0, learned.err
            service.registry.refresh()
            answer = recommend(client, user_id="anna", pool="all", k=2)
            assert {item["item_id"] for item in answer["items"]} == set(NICHE[3:])
        asked = longtail(
            "query", "run", "--user", "anna", "--pool", "all", "-k", 2, "--format", "json"
        )
        assert {item["item_id"] for item in json.loads(asked.out)} == set(NICHE[3:])
        assert longtail("index", "verify", "run").code == 0
        refused = longtail("evaluate", "run")
        assert refused.code == 1
        assert "nothing is held back to evaluate on" in refused.complaint

    @pytest.mark.parametrize(
        "option",
        [
            ("--column", "timestamp=when"),
            ("--column", "log.item_id=sku"),
            ("--column", "user_id=brand"),
            ("--positive", "weight>=4"),
            ("--event", "view=seen"),
            ("--keep", "Quantity>0"),
            ("--time-format", "excel"),
            ("--match", "zeros"),
            ("--delimiter", "log=;"),
        ],
        ids=" ".join,
    )
    def test_what_is_said_of_a_log_that_is_not_named_is_refused(
        self, items: Path, tiny_bert: Path, tmp_path: Path, option: tuple[str, str]
    ) -> None:
        run = ("--out", tmp_path / "run")
        done = longtail("train", "--catalog", items, *option, *train_arguments(tiny_bert), *run)
        assert done.code == 2
        assert option[0] in done.err
        assert "is about a log, and none is named; add --interactions" in done.err
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize("header", [b"user_id,item_id,timestamp\n", b"user_id,item_id\n\n"])
    def test_a_log_of_a_header_alone_is_a_log_of_nobody(
        self, items: Path, tiny_bert: Path, tmp_path: Path, header: bytes
    ) -> None:
        (tmp_path / "log.csv").write_bytes(header)
        done = longtail(
            *("train", "--catalog", items, "--interactions", tmp_path / "log.csv"),
            *(*train_arguments(tiny_bert), "--out", tmp_path / "run"),
            *("--rejected", tmp_path / "rejected.csv"),
        )
        assert done.code == 0, done.err
        assert "it is taken for a log without events" in done.err

    def test_a_folder_without_a_log_is_told_how_to_do_without(
        self, items: Path, tiny_bert: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "shop").mkdir()
        (tmp_path / "shop" / "items.csv").write_bytes(items.read_bytes())
        run = ("--out", tmp_path / "run")
        done = longtail("train", tmp_path / "shop", *train_arguments(tiny_bert), *run)
        assert done.code == 1
        assert "no interactions.*" in done.complaint
        assert "where there is no log, --catalog alone" in done.complaint
        done = longtail("data", "describe", tmp_path / "shop")
        assert "--catalog alone" not in done.complaint

    def test_a_log_whose_rows_fit_nothing_is_still_an_error(
        self, items: Path, tiny_bert: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "log.csv").write_text("user_id,item_id\nu,no-such-item\n")
        done = longtail(
            *("train", "--catalog", items, "--interactions", tmp_path / "log.csv"),
            *(*train_arguments(tiny_bert), "--out", tmp_path / "run"),
            *("--rejected", tmp_path / "rejected.csv"),
        )
        assert done.code == 1
        assert "item not in the catalog" in done.complaint

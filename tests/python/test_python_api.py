"""Python does what the commands do: the same run from frames as from files, the same answers."""

from __future__ import annotations

import json
import shutil
import urllib.request
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from command_line import longtail as command
from command_line import train_arguments
from made_once import MadeOnce

import longtail
from longtail.index.errors import LongtailError
from longtail.python import training
from longtail.python.failures import MisuseError, failures_for_python
from longtail.python.showing import progress
from longtail.retrieval.errors import DataError, QueryError, UnknownUserError
from longtail.retrieval.ranking.retriever import Retriever
from longtail.settings.errors import SettingsError

# What tells when and how fast it was made.
TIMED = {"manifest.json", "CURRENT"}


def sets(bert: Path, *changes: str) -> list[str]:
    """Return the settings of `train_arguments` as ``set=`` takes them."""
    return train_arguments(bert, *changes)[3::2]


@pytest.fixture(scope="session")
def frames(shop_files: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The toy shop's files as frames."""
    items, log = (pd.read_csv(shop_files / name) for name in ("items.csv", "interactions.csv"))
    return items, log


@pytest.fixture(scope="session")
def frames_run(
    made_once: MadeOnce, frames: tuple[pd.DataFrame, pd.DataFrame], tiny_bert: Path
) -> Path:
    """A run that `longtail.train` made of frames, to be read only."""

    def train(run: Path) -> None:
        shop = longtail.Shop(*frames)
        longtail.train(shop, config="cpu", set=sets(tiny_bert), out=run, progress=False)

    return made_once.folder("frames-run", train)


@pytest.fixture(scope="session")
def engine(frames_run: Path) -> longtail.Engine:
    """That run, opened."""
    return longtail.Engine.open(frames_run)


@pytest.fixture
def changing(frames_run: Path, tmp_path: Path) -> longtail.Engine:
    """A copy of that run, which a test may change."""
    return longtail.Engine.open(shutil.copytree(frames_run, tmp_path / "run"))


def contents(run: Path) -> dict[str, bytes]:
    """Return what a run folder holds by relative path, but for the times of its making."""
    return {
        str(path.relative_to(run)): path.read_bytes()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name not in TIMED
    }


def test_frames_make_the_run_that_their_files_make(frames_run: Path, cli_run: Path) -> None:
    of_frames, of_files = contents(frames_run), contents(cli_run)
    assert of_frames.keys() == of_files.keys()
    assert [name for name in of_frames if of_frames[name] != of_files[name]] == []


def test_a_run_says_nothing_of_the_files_that_its_frames_became(frames_run: Path) -> None:
    texts = [path.read_bytes() for path in frames_run.rglob("*.json")]
    assert texts
    assert not [text for text in texts if b".parquet: " in text or b"/longtail-" in text]


def test_recommendations_are_the_retriever_s_with_titles(engine: longtail.Engine) -> None:
    users = engine.users[:3]
    plain = Retriever.open(engine.run).recommend(users=users, k=4, pool="all")
    found = engine.recommend(users, k=4, pool="all")
    assert list(found.columns[:3]) == ["user_id", "item_id", "title"]
    pd.testing.assert_frame_equal(pd.DataFrame(found.drop(columns="title")), plain)
    titles = engine.items.set_index("item_id")["title"]
    assert found["title"].tolist() == titles[found["item_id"]].tolist()
    assert "title" not in plain


def test_reasons_keep_one_column_of_titles(engine: longtail.Engine) -> None:
    found = engine.recommend(engine.users[0], k=2, pool="all", explain=True)
    assert list(found.columns).count("title") == 1
    assert {"because", "base_rank"} <= set(found.columns)


def test_users_may_stand_in_a_column(engine: longtail.Engine) -> None:
    users = engine.users[:2]
    expected = engine.recommend(users, k=2)
    for column in (pd.Series(users), np.array(users), pl.Series(users)):
        pd.testing.assert_frame_equal(engine.recommend(column, k=2), expected)


def test_histories_and_similar_items_take_columns_too(engine: longtail.Engine) -> None:
    items = engine.items["item_id"]
    by_history = engine.recommend(histories={"visitor": items[:2]}, k=2, pool="all")
    assert by_history["user_id"].unique().tolist() == ["visitor"]
    both = engine.similar(items[:2], k=2)
    assert both["similar_to"].tolist() == [items[0]] * 2 + [items[1]] * 2
    assert both["title"].notna().all()


def test_unknown_users_and_arguments_are_refused_as_anywhere(engine: longtail.Engine) -> None:
    with pytest.raises(UnknownUserError, match="no user 'nobody'"):
        engine.recommend("nobody")
    with pytest.raises(QueryError, match="k is 0"):
        engine.recommend(engine.users[0], k=0)
    with pytest.raises(MisuseError, match="items is empty"):
        engine.similar([])


def test_the_screen_of_a_training_is_the_command_s(
    frames: tuple[pd.DataFrame, pd.DataFrame],
    tiny_bert: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    quick = sets(tiny_bert, "history.epochs=0", "encoder.epochs=0")
    shop = longtail.Shop(*frames)
    made = longtail.train(shop, config="cpu", set=quick, out=tmp_path / "run")
    assert "60 items" in made.summary
    assert "longtail query" in made.summary
    said = capsys.readouterr().err
    assert "items: item_id=item_id" in said
    assert "longtail-" not in said.replace(str(tmp_path), "")
    assert "items: item_id=item_id" not in made.summary
    # Nothing is replaced that nobody said may be.
    with pytest.raises(LongtailError, match="is there already"):
        longtail.train(shop, config="cpu", set=quick, out=tmp_path / "run", progress=False)


def test_a_notebook_has_the_remarks_in_the_summary(
    frames: tuple[pd.DataFrame, pd.DataFrame],
    tiny_bert: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for module in (progress, training):
        monkeypatch.setattr(module, "in_notebook", lambda: True)
    quick = sets(tiny_bert, "history.epochs=0", "encoder.epochs=0")
    run = tmp_path / "run"
    # The page itself isn't here: a progress of one's own leaves the remarks as they are.
    made = longtail.train(
        longtail.Shop(*frames), config="cpu", set=quick, out=run, progress=lambda *_: None
    )
    assert "items: item_id=item_id" in made.summary
    assert capsys.readouterr().err == ""


def test_a_first_day_has_no_log(
    frames: tuple[pd.DataFrame, pd.DataFrame], tiny_bert: Path, tmp_path: Path
) -> None:
    made = longtail.train(
        longtail.Shop(frames[0]),
        config="cpu",
        set=sets(tiny_bert),
        out=tmp_path / "run",
        progress=False,
    )
    assert made.users == []
    item = made.items["item_id"][0]
    assert len(made.recommend(histories={"first": [item]}, k=3)) == 3


def test_settings_may_be_a_mapping_and_wrong_ones_are_refused(
    frames: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    shop, out = longtail.Shop(*frames), tmp_path / "run"
    with pytest.raises(SettingsError, match=r"history\.epoch"):
        longtail.train(shop, config="cpu", set={"history": {"epoch": 2}}, out=out)
    with pytest.raises(MisuseError, match="set is a mapping"):
        longtail.train(shop, config="cpu", set="history.epochs=2", out=out)
    with pytest.raises(MisuseError, match="seed is <object"):
        longtail.train(shop, config="cpu", set={"seed": object()}, out=out)
    assert not out.exists()


def test_an_evaluation_is_the_command_s(changing: longtail.Engine) -> None:
    report = longtail.evaluate(
        changing, baselines=["popularity"], k=[5, 10], examples=1, progress=False
    )
    assert report.path == changing.run / "report.html"
    assert report.path.is_file()
    stored = json.loads((changing.run / "metrics.json").read_text())
    for name, value in report.table["recall@10"].items():
        assert value == stored["metrics"][name]["recall@10"]
    assert "popularity" in report.table.index
    assert "recall@5" in report.metrics
    assert "tail" in str(report)
    # The page's colours mean nothing outside of it.
    assert "var(--" not in report.pictures()["trade_off"]
    assert report.pictures()["trade_off"] in report._repr_html_()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"baselines": "populariti"}, "'populariti' is not one of .* did you mean popularity"),
        ({"pool": "tial"}, "'tial' is not one of"),
        ({"k": 0}, "k is a whole number from 1 on"),
        ({"k": []}, "k is a whole number from 1 on"),
    ],
)
def test_an_evaluation_refuses_what_can_t_be_meant(
    engine: longtail.Engine, arguments: dict[str, object], words: str
) -> None:
    with pytest.raises(LongtailError, match=words):
        longtail.evaluate(engine, **arguments, progress=False)  # type: ignore[arg-type]


def test_what_was_learned_answers_at_once(changing: longtail.Engine) -> None:
    before, items = changing.version, changing.items["item_id"]
    new = pd.DataFrame(
        {"user_id": ["newcomer"] * 2, "item_id": items[:2], "timestamp": [1.7e9, 1.7e9 + 60]}
    )
    said = changing.learn(new, force=True, progress=False)
    assert "events learned" in said
    assert changing.version != before
    found = changing.recommend("newcomer", k=3, pool="all")
    assert len(found) == 3
    assert not found["fallback"].any()


def test_added_items_answer_at_once_and_may_change(changing: longtail.Engine) -> None:
    item = changing.items.iloc[0]
    fresh = pd.DataFrame(
        [
            {
                "item_id": "fresh",
                "title": item["title"],
                "description": item["description"],
                "brand": item["brand"],
            }
        ]
    )
    said = changing.add_items(fresh, progress=False)
    assert "1 added" in said
    assert "fresh" in changing.similar(item["item_id"], k=5)["item_id"].tolist()
    with pytest.raises(DataError, match="in the catalog already"):
        changing.add_items(fresh, progress=False)
    said = changing.update_items(fresh.assign(title="another title"), progress=False)
    assert "1 updated" in said
    assert changing.items.set_index("item_id").loc["fresh", "title"] == "another title"


def test_what_was_set_aside_and_suspected_is_at_hand(changing: longtail.Engine) -> None:
    assert len(changing.rejected) == len(changing.suspects) == 0
    like = changing.items.drop(columns=["popularity_percentile", "bucket"]).head(3)
    fresh = like.assign(item_id=["n1", "n2", None], title=["a <script>x</script>", "pot", "cup"])
    said = changing.add_items(fresh, allow_loss=True, progress=False)
    assert "see engine.rejected" in said
    assert "see engine.suspects" in said
    assert changing.rejected["reason"].tolist() == ["no item_id"]
    assert changing.rejected["file"].tolist() == ["items"]
    assert changing.suspects["item_id"].tolist() == ["n1"]


def test_a_learning_that_is_refused_names_the_frame(changing: longtail.Engine) -> None:
    before = changing.version
    unknown = pd.DataFrame({"user_id": ["a"], "item_id": ["no such"], "timestamp": [1.7e9]})
    with pytest.raises(DataError, match=r"^events") as caught:
        changing.learn(unknown, progress=False)
    assert "longtail-" not in str(caught.value)
    assert changing.refresh().version == before


def test_a_service_answers_until_it_is_stopped(changing: longtail.Engine) -> None:
    with changing.serve(port=0, block=False) as service:
        assert service.running
        with urllib.request.urlopen(f"{service.url}/readyz", timeout=30) as answer:
            assert answer.status == 200
        # One service a run, as on the command line.
        with pytest.raises(LongtailError, match="serve"):
            changing.serve(port=0, block=False)
    assert not service.running


def test_a_report_is_what_validate_says(
    frames: tuple[pd.DataFrame, pd.DataFrame], shop_files: Path, tmp_path: Path
) -> None:
    items, log = frames
    bad = pd.concat([log, log.iloc[:1].assign(item_id="no such")], ignore_index=True)
    report = longtail.Shop(items, bad).report
    (tmp_path / "shop").mkdir()
    items.to_csv(tmp_path / "shop" / "items.csv", index=False)
    bad.to_csv(tmp_path / "shop" / "interactions.csv", index=False)
    told = command(
        "data", "validate", tmp_path / "shop", "--rejected", tmp_path / "rejected.csv"
    ).out
    # The tables are as wide as the files' names make them; the lines below them are the same.
    ours, theirs = (
        [line for line in text.splitlines() if line and line[0] not in "┏┃┡│└"]
        for text in (
            str(report),
            told.replace(str(tmp_path / "suspects.csv"), "shop.report.suspects"),
        )
    )
    assert [line.rstrip() for line in ours] == [line.rstrip() for line in theirs]
    assert "81 users" in str(report)
    assert report.rows.set_index("file")["set_aside"].to_dict() == {"items": 0, "interactions": 1}
    assert report.rejected["value"].tolist() == ["no such"]
    assert "no such" in report._repr_html_()


def test_click_s_exceptions_stay_inside() -> None:
    import click

    with pytest.raises(MisuseError, match=r"^--event: x is wrong$"), failures_for_python():
        raise click.BadParameter("x is wrong", param_hint="--event")
    with pytest.raises(LongtailError, match=r"^no room"), failures_for_python():
        raise click.ClickException("no room")


def test_an_interrupt_stays_one_and_says_how_to_go_on() -> None:
    with (
        pytest.raises(KeyboardInterrupt) as caught,
        failures_for_python(going_on="train with resume=True"),
    ):
        raise KeyboardInterrupt
    assert caught.value.__notes__ == ["train with resume=True"]

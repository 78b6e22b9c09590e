"""A training with a users file: who is new is answered by columns, and nothing else changes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy_shop import GROUPS, NO_STAGE, group_of, settings_for

from longtail.evaluation.engine import EngineRecommender
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.files.users_file import read_users
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.splits import Split
from longtail.retrieval.errors import QueryError, UnknownUserError
from longtail.retrieval.features.user_columns import LIFT
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run.bundle import read_manifest
from longtail.training.settings import TrainingSettings
from longtail.training.train import train_engine

NEW = "somebody-new"


def users_csv(split: Split) -> str:
    """Return the shop's users with their group and a made-up age, and one whom no log knows."""
    of_niche = {niche: group for group, niches in GROUPS.items() for niche in niches}
    lines = [
        f"{user},{of_niche[user.split('-')[0]]},{20 + i % 30}"
        for i, user in enumerate(split.interactions.user_ids)
    ]
    return "\n".join(["user_id,team,age", *lines, f"{NEW},paint,33", ""])


@pytest.fixture(scope="module")
def with_users(split: Split, tmp_path_factory: pytest.TempPathFactory) -> Split:
    path = tmp_path_factory.mktemp("files") / "users.csv"
    path.write_text(users_csv(split))
    return replace(split, users=read_users(path, rejected=RejectedRows()))


@pytest.fixture(scope="module")
def settings(tiny_bert: Path) -> TrainingSettings:
    return settings_for(tiny_bert, history=NO_STAGE, encoder=NO_STAGE, refit=True)


@pytest.fixture(scope="module")
def run(
    catalog: Catalog,
    with_users: Split,
    settings: TrainingSettings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    return train_engine(
        catalog, with_users, settings, tmp_path_factory.mktemp("runs") / "with users"
    ).run


@pytest.fixture(scope="module")
def retriever(run: Path) -> Retriever:
    return Retriever.open(run)


def test_the_columns_are_found_to_help_and_said_to(run: Path) -> None:
    report = read_manifest(run)["summary"]["user_columns"]
    assert report["strength"] > 0
    assert report["columns"][0] == "team (3 values)"
    assert report["with"]["ndcg"] > report["without"]["ndcg"]
    assert LIFT in Retriever.open(run).bundle.relevance.names


@pytest.mark.parametrize("team", list(GROUPS))
def test_somebody_without_a_history_gets_what_the_team_takes(
    retriever: Retriever, team: str
) -> None:
    found = retriever.recommend(user_columns={"me": {"team": team.upper()}}, k=5, pool="all")
    assert set(group_of(found["item_id"])) == {team}
    assert found.attrs["notes"]["me"].startswith("no history")


def test_a_user_of_the_file_alone_is_answered_by_id(retriever: Retriever) -> None:
    by_id = retriever.recommend(users=[NEW], k=5, pool="all")
    brought = {"me": {"team": "paint", "age": 33}}
    assert by_id["item_id"].tolist() == (
        retriever.recommend(user_columns=brought, k=5, pool="all")["item_id"].tolist()
    )
    # What is brought along wins.
    found = retriever.recommend(users=[NEW], user_columns={NEW: {"team": "tea"}}, k=5, pool="all")
    assert set(group_of(found["item_id"])) == {"tea"}


def test_a_new_id_is_unknown_unless_it_brings_columns(retriever: Retriever) -> None:
    with pytest.raises(UnknownUserError):
        retriever.recommend(users=["who"])
    found = retriever.recommend(
        users=["who"], user_columns={"who": {"team": "tea"}}, k=3, pool="all"
    )
    assert set(group_of(found["item_id"])) == {"tea"}


def test_a_value_never_seen_says_nothing(retriever: Retriever) -> None:
    plain = retriever.recommend(histories={"me": []}, k=9, pool="all")
    found = retriever.recommend(
        histories={"me": []}, user_columns={"me": {"team": "cars"}}, k=9, pool="all"
    )
    assert found["item_id"].tolist() == plain["item_id"].tolist()


def test_an_unknown_column_is_refused_and_no_value_told(retriever: Retriever) -> None:
    with pytest.raises(QueryError, match="'salary' is no user column") as refusal:
        retriever.recommend(user_columns={"me": {"salary": "a-secret-sum"}})
    assert "secret" not in str(refusal.value)


def test_columns_are_evidence_for_users_with_a_history(retriever: Retriever, split: Split) -> None:
    user = str(split.interactions.user_ids[0])
    rows = np.arange(len(retriever.bundle.catalog))[None]
    history = Histories.from_lists([retriever.history(user)], [user])
    pipeline = retriever.ranking
    known = pipeline.user_state(history, pipeline.user_values(history.user_ids))
    nobody = pipeline.user_state(history)
    assert (pipeline.features(known, rows, [LIFT]) != 0).any()
    assert (pipeline.features(nobody, rows, [LIFT]) == 0).all()


def test_an_evaluation_uses_the_columns_of_known_ids(retriever: Retriever) -> None:
    nothing = Histories.from_lists([[], []], [NEW, "who"])
    lists = EngineRecommender(retriever.ranking, (0.0,)).answers(nothing, 5, ("all",))[0.0, "all"]
    ids = retriever.bundle.catalog.item_ids
    assert set(group_of(ids[lists[0]])) == {"paint"}
    plain = retriever.recommend(histories={"who": []}, k=5, pool="all", debias=0.0)
    assert ids[lists[1]].tolist() == plain["item_id"].tolist()


def test_one_answer_is_the_same_as_among_many(retriever: Retriever, split: Split) -> None:
    users = [NEW, *map(str, split.interactions.user_ids[:5])]
    together = retriever.recommend(users=users, k=5, pool="all", explain=True)
    for user in users:
        alone = retriever.recommend(users=[user], k=5, pool="all", explain=True)
        among = together[together["user_id"] == user]
        assert alone["item_id"].tolist() == among["item_id"].tolist()
        assert alone["because"].tolist() == among["because"].tolist()


def test_nothing_is_written_without_a_users_file_or_against_the_owner_s_will(
    catalog: Catalog, with_users: Split, settings: TrainingSettings, run: Path, tmp_path: Path
) -> None:
    quiet = settings.changed(user_columns={"enabled": False})
    trained = train_engine(catalog, with_users, quiet, tmp_path / "run")
    assert (run / "users" / "users.parquet").is_file()
    assert not (tmp_path / "run" / "users").exists()
    assert trained.bundle.user_columns is None
    assert LIFT not in trained.bundle.relevance.names
    with pytest.raises(QueryError, match="trained with a users file"):
        Retriever.open(tmp_path / "run").recommend(user_columns={"me": {"team": "tea"}})


def test_the_manifest_covers_the_users_and_quotes_none_of_them(run: Path) -> None:
    listed = read_manifest(run)["files"]
    assert {name for name in listed if name.startswith("users/")} == {
        "users/columns.json",
        "users/lifts.safetensors",
        "users/users.parquet",
    }
    # What is said of a training names columns and no value.
    assert "paint" not in json.dumps(read_manifest(run)["summary"]["user_columns"])

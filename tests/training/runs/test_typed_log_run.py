"""A training on a log that says what rows mean: looks are evidence, rejected items never come."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy_shop import NO_STAGE, group_of, settings_for

from longtail.evaluation.engine import EngineRecommender
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TEST, TRAIN, Interactions
from longtail.retrieval.data.meaning.behaviours import HAD, REJECTED, SEEN, TAKEN
from longtail.retrieval.data.splits import Split
from longtail.retrieval.features.evidence_models import SEEN_THEN_TAKEN, SEEN_TOGETHER
from longtail.retrieval.ranking.query import Query
from longtail.retrieval.ranking.retriever import Retriever
from longtail.training.train import train_engine

LOOKER = "looks-around-only"


def typed(split: Split, catalog: Catalog) -> Split:
    """Return the shop's log with looks, rejections and things had, of users' own groups.

    And a user who looks at three things of the first user's group, and takes none.
    """
    log = split.interactions
    rng = np.random.default_rng(0)
    groups = np.array(group_of(catalog.item_ids))
    events = list(
        zip(log.user, log.item, log.time, np.full(len(log), TAKEN), split.part, strict=True)
    )
    for user in range(len(log.user_ids)):
        own = log.item[(log.user == user) & (split.part == TRAIN)]
        if not len(own):
            continue
        rows = np.flatnonzero(groups == groups[own[0]])
        others = rng.permutation(np.setdiff1d(rows, log.item[log.user == user]))[:5]
        start = int(log.time[log.user == user].min())
        for row, meaning in zip(others, (SEEN, SEEN, SEEN, REJECTED, HAD), strict=False):
            events.append((user, row, start, meaning, TRAIN))
    looker = len(log.user_ids)
    group = groups[log.item[0]]
    for row in np.flatnonzero(groups == group)[:3]:
        events.append((looker, row, int(log.time.min()), SEEN, TRAIN))
    user, item, time, label, part = (np.array(column) for column in zip(*events, strict=True))
    order = np.lexsort((time, user))
    whole = Interactions(
        user_ids=np.append(log.user_ids, LOOKER),
        user=user[order].astype(np.int32),
        item=item[order].astype(np.int32),
        time=time[order].astype(np.int64),
        has_clock=log.has_clock,
        label=label[order].astype(np.int8),
        part=part[order].astype(np.int8),
    )
    return replace(split, interactions=whole)


@pytest.fixture(scope="module")
def whole(split: Split, catalog: Catalog) -> Split:
    return typed(split, catalog)


@pytest.fixture(scope="module")
def run(
    catalog: Catalog, whole: Split, tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    settings = settings_for(tiny_bert, history=NO_STAGE, encoder=NO_STAGE, refit=True)
    return train_engine(catalog, whole, settings, tmp_path_factory.mktemp("runs") / "typed").run


@pytest.fixture(scope="module")
def opened(run: Path) -> Retriever:
    return Retriever.open(run)


def test_looks_and_rejections_are_evidence_and_stay_so_on_the_disk(opened: Retriever) -> None:
    models = opened.bundle.evidence_models
    assert {SEEN_TOGETHER, SEEN_THEN_TAKEN} <= set(models.item_weights)
    assert models.reads_seen
    assert models.rejections
    names = opened.bundle.relevance.names
    assert {"seen_lately", "seen_match", "rejected_match", "seen_together.recent"} <= set(names)


def test_a_log_of_purchases_has_none_of_it(trained_run: Path) -> None:
    about = json.loads((trained_run / "evidence" / "sources.json").read_text())
    assert SEEN_TOGETHER not in about["behaviours"]
    assert "rejections" not in about


def test_popularity_counts_what_was_taken(
    opened: Retriever, split: Split, catalog: Catalog
) -> None:
    expected = split.train.user_counts(len(catalog))
    assert opened.bundle.popularity.counts.tolist() == expected.tolist()


def test_what_was_rejected_or_had_is_never_an_answer(opened: Retriever) -> None:
    log = opened.bundle.log
    lists = 0
    for user in (str(user) for user in log.user_ids[:30]):
        beside = opened.past(user).beside
        assert beside is not None
        gone = {*beside.rejected[0].tolist(), *beside.had[0].tolist()}
        if not gone:
            continue
        for debias in (0.0, 1.0):
            found = opened.recommend(users=[user], k=80, pool="all", debias=debias)
            assert not gone & set(opened.bundle.catalog.rows_of(found["item_id"]).tolist())
            lists += 1
    assert lists >= 30


def test_who_wants_them_back_gets_them(opened: Retriever) -> None:
    user = str(opened.bundle.log.user_ids[0])
    beside = opened.past(user).beside
    assert beside is not None
    ids = opened.bundle.catalog.item_ids
    rejected, had = (set(ids[rows].tolist()) for rows in (beside.rejected[0], beside.had[0]))
    everything = {"users": [user], "k": 80, "pool": "all"}
    back = set(opened.recommend(**everything, include_rejected=True)["item_id"])
    assert rejected <= back
    assert not had & back
    assert had <= set(opened.recommend(**everything, include_seen=True)["item_id"])


def test_what_was_looked_at_may_be_an_answer_and_is_no_reason(opened: Retriever) -> None:
    user = str(opened.bundle.log.user_ids[0])
    past = opened.past(user)
    assert past.beside is not None
    ids = opened.bundle.catalog.item_ids
    taken = set(ids[past.items].tolist())
    looked = set(ids[past.beside.seen[0]].tolist()) - set(ids[past.beside.had[0]].tolist())
    found = opened.recommend(users=[user], k=80, pool="all", explain=True)
    assert looked <= set(found["item_id"])
    assert {item for because in found["because"] for item in because} <= taken


def test_who_only_looked_around_is_known_by_it(opened: Retriever) -> None:
    found = opened.recommend(users=[LOOKER], k=10, pool="all")
    assert not found["fallback"].any()
    group = group_of(opened.bundle.catalog.item_ids[opened.past(LOOKER).attention[:1]])[0]
    assert group_of(found["item_id"]).count(group) >= 5


def test_a_list_doesn_t_depend_on_the_others(opened: Retriever) -> None:
    users = [str(user) for user in opened.bundle.log.user_ids[:6]]
    queries = [Query(user=user, k=10, pool="all") for user in users]
    together = opened.frame(queries, users)
    alone = opened.recommend(users=users[3:4], k=10, pool="all")
    same = together[together["user_id"] == users[3]]
    assert same["item_id"].tolist() == alone["item_id"].tolist()
    assert same["score"].tolist() == alone["score"].tolist()


def test_an_evaluation_keeps_them_out_too(opened: Retriever, whole: Split) -> None:
    log = whole.interactions
    known = Histories.from_interactions(log.select(whole.part != TEST)).take(np.arange(20))
    lists = EngineRecommender(opened.ranking, (0.0,)).answers(known, 60, ("all",))[0.0, "all"]
    for rows, gone in zip(lists, (known.not_again()[i] for i in range(20)), strict=True):
        assert not set(rows.tolist()) & set(gone.tolist())

"""Users with a history and users without one: measured apart, and answered by the same fallback."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from rich.console import Console
from toy_evaluation import many_methods

from longtail.evaluation.errors import EvaluationError, RecommenderError
from longtail.evaluation.evaluator import evaluate
from longtail.evaluation.fallback import WithFallback
from longtail.evaluation.protocol import Recommender
from longtail.evaluation.report.history_table import history_table
from longtail.evaluation.report.report import render_report
from longtail.evaluation.results import Evaluation
from longtail.evaluation.significance.claims import Claims
from longtail.evaluation.significance.paired_tests import holm
from longtail.evaluation.significance.tested_pairs import CLAIMED, CLAIMED_BY_HISTORY
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.popularity import Pool, Popularity

# Rows 0 and 1 are head, 2 to 4 tail, 5 cold.
COUNTS = [50, 20, 7, 4, 1, 0]
WANTED = {"ann": [1, 2], "bob": [5], "eve": [4], "zoe": [0, 3]}
MIXED = {"ann": [0], "bob": [1, 2], "eve": [], "zoe": []}
ALL_KNOWN = MIXED | {"eve": [0], "zoe": [1]}
NOBODY_KNOWN: dict[str, list[int]] = {name: [] for name in WANTED}


class Same:
    """The same rows for everybody, less their histories; notes whom it was asked about."""

    def __init__(
        self, name: str, rows: dict[float, list[int]], pools: tuple[str, ...] = ("all", "tail")
    ) -> None:
        self.name = name
        self.strengths = tuple(rows)
        self.asked: list[str] = []
        self._rows = rows
        self._pools = pools

    def answers(
        self, histories: Histories, k: int, pools: Sequence[Pool]
    ) -> dict[tuple[float, Pool], NDArray[np.int64]]:
        self.asked += [str(user_id) for user_id in histories.user_ids]
        answers = {}
        for debias, best in self._rows.items():
            for pool in pools:
                if pool not in self._pools:
                    continue
                lists = np.full((len(histories), k), -1, np.int64)
                for user in range(len(histories)):
                    known = histories[user].tolist()
                    kept = [row for row in best if row not in known]
                    kept = [row for row in kept if pool == "all" or row > 1][:k]
                    lists[user, : len(kept)] = kept
                answers[debias, pool] = lists
        return answers


def popularity() -> Popularity:
    ids = np.array([f"i{row}" for row in range(6)], dtype=object)
    return Popularity.from_counts(np.array(COUNTS), ids, "items:0.34")


def histories(known: dict[str, list[int]]) -> Histories:
    return Histories.from_lists(known.values(), known)


def evaluated(known: dict[str, list[int]], *recommenders: Recommender) -> Evaluation:
    user = np.repeat(np.arange(len(WANTED)), [len(rows) for rows in WANTED.values()])
    item = np.array([row for rows in WANTED.values() for row in rows], np.int32)
    ids = np.array(list(WANTED), dtype=object)
    test = Interactions(ids, user.astype(np.int32), item, np.arange(len(item)), has_clock=False)
    return evaluate(recommenders, test, histories(known), popularity(), ks=(2, 3))


ENGINE = {0.0: [0, 3, 4, 5], 0.5: [5, 4, 3]}
KNN = {0.0: [2, 1, 5], 0.5: [2, 5, 1]}


def test_users_with_a_history_and_without_one_are_measured_apart() -> None:
    found = evaluated(MIXED, Same("ranks", {0.0: [1, 4, 5, 2]})).metrics["ranks"]
    # With: ann gets 1, 4, 5; bob 4, 5. Without: eve and zoe get 1, 4, 5.
    assert found["with_history_recall@3"] == pytest.approx((1 / 2 + 1) / 2)
    assert found["without_history_recall@3"] == pytest.approx((1 + 0) / 2)
    assert found["with_history_tail_recall@3"] == 0  # ann's 2
    assert found["without_history_tail_recall@3"] == pytest.approx((1 + 0) / 2)
    # In the tail pool all of them get 4, 5, 2.
    assert found["with_history_tail_pool_recall@3"] == 1
    assert found["with_history_tail_pool_recall@2"] == pytest.approx((0 + 1) / 2)
    assert found["without_history_tail_pool_recall@2"] == pytest.approx((1 + 0) / 2)
    assert found["without_history_ndcg@2"] == pytest.approx((1 / math.log2(3) + 0) / 2)
    both = (found["with_history_ndcg@3"] + found["without_history_ndcg@3"]) / 2
    assert both == pytest.approx(found["ndcg@3"])


@pytest.mark.parametrize("part", ["with_history", "without_history"])
@pytest.mark.parametrize("metric", ["recall", "ndcg", "tail_recall", "tail_pool_recall"])
def test_values_of_single_users_belong_to_their_part_alone(part: str, metric: str) -> None:
    result = evaluated(MIXED, Same("ranks", {0.0: [1, 4, 5, 2]}))
    values = result.user_values("ranks", f"{part}_{metric}")
    assert np.isnan(values[[2, 3] if part == "with_history" else [0, 1]]).all()
    assert np.nanmean(values) == pytest.approx(result.value("ranks", f"{part}_{metric}"))


@pytest.mark.parametrize("known", [ALL_KNOWN, NOBODY_KNOWN], ids=["all", "nobody"])
def test_where_all_are_alike_there_are_no_parts(known: dict[str, list[int]]) -> None:
    pair = Same("longtail", ENGINE), Same("ItemKNN", KNN)
    result = evaluated(known, *pair)
    claims = Claims.of(result, resamples=200)
    assert not any("history" in key for key in result.metrics["longtail"])
    assert "by_history" not in claims.to_json()
    assert history_table(result, claims) is None
    assert "Users with a history" not in render_report(result, claims=claims)
    assert ("without_history" in result.settings) == (known is NOBODY_KNOWN)


def test_without_a_history_the_fallback_answers_at_the_same_strength() -> None:
    knn, engine = Same("ItemKNN", KNN), Same("longtail", ENGINE)
    both = WithFallback(knn, engine)
    assert (both.name, both.strengths) == ("ItemKNN", (0.0, 0.5))
    lists = both.answers(histories(MIXED), 3, ("all",))
    assert lists[0.0, "all"].tolist() == [[2, 1, 5], [5, -1, -1], [0, 3, 4], [0, 3, 4]]
    assert lists[0.5, "all"].tolist() == [[2, 5, 1], [5, -1, -1], [5, 4, 3], [5, 4, 3]]
    assert engine.asked == ["eve", "zoe"]


def test_where_all_have_a_history_the_fallback_is_not_asked() -> None:
    engine = Same("longtail", ENGINE)
    knn = Same("ItemKNN", KNN)
    lists = WithFallback(knn, engine).answers(histories(ALL_KNOWN), 3, ("all", "tail"))
    own = knn.answers(histories(ALL_KNOWN), 3, ("all", "tail"))
    assert engine.asked == []
    assert all((lists[key] == own[key]).all() for key in own)


def test_a_strength_that_the_fallback_has_not_is_answered_at_its_nearest() -> None:
    engine = Same("longtail", {1.0: [5, 4], 0.0: [0, 3], 0.4: [3, 4]})
    knn = Same("ItemKNN", {0.3: [2], 0.7: [2], 2.0: [2]})
    lists = WithFallback(knn, engine).answers(histories(NOBODY_KNOWN), 2, ("all",))
    # 0.7 lies between 0.4 and 1: the weaker.
    assert {debias: rows[0].tolist() for (debias, _), rows in lists.items()} == {
        0.3: [3, 4],
        0.7: [3, 4],
        2.0: [5, 4],
    }


def test_nobody_wins_by_the_fallback() -> None:
    engine = Same("longtail", ENGINE)
    result = evaluated(MIXED, engine, WithFallback(Same("ItemKNN", KNN), engine))
    own, other = result.metrics["longtail (debias 0.5)"], result.metrics["ItemKNN (debias 0.5)"]
    for key in own:
        if key.startswith("without_history"):
            assert own[key] == other[key], key
    assert own["with_history_recall@3"] != other["with_history_recall@3"]
    assert other["answered"] == 1
    assert result.settings["fallbacks"] == {"ItemKNN": "longtail"}
    assert result.settings["without_history"] == (
        "2 of 4 users have no history: longtail's lists stand in for those of ItemKNN"
    )


def test_without_a_fallback_every_method_answers_for_itself() -> None:
    result = evaluated(MIXED, Same("ItemKNN", KNN))
    assert result.settings["fallbacks"] == {}
    assert "every method answers for itself" in str(result.settings["without_history"])


def test_a_fallback_that_leaves_out_a_pool_is_refused_by_name() -> None:
    both = WithFallback(Same("ItemKNN", KNN), Same("longtail", ENGINE, pools=("all",)))
    with pytest.raises(RecommenderError, match=r"longtail, the fallback of ItemKNN.* pool tail"):
        evaluated(MIXED, both)


def test_a_fallback_without_a_strength_is_refused() -> None:
    with pytest.raises(EvaluationError, match="has no debias strength"):
        WithFallback(Same("ItemKNN", KNN), Same("longtail", {}))


class Narrow(Same):
    def answers(
        self, histories: Histories, k: int, pools: Sequence[Pool]
    ) -> dict[tuple[float, Pool], NDArray[np.int64]]:
        return {key: rows[:, :1] for key, rows in super().answers(histories, k, pools).items()}


def test_lists_of_another_length_are_refused_as_without_a_fallback() -> None:
    with pytest.raises(RecommenderError, match=r"ItemKNN returned .* must return integer"):
        evaluated(MIXED, WithFallback(Narrow("ItemKNN", KNN), Same("longtail", ENGINE)))


def many_users(n_users: int = 1500) -> Evaluation:
    """Return `many_methods` where every third user has no history; rivals 2 to 12 have a fallback.

    Rival 1, which answers for itself, finds nothing for them.
    """
    result = many_methods(n_users)
    rows = result.per_user
    rows["history_length"] = np.tile(np.arange(n_users) % 3, len(result.recommenders))
    without = (rows["history_length"] == 0).to_numpy()
    for metric in CLAIMED_BY_HISTORY:
        alone = rows["recommender"].astype(str).str.match(r"rival number 1($| \()").to_numpy()
        found = rows[f"{metric}@10"].to_numpy().copy()
        found[without & alone & ~np.isnan(found)] = 0
        rows[f"{metric}@10"] = found
        for name in result.recommenders:
            for part in ("with_history", "without_history"):
                values = result.user_values(name, f"{part}_{metric}")
                result.metrics[name][f"{part}_{metric}@10"] = float(np.nanmean(values))
    names = [f"rival number {number}" for number in range(2, 13)]
    result.settings["fallbacks"] = dict.fromkeys(names, "longtail")
    result.settings["without_history"] = "500 of 1,500 users have no history: ..."
    return result


def test_the_subject_is_compared_with_and_without_a_history() -> None:
    claims = Claims.of(many_users(), "longtail (debias 0.25)", resamples=1000)
    with_history = claims.find("rival number 9", "with_history_recall")
    assert with_history is not None
    assert (with_history.users, with_history.verdict) == (1000, "better")
    # Another's lists are no claim about the method whose line they stand in.
    assert claims.find("rival number 9", "without_history_recall") is None
    alone = claims.find("rival number 1", "without_history_tail_pool_recall")
    assert alone is not None
    assert alone.verdict == "better"
    # Thirteen lines with a history; the subject's own and rival 1 without one.
    assert len(claims.by_history) == len(CLAIMED_BY_HISTORY) * (13 + 2)
    assert len(claims.against) == len(CLAIMED) * 13


def test_the_parts_are_corrected_by_themselves() -> None:
    claims = Claims.of(many_users(), resamples=1000)
    for tested in (claims.against, claims.by_history):
        expected = holm([d.p for d in tested])
        np.testing.assert_array_equal([d.holm_p for d in tested], expected)
    stored = json.loads(json.dumps(claims.to_json(), allow_nan=False))
    assert stored["by_history"][0]["metric"] == "with_history_recall"


def test_the_second_table_tells_own_values_from_those_of_a_fallback() -> None:
    result = many_users()
    claims = Claims.of(result, resamples=1000)
    table = history_table(result, claims)
    assert table is not None
    columns = {str(c.header): [str(cell) for cell in c.cells] for c in table.columns}
    lines = columns["recommender"]
    with_history, without = columns["with\n\nR@10"], columns["without\n\nR@10"]
    stand_in, own = lines.index("rival number 12"), lines.index("rival number 1")
    assert with_history[stand_in].endswith("↓")
    assert without[stand_in].startswith("(.")
    assert without[stand_in].strip().endswith(")")
    assert without[own] == ".0000↓"


def test_the_second_table_fits_on_a_screen() -> None:
    result = many_users()
    table = history_table(result, Claims.of(result, "longtail (debias 0.25)", resamples=500))
    console = Console(width=80, file=io.StringIO())
    console.print(table)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in text
    assert "500 of 1,500 users have no history" in text


def test_the_report_shows_both_parts_and_who_answered() -> None:
    result = many_users()
    result.settings["baselines"] = [
        {"name": "rival number 2", "without_history": "longtail"},
        {"name": "BPR", "left_out": "no library"},
    ]
    page = render_report(result, subject="longtail (debias 0.25)")
    part = page[page.index("Users with a history and without one") :]
    part = part[: part.index("Every debias strength")]
    assert "with a history</th>" in part
    assert "500 of 1,500 users have no history" in part
    assert "(.0" in part
    assert "with tail-pool R" in part  # of the tested differences
    assert "without a history answers" in page


def test_one_kind_of_users_leaves_the_files_as_they_were() -> None:
    result = evaluated(ALL_KNOWN, Same("longtail", ENGINE))
    engine = Same("longtail", ENGINE)
    again = evaluated(ALL_KNOWN, WithFallback(Same("longtail", ENGINE), engine))
    first, second = result.to_json(), again.to_json()
    assert first | {"seconds": {}} == second | {"seconds": {}}
    pd.testing.assert_frame_equal(result.per_user, again.per_user)

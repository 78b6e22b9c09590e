"""What may be claimed: only what is significant after Holm, for whom the table shows."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from toy_evaluation import evaluation_of, hits, many_methods

from longtail.evaluation.results import Evaluation
from longtail.evaluation.significance.claims import Claims
from longtail.evaluation.significance.compared_rows import best_rival, table_rows
from longtail.evaluation.significance.paired_tests import holm
from longtail.evaluation.significance.tested_pairs import CLAIMED, MARKED


def test_one_line_a_method_and_the_subjects_own_setting() -> None:
    rows = table_rows(many_methods(), "longtail (debias 0.25)")
    assert rows[:2] == ["longtail (debias 0.25)", "longtail"]
    assert len(rows) == 14
    assert not any("rival" in name and "debias" in name for name in rows)


def test_the_best_of_the_others_is_shown_at_whatever_strength_it_is_best() -> None:
    value = {n: {"recall": hits(10, r)} for n, r in (("longtail", 4), ("A", 2), ("B", 3))}
    value["A (debias 0.5)"] = {"recall": hits(10, 5)}
    found = evaluation_of(value)
    assert best_rival(found, "longtail") == "A (debias 0.5)"
    assert table_rows(found) == ["longtail", "A (debias 0.5)", "B", "A"]


def test_the_subject_is_compared_with_every_other_line_in_every_metric() -> None:
    claims = Claims.of(many_methods(), "longtail (debias 0.25)", resamples=1000)
    assert len(claims.against) == len(CLAIMED) * 13
    # Nobody had a cold target to find: no best of that column.
    assert {d.metric for d in claims.best} == {*MARKED} - {"cold_recall"}
    found = claims.find("rival number 9", "recall")
    assert found is not None
    assert (found.verdict, found.users) == ("better", 1500)
    cold = claims.find("rival number 9", "cold_recall")
    assert cold is not None
    assert (cold.users, cold.verdict) == (0, "open")


def test_all_claims_of_one_kind_are_corrected_together() -> None:
    claims = Claims.of(many_methods(), resamples=1000)
    expected = holm([d.p for d in claims.against])
    np.testing.assert_array_equal([d.holm_p for d in claims.against], expected)


def test_what_holds_by_itself_but_not_among_many_is_no_claim() -> None:
    # 24 users for us, 9 against: p is about .01 alone, and above .05 among a hundred.
    gain = np.concatenate([np.ones(24), np.zeros(500), np.zeros(9)])
    loss = np.concatenate([np.zeros(24), np.zeros(500), np.ones(9)])
    same = {f"twin {number}": {"recall": gain} for number in range(99)}
    alone = Claims.of(evaluation_of({"longtail": {"recall": gain}, "A": {"recall": loss}}))
    among = Claims.of(
        evaluation_of({"longtail": {"recall": gain}, "A": {"recall": loss}, **same}),
        resamples=2000,
    )
    assert [c.find("A", "recall").verdict for c in (alone, among)] == ["better", "open"]  # type: ignore[union-attr]


def test_many_claims_get_the_resamples_they_need() -> None:
    claims = Claims.of(many_methods(300), resamples=100)
    # With 100, the smallest p is .02, and 1.2 after a correction for 60 claims.
    assert claims.resamples == 80 * len(claims.against)


def test_a_best_that_could_be_luck_is_not_marked() -> None:
    value = {"longtail": hits(500, 60), "A": hits(500, 59), "B": hits(500, 10)}
    found = evaluation_of({name: {"recall": v} for name, v in value.items()})
    assert not Claims.of(found).is_best("longtail", "recall")
    value["A"] = hits(500, 30)
    found = evaluation_of({name: {"recall": v} for name, v in value.items()})
    assert Claims.of(found).is_best("longtail", "recall")


def test_a_methods_own_strengths_are_no_rivals_for_the_best() -> None:
    value = {"longtail": 60, "longtail (debias 0.25)": 61, "A": 20}
    found = evaluation_of({name: {"recall": hits(500, n)} for name, n in value.items()})
    claims = Claims.of(found, "longtail (debias 0.25)")
    assert claims.is_best("longtail (debias 0.25)", "recall")


def test_without_values_of_single_users_nothing_is_claimed() -> None:
    metrics = {"longtail": {"recall@10": 0.2}, "A": {"recall@10": 0.1}}
    claims = Claims.of(Evaluation(metrics, {}, pd.DataFrame(), {}, {}, 10))
    assert not claims.tested
    assert claims.to_json()["against"] == []


def test_claims_are_written_as_plain_json() -> None:
    claims = Claims.of(many_methods(300), resamples=9000, seed=7)
    content = json.loads(json.dumps(claims.to_json(), allow_nan=False))
    first = content["against"][0]
    assert (content["resamples"], content["seed"], content["confidence"]) == (9000, 7, 0.95)
    assert first["verdict"] in ("better", "worse", "open")
    assert first["subject"] == "longtail"


def test_a_single_method_has_nobody_to_be_compared_with() -> None:
    claims = Claims.of(evaluation_of({"longtail": {"recall": hits(10, 3)}}))
    assert (claims.against, claims.best, claims.matched) == ((), (), ())


@pytest.mark.parametrize("metric", ["recall", "no such metric"])
def test_users_stand_in_the_same_order_for_everybody(metric: str) -> None:
    found = evaluation_of({"A": {"recall": hits(4, 1)}, "B": {"recall": hits(4, 3)}})
    values = found.user_values("B", metric).tolist()
    assert values == ([1, 1, 1, 0] if metric == "recall" else [])

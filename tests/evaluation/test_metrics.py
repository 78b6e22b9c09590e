"""Metrics agree with slow, separate references and with known answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, ndcg_score, roc_auc_score

from longtail.evaluation.errors import EvaluationError
from longtail.evaluation.metrics.accuracy import (
    NOT_FOUND,
    TargetRanks,
    hit_rate,
    item_recall,
    micro_recall,
    mrr,
    ndcg,
    recall,
    target_ranks,
)
from longtail.evaluation.metrics.calibration import (
    Calibration,
    accuracy,
    expected_calibration_error,
    reliability_bins,
    roc_auc,
)
from longtail.evaluation.metrics.exposure import (
    coverage,
    exposure_counts,
    gini,
    list_mean,
    novelty,
    popularity_lift,
)
from longtail.evaluation.metrics.tally import ExposureTally
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.popularity import Popularity

N_ITEMS = 12


@st.composite
def lists_and_targets(draw: st.DrawFn) -> tuple[list[list[int]], list[list[int]]]:
    users = draw(st.integers(1, 6))
    rows = st.permutations(range(N_ITEMS))
    lists = [draw(rows)[: draw(st.integers(0, 8))] for _ in range(users)]
    targets = [draw(rows)[: draw(st.integers(0, 5))] for _ in range(users)]
    return lists, targets


def as_ranks(lists: list[list[int]], targets: list[list[int]], k: int = 8) -> TargetRanks:
    answers = np.full((len(lists), k), -1, np.int64)
    for line, found in enumerate(lists):
        answers[line, : len(found)] = found
    user = np.repeat(np.arange(len(targets)), [len(t) for t in targets])
    item = np.array([item for own in targets for item in own], dtype=np.int64)
    return target_ranks(answers, user, item)


def slow(lists: list[list[int]], targets: list[list[int]], k: int) -> dict[str, list[float]]:
    """Plain loops, written from the definitions."""
    found: dict[str, list[float]] = {"recall": [], "ndcg": [], "mrr": [], "hit_rate": []}
    for answers, wanted in zip(lists, targets, strict=True):
        if not wanted:
            for values in found.values():
                values.append(float("nan"))
            continue
        places = [place for place, row in enumerate(answers[:k], 1) if row in wanted]
        ideal = sum(1 / np.log2(place + 1) for place in range(1, min(k, len(wanted)) + 1))
        found["recall"].append(len(places) / len(wanted))
        found["ndcg"].append(sum(1 / np.log2(place + 1) for place in places) / ideal)
        found["mrr"].append(1 / places[0] if places else 0.0)
        found["hit_rate"].append(float(bool(places)))
    return found


@given(case=lists_and_targets(), k=st.integers(1, 10))
@settings(max_examples=150)
def test_accuracy_metrics_equal_the_slow_reference(
    case: tuple[list[list[int]], list[list[int]]], k: int
) -> None:
    lists, targets = case
    found = as_ranks(lists, targets)
    reference = slow(lists, targets, k)
    for name, metric in (("recall", recall), ("ndcg", ndcg), ("mrr", mrr), ("hit_rate", hit_rate)):
        np.testing.assert_allclose(metric(found, k), reference[name], err_msg=name)


@given(seed=st.integers(0, 10_000), k=st.integers(1, 15), part=st.sampled_from([1, 2, 3]))
@settings(max_examples=60)
def test_accuracy_metrics_equal_trec_eval(seed: int, k: int, part: int) -> None:
    """Recall, NDCG, MRR and hit rate, over all targets and over those of a bucket."""
    rng = np.random.default_rng(seed)
    lists = [rng.permutation(60)[: rng.integers(1, 16)].tolist() for _ in range(20)]
    # ``part`` 1 keeps every target, others keep every second or third item's: a bucket.
    targets = [
        [item for item in rng.permutation(60)[: rng.integers(1, 20)].tolist() if item % part == 0]
        for _ in range(20)
    ]
    found = as_ranks(lists, targets, 15)
    wanted = {str(user): {str(item): 1 for item in own} for user, own in enumerate(targets) if own}
    shown = {
        str(user): {str(item): -float(place) for place, item in enumerate(answers[:k])}
        for user, answers in enumerate(lists)
    }
    measures = {f"recall.{k}", f"ndcg_cut.{k}", f"success.{k}", "recip_rank"}
    theirs = pytrec_eval.RelevanceEvaluator(wanted, measures).evaluate(shown)
    for name, metric in (
        (f"recall_{k}", recall),
        (f"ndcg_cut_{k}", ndcg),
        (f"success_{k}", hit_rate),
        ("recip_rank", mrr),
    ):
        ours = metric(found, k)
        expected = [theirs[str(u)][name] if str(u) in theirs else np.nan for u in range(20)]
        np.testing.assert_allclose(ours, expected, err_msg=name, atol=1e-12)


@given(case=lists_and_targets(), k=st.integers(1, 8))
@settings(max_examples=60)
def test_averages_over_targets_and_over_items_equal_plain_counting(
    case: tuple[list[list[int]], list[list[int]]], k: int
) -> None:
    lists, targets = case
    pairs = [(user, item) for user, own in enumerate(targets) for item in own]
    frame = pd.DataFrame(pairs, columns=["user", "item"])
    frame["hit"] = [item in lists[user][:k] for user, item in pairs]
    found = as_ranks(lists, targets)
    assert micro_recall(found, k) == pytest.approx(frame["hit"].mean(), nan_ok=True)
    counts = np.bincount(frame["item"].astype(int), minlength=N_ITEMS)
    hits = np.bincount(frame["item"].astype(int), frame["hit"], N_ITEMS).astype(np.int64)
    by_item = frame.groupby("item")["hit"].mean().mean()
    assert item_recall(hits, counts) == pytest.approx(by_item, nan_ok=True)


@given(case=lists_and_targets(), k=st.integers(1, 8), seed=st.integers(0, 100))
@settings(max_examples=60)
def test_properties_of_lists_equal_plain_counting(
    case: tuple[list[list[int]], list[list[int]]], k: int, seed: int
) -> None:
    """Popularity percentile, tail share, novelty, coverage and popularity lift."""
    lists, histories = case
    rng = np.random.default_rng(seed)
    values = rng.random(N_ITEMS).astype(np.float32)
    answers = np.full((len(lists), 8), -1, np.int64)
    for line, found in enumerate(lists):
        answers[line, : len(found)] = found
    shown = pd.DataFrame(
        [(user, item) for user, own in enumerate(lists) for item in own[:k]],
        columns=["user", "item"],
    ).astype(int)
    mean = shown.assign(value=values[shown["item"]]).groupby("user")["value"].mean()
    expected = mean.reindex(range(len(lists))).to_numpy()
    np.testing.assert_allclose(list_mean(answers, values, k), expected, rtol=1e-5)
    bits = shown.assign(value=-np.log2(values[shown["item"]] + 0.01)).groupby("user")["value"]
    np.testing.assert_allclose(
        novelty(answers, np.log(values + 0.01), k),
        bits.mean().reindex(range(len(lists))).to_numpy(),
        rtol=1e-4,
    )
    counts = exposure_counts(answers, k, N_ITEMS)
    assert coverage(counts) == shown["item"].nunique() / N_ITEMS
    own = np.array([values[h].mean() if h else np.nan for h in histories], dtype=np.float64)
    both = ~np.isnan(own) & ~np.isnan(expected)
    if both.any():
        lift = expected[both].mean() / own[both].mean() - 1
        assert popularity_lift(expected, own) == pytest.approx(lift)


@given(seed=st.integers(0, 10_000), k=st.integers(1, N_ITEMS))
@settings(max_examples=60)
def test_ndcg_equals_scikit_learn(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    order = rng.permutation(N_ITEMS)
    wanted = rng.choice(N_ITEMS, rng.integers(1, 6), replace=False)
    relevance = np.isin(np.arange(N_ITEMS), wanted).astype(float)
    scores = np.empty(N_ITEMS)
    scores[order] = -np.arange(N_ITEMS)
    ours = ndcg(as_ranks([order.tolist()], [wanted.tolist()], N_ITEMS), k)
    assert ours[0] == pytest.approx(ndcg_score([relevance], [scores], k=k))


@given(case=lists_and_targets())
@settings(max_examples=60)
def test_longer_lists_never_find_less(case: tuple[list[list[int]], list[list[int]]]) -> None:
    found = as_ranks(*case)
    for metric in (recall, mrr, hit_rate):
        values = np.array([metric(found, k) for k in range(1, 9)])
        values = values[:, ~np.isnan(values[0])]
        assert (np.diff(values, axis=0) >= 0).all()


def test_a_target_outside_every_list_is_not_found() -> None:
    found = target_ranks(np.array([[-1, -1]]), np.array([0, 0]), np.array([0, 7]))
    assert found.rank.tolist() == [NOT_FOUND, NOT_FOUND]
    assert ndcg(found, 10).tolist() == [0.0]


def test_padding_is_no_item() -> None:
    answers = np.array([[1, -1], [-1, -1]])
    assert exposure_counts(answers, 2, 3).tolist() == [0, 1, 0]
    assert np.isnan(list_mean(answers, np.arange(3, dtype=np.float32), 2)[1])


def test_removed_items_are_no_part_of_the_coverage() -> None:
    counts = np.array([3, 2, 1, 0])
    popularity = Popularity.from_counts(counts, np.array(list("abcd"), object))
    gone = np.array([False, False, True, True])
    popularity = replace(popularity, removed=gone)
    tally = ExposureTally([2], popularity)
    tally.add(np.array([[0, 1]]), Histories.from_lists([np.array([0], np.int32)]))
    metrics = tally.metrics()
    assert metrics["coverage@2"] == 1
    assert metrics["tail_coverage@2"] == 1
    assert metrics["gini@2"] == 0


def slow_gini(exposure: NDArray[np.int64]) -> float:
    """Mean absolute difference over twice the mean."""
    pairs = np.abs(exposure[:, None] - exposure[None, :]).mean()
    return float(pairs / (2 * exposure.mean()))


@given(st.lists(st.integers(0, 50), min_size=1, max_size=20).filter(any))
def test_gini_is_half_the_relative_mean_difference(shown: list[int]) -> None:
    exposure = np.array(shown)
    assert gini(exposure) == pytest.approx(slow_gini(exposure))
    assert 0 <= coverage(exposure) <= 1


def test_nothing_shown_has_no_gini_and_no_lift() -> None:
    assert np.isnan(gini(np.zeros(3, np.int64)))
    assert np.isnan(popularity_lift(np.array([np.nan]), np.array([2.0])))


@given(seed=st.integers(0, 10_000), coarse=st.booleans())
@settings(max_examples=60)
def test_head_measures_equal_scikit_learn(seed: int, coarse: bool) -> None:
    rng = np.random.default_rng(seed)
    probability = rng.random(80)
    if coarse:  # many ties
        probability = probability.round(1)
    label = np.concatenate([[0, 1], rng.random(78) < probability[2:]]).astype(int)
    assert roc_auc(probability, label) == pytest.approx(roc_auc_score(label, probability))
    assert accuracy(probability, label) == pytest.approx(accuracy_score(label, probability >= 0.5))


@given(seed=st.integers(0, 10_000))
@settings(max_examples=60)
def test_reliability_bins_equal_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    probability = rng.random(200)
    label = (rng.random(200) < probability).astype(int)
    found = reliability_bins(probability, label, bins=10)
    share, mean = calibration_curve(label, probability, n_bins=10)
    np.testing.assert_allclose(found.share, share)
    np.testing.assert_allclose(found.probability, mean)
    expected = (found.count * np.abs(share - mean)).sum() / 200
    assert expected_calibration_error(probability, label, 10) == pytest.approx(expected)


def test_a_head_that_means_what_it_says_has_no_calibration_error() -> None:
    probability = np.repeat([0.25, 0.75], 4)
    label = np.array([1, 0, 0, 0, 1, 1, 1, 0])
    found = Calibration.measure(probability, label)
    assert found.error == pytest.approx(0.0)
    assert (found.examples, found.positives) == (8, 4)


def test_one_class_alone_has_no_auc() -> None:
    assert np.isnan(roc_auc(np.array([0.2, 0.3]), np.array([1, 1])))


@pytest.mark.parametrize(
    ("probability", "label", "complaint"),
    [
        ([1.5], [1], "not its logit"),
        ([float("nan")], [1], "not its logit"),
        ([0.5, 0.5], [1], "one label for each"),
        ([], [], "at least one"),
    ],
)
def test_numbers_that_are_no_probabilities_are_refused(
    probability: list[float], label: list[int], complaint: str
) -> None:
    with pytest.raises(EvaluationError, match=complaint):
        expected_calibration_error(np.array(probability), np.array(label, dtype=int))

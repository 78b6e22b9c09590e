"""The paired bootstrap covers what it claims to cover; Holm equals what was worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import ttest_1samp

from longtail.evaluation.errors import EvaluationError
from longtail.evaluation.significance.paired_tests import BLOCK_CELLS, holm, paired_bootstrap


def paired_hits(
    n_users: int, ours: float, theirs: float, columns: int, seed: int
) -> NDArray[np.float64]:
    """Return differences of hits that agree on half of the users; true mean ours - theirs."""
    rng = np.random.default_rng(seed)
    shape = (n_users, columns)
    luck = rng.random(shape)
    other = np.where(rng.random(shape) < 0.5, luck, rng.random(shape))
    return (luck < ours).astype(float) - (other < theirs)


def many_tests(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return [low, high, p] of each column, each on resamples of its own."""
    rows = []
    for column in range(differences.shape[1]):
        one = paired_bootstrap(differences[:, [column]], resamples=600, seed=column)
        rows.append([one.low[0], one.high[0], one.p[0]])
    return np.array(rows)


@pytest.mark.parametrize(
    ("n_users", "ours", "theirs"), [(60, 0.3, 0.3), (400, 0.1, 0.1), (1500, 0.14, 0.12)]
)
def test_intervals_cover_the_true_difference_as_often_as_they_say(
    n_users: int, ours: float, theirs: float
) -> None:
    low, high, _ = many_tests(paired_hits(n_users, ours, theirs, 400, seed=1)).T
    covered = ((low <= ours - theirs) & (ours - theirs <= high)).mean()
    # 95 % of 400 has a standard error of 1.1 points.
    assert 0.915 <= covered <= 0.985


@pytest.mark.parametrize("n_users", [40, 1000])
def test_equal_methods_are_seldom_called_different(n_users: int) -> None:
    p = many_tests(paired_hits(n_users, 0.12, 0.12, 400, seed=2))[:, 2]
    assert (p < 0.05).mean() <= 0.08


def test_a_real_difference_is_found_and_has_its_sign() -> None:
    found = paired_bootstrap(paired_hits(3000, 0.16, 0.12, 1, seed=3), resamples=2000)
    assert found.p[0] < 0.01
    assert 0 < found.low[0] < found.difference[0] < found.high[0]


def test_large_samples_agree_with_the_t_test() -> None:
    rng = np.random.default_rng(4)
    differences = rng.normal([0.0, 0.05, 0.1], 1.0, (1500, 3))
    found = paired_bootstrap(differences, resamples=20_000)
    expected = ttest_1samp(differences, 0.0)
    np.testing.assert_allclose(found.p, expected.pvalue, atol=0.02)
    ends = expected.confidence_interval(0.95)
    np.testing.assert_allclose([found.low, found.high], [ends.low, ends.high], atol=0.004)


def test_p_is_below_a_level_where_the_interval_leaves_out_zero() -> None:
    differences = paired_hits(150, 0.32, 0.22, 200, seed=9)
    found = paired_bootstrap(differences, resamples=4000)
    outside = (found.low > 0) | (found.high < 0)
    # Hits are few and whole: some resamples fall on 0 itself, and those count for p alone.
    clear = np.abs(found.p - 0.05) > 0.02
    assert 20 < clear.sum() > 0.7 * len(clear)
    np.testing.assert_array_equal(outside[clear], found.p[clear] < 0.05)


def test_a_difference_and_its_reverse_have_mirrored_intervals() -> None:
    differences = paired_hits(500, 0.2, 0.15, 1, seed=5)
    there, back = (paired_bootstrap(sign * differences) for sign in (1, -1))
    np.testing.assert_allclose(there.low, -back.high, atol=1e-3)
    np.testing.assert_allclose(there.p, back.p, atol=2e-3)


def test_users_without_a_value_are_left_out() -> None:
    known = paired_hits(300, 0.3, 0.2, 1, seed=6)
    holes = np.full((200, 1), np.nan)
    alone = paired_bootstrap(known)
    among = paired_bootstrap(np.concatenate([known, holes]))
    assert alone.users.tolist() == among.users.tolist() == [300]
    assert (alone.low, alone.p) == (among.low, among.p)


def test_columns_of_different_users_stand_side_by_side() -> None:
    known = paired_hits(300, 0.3, 0.2, 2, seed=7)
    known[:100, 1] = np.nan
    both = paired_bootstrap(known)
    assert both.users.tolist() == [300, 200]
    assert both.difference[1] == pytest.approx(known[100:, 1].mean())
    assert both.p[1] == paired_bootstrap(known[:, [1]]).p[0]


def test_no_user_no_difference_and_no_claim() -> None:
    found = paired_bootstrap(np.array([[np.nan, 0.0], [np.nan, 0.0]]))
    assert np.isnan(found.difference[0])
    assert np.isnan(found.p[0])
    assert (found.difference[1], found.low[1], found.high[1], found.p[1]) == (0, 0, 0, 1)


@pytest.mark.parametrize(("users", "floor"), [(1, 1.0), (3, 0.25), (6, 0.03125)])
def test_a_handful_of_users_proves_no_more_than_it_can(users: int, floor: float) -> None:
    differences = np.zeros((1000, 1))
    differences[:users] = 1.0
    assert paired_bootstrap(differences).p[0] >= floor


def test_the_same_seed_gives_the_same_numbers_in_blocks_of_any_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    differences = paired_hits(200, 0.3, 0.2, 3, seed=8)
    first, again = (paired_bootstrap(differences, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.p, again.p)
    monkeypatch.setattr(
        "longtail.evaluation.significance.paired_tests.BLOCK_CELLS", BLOCK_CELLS // 1000
    )
    blocks = paired_bootstrap(differences, seed=3)
    np.testing.assert_allclose(blocks.low, first.low, atol=0.01)


@pytest.mark.parametrize("options", [{"resamples": 99}, {"confidence": 1.0}])
def test_impossible_tests_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(EvaluationError, match="at least 100 resamples"):
        paired_bootstrap(np.zeros((3, 1)), **options)  # type: ignore[arg-type]


def test_holm_as_worked_by_hand() -> None:
    # Holm (1979): sorted .001 .01 .02 .03 .5, times 5 4 3 2 1, never below a smaller one.
    found = holm([0.03, 0.001, 0.5, 0.02, 0.01])
    np.testing.assert_allclose(found, [0.06, 0.005, 0.5, 0.06, 0.04])


def test_holm_leaves_what_was_not_tested_out_of_the_number() -> None:
    np.testing.assert_allclose(holm([0.02, np.nan, 0.04]), [0.04, np.nan, 0.04])
    assert holm([]).tolist() == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
@settings(max_examples=60)
def test_holm_keeps_the_order_and_lies_between_nothing_and_bonferroni(p: list[float]) -> None:
    values, found = np.array(p), holm(p)
    assert (found >= values).all()
    assert (found <= np.minimum(values * len(p), 1.0) + 1e-12).all()
    order = np.argsort(values, kind="stable")
    assert (np.diff(found[order]) >= 0).all()

"""Tail weights against the debias dial: what a frontier holds at equal overall quality."""

from __future__ import annotations

import json
from typing import Any

import pytest
from checkout import ROOT
from processes import output_of_python

# Weight 1 gives up half of its overall quality for three times the tail; weight 3 begins where
# weight 1 is after half of the way, with twice the tail that weight 1 has there.
FRONTIERS = """
import json, sys
import numpy as np
from ranked_lists.frontier import Frontier, Judged, best_tails, compare, levels
def frontier(family, head, overall, tail):
    return Frontier(family, head, {"ndcg": np.array(overall), "tail_ndcg": np.array(tail)})
plain = frontier("dial alone", "weight 1", [0.4, 0.2], [0.1, 0.3])
heavy = frontier("weight 3", "weight 3", [0.3, 0.1], [0.4, 0.6])
"""


def in_benchmarks(program: str) -> Any:
    """Return what a program that imports from benchmarks writes as JSON."""
    code = f"import sys\nsys.path.insert(0, {str(ROOT / 'benchmarks')!r})\n{FRONTIERS}\n{program}"
    return json.loads(output_of_python("-W", "error", "-c", code))


def test_the_tail_at_equal_overall_quality_lies_between_the_neighbouring_settings() -> None:
    found = in_benchmarks(
        "json.dump([plain.tail_at(x, 'ndcg') for x in (0.4, 0.3, 0.25, 0.5)], sys.stdout)"
    )
    assert found[:3] == pytest.approx([0.1, 0.2, 0.25])
    assert found[3] is None


def test_a_frontier_that_passes_a_level_twice_gives_the_better_tail() -> None:
    found = in_benchmarks(
        "bent = frontier('a', 'b', [0.4, 0.2, 0.4], [0.1, 0.2, 0.7])\n"
        "json.dump(bent.tail_at(0.3, 'ndcg'), sys.stdout)"
    )
    assert found == pytest.approx(0.45)


def test_families_are_compared_at_shares_of_weight_1_and_where_other_weights_begin() -> None:
    found = in_benchmarks(
        "both = [plain, heavy]\n"
        "json.dump([levels(both, 'ndcg', [0.5]), best_tails(both, 'ndcg', [1.0])], sys.stdout)"
    )
    assert found[0] == pytest.approx({"50% of weight 1's": 0.2, "weight 3 at debias 0": 0.3})
    assert found[1]["weight 3 at debias 0"] == pytest.approx({"dial alone": 0.2, "weight 3": 0.4})
    assert found[1]["100% of weight 1's"] == pytest.approx({"dial alone": 0.1})


def test_users_without_a_tail_target_say_nothing_about_the_tail() -> None:
    found = in_benchmarks(
        "judged = Judged('a', 'b', {'ndcg': np.array([[0.5, 0.1]]), "
        "'tail_ndcg': np.array([[np.nan, 0.3]])})\n"
        "means = [judged.frontier(t).measures for t in (None, np.array([3, 1]))]\n"
        "json.dump([[m['ndcg'][0], m['tail_ndcg'][0]] for m in means], sys.stdout)"
    )
    assert found == [pytest.approx([0.3, 0.3]), pytest.approx([0.4, 0.3])]


def test_a_gain_that_every_user_has_is_certain() -> None:
    found = in_benchmarks(
        "def judged(f):\n"
        "    of_users = {n: v[:, None] * np.ones(6) for n, v in f.measures.items()}\n"
        "    return Judged(f.family, f.head, of_users)\n"
        "lines = compare([[judged(plain), judged(heavy)]], 'ndcg', [0.7])\n"
        "json.dump(lines, sys.stdout)"
    )
    assert [line["level"] for line in found] == ["70% of weight 1's", "weight 3 at debias 0"]
    for line in found:
        ends = [line[f"weight 3 {name}"] for name in ("low", "gain", "high")]
        assert ends == pytest.approx([0.2, 0.2, 0.2])

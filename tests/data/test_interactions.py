"""Histories, and the keys of what each user doesn't get back."""

from __future__ import annotations

from longtail.retrieval.data.histories.histories import Histories, excluded_keys


def test_excluded_keys_are_sorted_and_each_there_once() -> None:
    histories = Histories.from_lists([[3, 1, 3], [], [0]])
    assert excluded_keys(histories, 5).tolist() == [1, 3, 10]
    assert excluded_keys(None, 5).tolist() == []

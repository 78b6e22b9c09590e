"""What a row of a log means: events, ratings, labels and amounts, each by its own name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.histories.histories import Beside, Histories
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.meaning.behaviours import (
    DROPPED,
    HAD,
    MEANINGS,
    REJECTED,
    SEEN,
    SHOWN,
    TAKEN,
)
from longtail.retrieval.errors import DataError

CATALOG = Catalog(pd.DataFrame({"item_id": list("abcdef"), "title": list("ABCDEF")}), "{title}")


def read(folder: Path, cells: dict[str, Any], **said: Any) -> tuple[Interactions, list[str]]:
    """Return what a log of one user, an item a row, is read as, and the notes."""
    n = len(next(iter(cells.values())))
    frame = pd.DataFrame(
        {
            "user_id": ["u"] * n,
            "item_id": list("abcdef" * n)[:n],
            "timestamp": 1_700_000_000 + 86_400 * np.arange(n),
        }
        | cells
    )
    frame.to_csv(folder / "log.csv", index=False)
    rejected = RejectedRows()
    log = read_interactions(
        folder / "log.csv", CATALOG, reading=Reading(**said), rejected=rejected, now=1.8e9
    )
    return log, rejected.notes


def meanings(log: Interactions) -> list[str]:
    return ["taken"] * len(log) if log.label is None else [MEANINGS[code] for code in log.label]


def test_usual_events_mean_what_they_say(tmp_path: Path) -> None:
    events = ["view", "add_to_cart", "Purchase", "refund", "impression", "remove_from_cart"]
    log, notes = read(tmp_path, {"event_type": events})
    assert meanings(log) == ["seen", "taken", "taken", "rejected", "shown", "dropped"]
    assert "column event_type says what a row means: view 1 seen" in notes[0]


def test_an_event_that_nobody_knows_stops_with_its_count(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"column event holds .* nobody knows: frobnicate \(2\)"):
        read(tmp_path, {"event": ["view", "frobnicate", "frobnicate", "purchase"]})


def test_who_knows_the_event_says_what_it_means(tmp_path: Path) -> None:
    events = ["view", "frobnicate", "frobnicate", "purchase"]
    log, _ = read(tmp_path, {"event": events}, events={"Frobnicate": "rejected"})
    assert meanings(log) == ["seen", "rejected", "rejected", "taken"]


def test_named_events_alone_are_positives(tmp_path: Path) -> None:
    events = ["view", "cart", "purchase", "refund"]
    log, _ = read(tmp_path, {"event": events}, positive=("event=purchase",))
    assert meanings(log) == ["seen", "seen", "taken", "rejected"]
    with pytest.raises(DataError, match=r"event=buy: .* has no such event; column event"):
        read(tmp_path, {"event": events}, positive=("event=buy",))


def test_a_log_of_clicks_alone_is_a_log_of_what_was_taken(tmp_path: Path) -> None:
    log, notes = read(tmp_path, {"action": ["click", "click", "impression"]})
    assert meanings(log) == ["taken", "taken", "shown"]
    assert any("counts as taken" in note for note in notes)


def test_a_type_that_is_no_event_is_named_and_left_alone(tmp_path: Path) -> None:
    log, notes = read(tmp_path, {"type": ["guest", "member", "guest"]})
    assert log.label is None
    assert any("column type holds guest (2), member (1); it isn't read" in note for note in notes)


@pytest.mark.parametrize(
    ("ratings", "expected"),
    [
        ([1, 2, 3, 4, 5], ["rejected", "rejected", "had", "taken", "taken"]),
        ([0.5, 2.5, 3.5, 5.0], ["rejected", "had", "had", "taken"]),
        ([4, 5, 6, 7, 10], ["rejected", "had", "had", "taken", "taken"]),
        ([1, 3, 4, 5, 7], ["rejected", "rejected", "had", "taken", "taken"]),
        ([-1, 0, 1], ["rejected", "had", "taken"]),
        ([10, 50, 100], ["rejected", "had", "taken"]),
        # Nothing said of what the user had.
        ([0, 3, 5], ["taken", "had", "taken"]),
        ([-1, 1, 5], ["taken", "rejected", "taken"]),
        ([-2, -1, 0, 1, 2], ["rejected", "rejected", "had", "taken", "taken"]),
        ([0.1, 0.5, 0.9], ["rejected", "had", "taken"]),
        ([0, 1, 1], ["had", "taken", "taken"]),
        (["1/5", "3/5", "4/5"], ["rejected", "had", "taken"]),
        (["4/10", "7/10"], ["rejected", "taken"]),
        (["1 star", "5 stars", "4 Stars"], ["rejected", "taken", "taken"]),
        (["★☆☆☆☆", "★★★★☆", "★★★"], ["rejected", "taken", "had"]),
        (["20%", "90%"], ["rejected", "taken"]),
        (["👍", "👎", "neutral"], ["taken", "rejected", "had"]),
        (["thumbs up", "Thumbs down", "like"], ["taken", "rejected", "taken"]),
        (["3,0", "5", "1,5"], ["had", "taken", "rejected"]),
        (["N/A", "1", "5"], ["taken", "rejected", "taken"]),
        ([None, 1, 5], ["taken", "rejected", "taken"]),
        ([5, 5, 5], ["taken", "taken", "taken"]),
    ],
)
def test_a_rating_says_whether_it_was_liked(
    tmp_path: Path, ratings: list[Any], expected: list[str]
) -> None:
    assert meanings(read(tmp_path, {"rating": ratings})[0]) == expected


def test_a_log_of_ones_and_a_log_of_fives_are_told_apart(tmp_path: Path) -> None:
    low, _ = read(tmp_path, {"stars": [1, 1, 1, 5]})
    high, _ = read(tmp_path, {"stars": [5, 5, 5, 1]})
    assert [len(log.taken()) for log in (low, high)] == [1, 3]


def test_a_weight_is_no_opinion_until_somebody_says_so(tmp_path: Path) -> None:
    assert read(tmp_path, {"weight": [1, 2, 3]})[0].label is None
    log, _ = read(tmp_path, {"weight": [1, 2, 3]}, positive=("weight>=2",))
    assert meanings(log) == ["had", "taken", "taken"]


def test_a_column_may_be_called_by_its_own_name(tmp_path: Path) -> None:
    log, _ = read(tmp_path, {"Stars": [1, 2, 5]}, positive=("stars>=2",))
    assert meanings(log) == ["rejected", "taken", "taken"]
    with pytest.raises(DataError, match="has no column for price"):
        read(tmp_path, {"Stars": [1, 2, 5], "price": [1, 2, 3]}, positive=("price>2",))


def test_somebody_moves_the_thresholds(tmp_path: Path) -> None:
    said = {"taken": ">=3", "rejected": "<2"}
    log, _ = read(tmp_path, {"rating": [1, 2, 3]}, rating=said)
    assert meanings(log) == ["rejected", "had", "taken"]
    with pytest.raises(DataError, match="no comparison with a number"):
        read(tmp_path, {"rating": [1, 2, 3]}, rating={"taken": "good"})


def test_a_threshold_that_leaves_nobody_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no event is taken.* >=6 0 taken"):
        read(tmp_path, {"rating": [1, 2, 5]}, positive=("rating>=6",))


def test_ratings_on_two_scales_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column rating: ratings on two scales"):
        read(tmp_path, {"rating": [1, 2, 3, 4, 5, 5, 4, 3, 2, 4, 3, 80]})


def test_a_middling_log_of_a_larger_scale_is_on_one_scale(tmp_path: Path) -> None:
    log, _ = read(tmp_path, {"rating": [6, 7, 6, 7, 6, 7, 5, 7, 6, 7, 6, 9]})
    assert meanings(log).count("taken") == 6


@pytest.mark.parametrize("name", ["clicked", "is_click", "purchased", "target", "label"])
def test_columns_of_zero_and_one_are_labels(tmp_path: Path, name: str) -> None:
    log, _ = read(tmp_path, {name: [0, 1, 0, 1]})
    assert meanings(log) == ["shown", "taken", "shown", "taken"]


def test_a_target_of_other_values_is_no_label(tmp_path: Path) -> None:
    log, notes = read(tmp_path, {"target": ["men", "women", "men"]})
    assert log.label is None
    assert any("column target isn't read: men (2), women (1)" in note for note in notes)


def test_a_negative_quantity_came_back(tmp_path: Path) -> None:
    log, notes = read(tmp_path, {"Quantity": [3, -3, 1]})
    assert meanings(log) == ["taken", "rejected", "taken"]
    assert any("column Quantity says what a row means: <0 1 rejected" in note for note in notes)


def test_amounts_are_kept_beside_what_the_rows_mean(tmp_path: Path) -> None:
    log, _ = read(tmp_path, {"Quantity": [3, -3, 1, ""]})
    assert log.weight is not None
    np.testing.assert_array_equal(log.weight, [3, -3, 1, np.nan])
    log, _ = read(tmp_path, {"play_count": [3, 9, 1]})
    assert meanings(log) == ["taken"] * 3
    assert log.weight is not None
    assert log.weight.tolist() == [3, 9, 1]
    # An opinion beats an amount, and says something else.
    log, _ = read(tmp_path, {"rating": [5, 1, 5, 4], "Quantity": [3, 3, 1, 2]})
    assert log.weight is not None
    assert log.weight.tolist() == [5, 1, 5, 4]
    log, _ = read(tmp_path, {"status": ["paid", "open", "paid"]})
    assert log.weight is None
    log, _ = read(tmp_path, {"plays": [3, 9, 1]}, columns={"weight": "none"})
    assert log.weight is None


def test_rows_can_be_kept_by_any_column(tmp_path: Path) -> None:
    columns = {"Quantity": [3, -3, 1, 2], "status": ["paid", "paid", "open", "paid"]}
    log, notes = read(tmp_path, columns, keep=("Quantity>0 and status=paid",))
    assert log.item.tolist() == [0, 3]
    assert any("2 rows without Quantity>0 and status=paid are left out" in note for note in notes)
    with pytest.raises(DataError, match="names the column 'Qantity'"):
        read(tmp_path, columns, keep=("Qantity>0",))
    with pytest.raises(DataError, match="none of its 4 rows has Quantity>9"):
        read(tmp_path, columns, keep=("Quantity>9",))


def test_a_status_that_nobody_reads_is_named(tmp_path: Path) -> None:
    _, notes = read(tmp_path, {"status": ["paid", "open", "paid"]})
    assert any("column status isn't read: paid (2), open (1)" in note for note in notes)


@pytest.mark.parametrize(
    "name", ["star_rating", "Book-Rating", "user_rating", "Review Score", "grade", "评分"]
)
def test_ratings_have_many_names(tmp_path: Path, name: str) -> None:
    assert meanings(read(tmp_path, {name: [1, 3, 5]})[0]) == ["rejected", "had", "taken"]


def test_what_somebody_maps_as_a_rating_is_one(tmp_path: Path) -> None:
    log, _ = read(tmp_path, {"label": [1, 3, 5]}, columns={"rating": "label", "label": "none"})
    assert meanings(log) == ["rejected", "had", "taken"]
    log, notes = read(tmp_path, {"label": [1, 3, 5]}, columns={"weight": "label", "label": "none"})
    assert log.label is None
    assert any("where its 1 to 5 are ratings, map it as rating=label" in note for note in notes)


def test_a_rating_that_can_t_be_read_stops(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="2 of 3 cells of column rating hold no rating"):
        read(tmp_path, {"rating": ["frob", "nicated", "5"]})
    with pytest.raises(DataError, match="out of 5 and of 10"):
        read(tmp_path, {"rating": ["4/5", "7/10", "5/5"]})


def test_codes_of_events_stop_until_somebody_names_them(tmp_path: Path) -> None:
    codes = [0, 0, 0, 2]
    with pytest.raises(DataError, match=r"no usual names of events; .* event=2"):
        read(tmp_path, {"action_type": codes})
    log, _ = read(tmp_path, {"action_type": codes}, positive=("action_type=2",))
    assert meanings(log) == ["seen", "seen", "seen", "taken"]
    log, _ = read(tmp_path, {"action_type": codes}, columns={"event": "none"})
    assert log.label is None


def test_a_row_without_an_event_is_set_aside(tmp_path: Path) -> None:
    log, _ = read(tmp_path, {"event": ["view", None, "purchase", "view"]}, allow_loss=True)
    assert meanings(log) == ["seen", "taken", "seen"]


def test_events_under_any_name_stop(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"column kind holds events .*event=kind"):
        read(tmp_path, {"kind": ["view", "purchase", "view"]})
    log, _ = read(tmp_path, {"kind": ["view", "purchase", "view"]}, columns={"event": "none"})
    assert log.label is None


def test_unread_columns_of_truth_are_named(tmp_path: Path) -> None:
    _, notes = read(tmp_path, {"skipped": [0, 1, 0], "is_gift": [True, False, True]})
    assert any("skipped, is_gift are true or false, and aren't read" in note for note in notes)


def test_clicks_may_be_counted(tmp_path: Path) -> None:
    assert meanings(read(tmp_path, {"click": [0, 3, 1]})[0]) == ["shown", "taken", "taken"]


@pytest.mark.parametrize("spelt", ["-1", "(2)", "−1", "1-", "-0.5"])
def test_what_came_back_is_spelt_in_many_ways(tmp_path: Path, spelt: str) -> None:
    log, _ = read(tmp_path, {"qty": ["3", spelt, "1"]})
    assert meanings(log) == ["taken", "rejected", "taken"]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (("weight>=4",), "has no column for weight"),
        (("event!=buy",), "says of no column what is taken"),
        (("event=",), "says of no column what is taken"),
        (("event>=buy",), "events have names"),
        (("buy",), "says of no column what is taken"),
    ],
)
def test_what_can_t_be_a_positive_is_refused(
    tmp_path: Path, said: tuple[str, ...], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, {"event": ["view", "purchase"]}, positive=said)


def test_two_thresholds_are_refused_and_signs_are_understood(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="one threshold says what is taken"):
        read(tmp_path, {"rating": [1, 5]}, positive=("rating>=4", "rating<=2"))
    for said in ("rating≥4", "rating=>4", "rating=4,5", "rating==5"):
        log, _ = read(tmp_path, {"rating": [1, 5]}, positive=(said,))
        assert meanings(log) == ["rejected", "taken"]


def log_of(*events: tuple[int, int, int]) -> Interactions:
    """Return a log of (user, item, meaning), in time."""
    user, item, label = np.array(sorted(events, key=lambda event: event[0])).T
    return Interactions(
        user_ids=np.array(["u0", "u1"], dtype=object),
        user=user.astype(np.int32),
        item=item.astype(np.int32),
        time=np.arange(len(user), dtype=np.int64),
        has_clock=True,
        label=label.astype(np.int8),
    )


class TestTheLastWordCounts:
    def test_what_came_back_was_not_taken(self) -> None:
        log = log_of((0, 5, TAKEN), (0, 6, TAKEN), (0, 5, REJECTED))
        assert log.taken().item.tolist() == [6]
        assert log.rejected().item.tolist() == [5]

    def test_what_went_out_of_the_cart_was_not_taken_and_may_come_again(self) -> None:
        log = log_of((0, 5, TAKEN), (0, 6, TAKEN), (0, 5, DROPPED))
        assert log.taken().item.tolist() == [6]
        assert Histories.from_interactions(log).not_again()[0].tolist() == [6]

    def test_a_return_before_its_purchase_is_no_return(self) -> None:
        log = log_of((0, 5, REJECTED), (0, 5, TAKEN))
        assert log.taken().item.tolist() == [5]
        assert log.rejected().item.tolist() == []

    def test_one_user_s_word_is_not_another_s(self) -> None:
        log = log_of((0, 5, TAKEN), (1, 5, REJECTED))
        assert log.taken().item.tolist() == [5]

    def test_what_was_rejected_was_not_only_shown(self) -> None:
        log = log_of((0, 1, TAKEN), (0, 2, REJECTED), (0, 3, SHOWN))
        assert log.refused().item.tolist() == [3]

    def test_popularity_counts_what_stayed(self) -> None:
        log = log_of((0, 1, TAKEN), (1, 1, TAKEN), (1, 1, REJECTED), (1, 2, SEEN))
        assert log.user_counts(3).tolist() == [0, 1, 0]


class TestHistoriesKnowWhatStoodBeside:
    EVENTS = (
        (0, 1, TAKEN),
        (0, 2, SEEN),
        (0, 3, REJECTED),
        (0, 4, HAD),
        (0, 5, SHOWN),
        (1, 2, TAKEN),
    )

    def test_each_meaning_has_its_place(self) -> None:
        histories = Histories.from_interactions(log_of(*self.EVENTS))
        assert histories[0].tolist() == [1]
        beside = histories.beside
        assert beside is not None
        assert beside.attention[0].tolist() == [1, 2, 3, 4]
        assert beside.took.tolist() == [True, False, False, False, True]
        assert beside.seen[0].tolist() == [2, 4]
        assert beside.rejected[0].tolist() == [3]
        assert histories.not_again()[0].tolist() == [1, 3, 4]
        assert histories.not_again()[1].tolist() == [2]

    def test_the_newest_of_it_can_be_read_alone(self) -> None:
        beside = Histories.from_interactions(log_of(*self.EVENTS)).beside
        assert beside is not None
        newest, took = beside.newest(2)
        assert [newest[i].tolist() for i in range(2)] == [[3, 4], [2]]
        assert took.tolist() == [False, False, True]

    def test_it_goes_with_its_users(self) -> None:
        histories = Histories.from_interactions(log_of(*self.EVENTS))
        for taken in (
            histories.take(np.array([1, 0])),
            Histories.from_pasts([histories.past(1), histories.past(0)]),
        ):
            assert taken.beside is not None
            assert taken.beside.seen[1].tolist() == [2, 4]
            assert taken.beside.attention[0].tolist() == [2]
            assert taken.beside.took.tolist() == [True, True, False, False, False]

    def test_a_log_of_taken_and_shown_has_nothing_beside(self) -> None:
        log = log_of((0, 1, TAKEN), (0, 2, SHOWN))
        assert Beside.of(log) is None
        assert Histories.from_interactions(log).not_again()[0].tolist() == [1]

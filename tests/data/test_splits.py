"""Splits: nothing from the future in train, nobody's last event lost, the owner's parts kept."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from longtail.retrieval.data.interactions import TEST, TRAIN, VALID, Interactions
from longtail.retrieval.data.meaning.behaviours import SEEN, SHOWN, TAKEN
from longtail.retrieval.data.splits import LEAVE_LAST_LEAKS, split
from longtail.retrieval.errors import DataError


def log_of(
    users: list[int],
    times: list[int],
    *,
    label: list[int] | None = None,
    part: list[int] | None = None,
    clock: bool = True,
) -> Interactions:
    order = np.lexsort((np.array(times), np.array(users)))
    arrays = [None if a is None else np.array(a, np.int8)[order] for a in (label, part)]
    return Interactions(
        user_ids=np.array([f"u{i}" for i in range(max(users) + 1)], dtype=object),
        user=np.array(users, np.int32)[order],
        item=np.arange(len(users), dtype=np.int32),
        time=np.array(times, np.int64)[order],
        has_clock=clock,
        label=arrays[0],
        part=arrays[1],
    )


def test_by_time_the_last_tenth_is_test_and_the_tenth_before_valid() -> None:
    found = split(log_of([0, 1] * 10, list(range(100, 120))), "temporal")
    assert found.train.time.max() == 115
    assert sorted(found.valid.time.tolist()) == [116, 117]
    assert sorted(found.test.time.tolist()) == [118, 119]
    assert found.boundaries == (116, 118)


def test_events_of_one_moment_stay_together() -> None:
    found = split(
        log_of([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 1, 1, 1, 1, 1, 1, 2, 2, 2]), "temporal"
    )
    assert found.part.tolist() == [TRAIN] * 7 + [found.part[-1]] * 3
    assert len(set(found.part.tolist())) == 2


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30)), min_size=30, max_size=80),
    st.floats(0.0, 0.3),
    st.floats(0.0, 0.3),
)
def test_by_time_no_part_holds_an_event_earlier_than_the_part_before(
    events: list[tuple[int, int]], valid_share: float, test_share: float
) -> None:
    log = log_of([u for u, _ in events], [t for _, t in events])
    try:
        found = split(log, "temporal", valid_share=valid_share, test_share=test_share)
    except DataError:  # all events at one moment: nothing is left to train on
        assume(False)
    order = np.argsort(found.interactions.time, kind="stable")
    parts = found.part[order]
    assert (np.diff(parts) >= 0).all()
    moments = {t: set() for t in found.interactions.time.tolist()}
    for moment, part in zip(found.interactions.time.tolist(), found.part.tolist(), strict=True):
        moments[moment].add(part)
    assert all(len(held) == 1 for held in moments.values())
    assert len(found.train) + len(found.valid) + len(found.test) == len(log)


def test_leave_last_gives_the_last_to_test_and_the_one_before_to_valid() -> None:
    found = split(log_of([0, 0, 0, 0, 1, 1, 2], [1, 2, 3, 4, 5, 6, 7]), "leave-last")
    assert found.part.tolist() == [TRAIN, TRAIN, VALID, TEST, TRAIN, TRAIN, TRAIN]
    assert LEAVE_LAST_LEAKS in found.warnings


def test_a_rejected_event_goes_with_the_next_one_taken() -> None:
    found = split(
        log_of([0] * 7, [1, 2, 3, 4, 5, 6, 7], label=[1, 0, 1, 0, 1, 0, 0], clock=False),
        "leave-last",
    )
    assert found.part.tolist() == [TRAIN, VALID, VALID, TEST, TEST, TEST, TEST]


@given(st.lists(st.integers(0, 6), min_size=8, max_size=60))
def test_leave_last_holds_out_one_event_of_everyone_with_three(users: list[int]) -> None:
    log = log_of(users, list(range(len(users))))
    sizes = np.bincount(log.user)
    if sizes.max() < 3:
        return
    found = split(log, "leave-last")
    for part in (VALID, TEST):
        held = np.bincount(log.user[found.part == part], minlength=len(sizes))
        assert (held == (sizes >= 3)).all()


def test_given_parts_are_kept() -> None:
    log = log_of([0, 0, 1], [1, 2, 3], part=[TRAIN, TEST, VALID])
    assert split(log).kind == "given"
    assert split(log).part.tolist() == [TRAIN, TEST, VALID]


def test_auto_takes_given_then_time_then_the_last_events() -> None:
    users, times = [0] * 10, list(range(10))
    assert split(log_of(users, times, part=[0] * 10)).kind == "given"
    assert split(log_of(users, times)).kind == "temporal"
    assert split(log_of(users, times, clock=False)).kind == "leave-last"


def test_a_log_without_test_part_is_fine_and_said_so() -> None:
    found = split(log_of([0, 0], [1, 2], part=[TRAIN, VALID]))
    assert len(found.test) == 0
    assert any("test part is empty" in warning for warning in found.warnings)


def test_test_users_unknown_to_train_are_counted() -> None:
    found = split(log_of([0, 1], [1, 2], part=[TRAIN, TEST]))
    assert any("1 of 1 test users have no event in the train" in w for w in found.warnings)


def test_shares_of_zero_leave_their_part_empty() -> None:
    found = split(log_of([0] * 10, list(range(10))), "temporal", valid_share=0.0, test_share=0.2)
    assert (len(found.train), len(found.valid), len(found.test)) == (8, 0, 2)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("given", {}, "needs a split column"),
        ("temporal", {}, "needs real times"),
        ("random", {}, "is not one of"),
    ],
)
def test_a_split_that_the_log_does_not_allow_is_an_error(
    kind: str, options: dict[str, float], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        split(log_of([0, 0, 0], [1, 2, 3], clock=False), kind, **options)  # type: ignore[arg-type]


def test_nothing_to_train_on_is_an_error() -> None:
    with pytest.raises(DataError, match="no event to train on"):
        split(log_of([0, 0], [1, 2], part=[TEST, TEST]))
    with pytest.raises(DataError, match="must leave something to train on"):
        split(log_of([0, 0], [1, 2]), "temporal", valid_share=0.5, test_share=0.5)
    with pytest.raises(DataError, match="no event to train on"):
        split(log_of([0], [1], part=[TRAIN], label=[0]))


class TestDates:
    def test_two_dates_are_the_first_of_valid_and_of_test(self) -> None:
        days = [1_714_521_600 + 86_400 * n for n in range(-20, 40)]  # around 2024-05-01
        log = log_of([n % 3 for n in range(60)], days)
        for kind in ("2024-05-01,2024-06-01", "temporal:2024-05-01,2024-06-01T00:00Z"):
            found = split(log, kind)
            assert found.kind == "temporal"
            assert found.boundaries == (1_714_521_600, 1_717_200_000)
            assert [len(found.train), len(found.valid), len(found.test)] == [20, 31, 9]

    def test_of_one_date_the_valid_part_is_a_share_of_what_lies_before(self) -> None:
        days = [1_714_521_600 + 86_400 * n for n in range(-90, 10)]
        found = split(log_of([n % 3 for n in range(100)], days), "2024-05-01")
        assert [len(found.train), len(found.valid), len(found.test)] == [80, 10, 10]

    def test_dates_beat_the_owner_s_parts(self) -> None:
        log = log_of([0, 0, 0], [1, 1_714_521_600, 1_717_200_000], part=[TRAIN] * 3)
        assert split(log, "2024-05-01,2024-06-01").part.tolist() == [TRAIN, VALID, TEST]

    @pytest.mark.parametrize(
        ("kind", "message"),
        [
            ("2024-06-01,2024-05-01", "can't begin after the test part"),
            ("2024-05-01,2024-06-01,2024-07-01", "is not one of"),
            ("2024-13-01", "is not one of auto, temporal, temporal-users, leave-last, given"),
            ("leave-last:2024-05-01", "is not one of"),
            ("1969-05-01,1969-06-01", "no event to train on"),
        ],
    )
    def test_dates_that_say_nothing_are_an_error(self, kind: str, message: str) -> None:
        with pytest.raises(DataError, match=message):
            split(log_of([0, 0, 0], [1, 2, 3]), kind)

    def test_an_order_has_no_dates(self) -> None:
        with pytest.raises(DataError, match="needs real times"):
            split(log_of([0, 0], [1, 2], clock=False), "2024-05-01")


class TestKnownUsers:
    def test_valid_and_test_are_of_users_who_took_something_before(self) -> None:
        # Ten users who return, and ten who come at the end.
        users = [n % 10 for n in range(100)] + [10 + n for n in range(40)]
        times = [*range(80), *range(100, 120), *range(90, 130)]
        found = split(log_of(users, times), "temporal-users")
        known = set(found.train.user.tolist())
        assert set(found.valid.user.tolist()) | set(found.test.user.tolist()) <= known
        assert found.train.time.max() < found.valid.time.min() < found.test.time.min()
        kept = len(found.interactions)
        assert len(found.valid) / kept == pytest.approx(0.1, abs=0.02)
        assert len(found.test) / kept == pytest.approx(0.1, abs=0.02)
        assert any("are left out" in warning for warning in found.warnings)
        assert not any("no event in the train part" in warning for warning in found.warnings)

    def test_dates_say_from_when_on(self) -> None:
        start = 1_714_521_600
        log = log_of([0, 1, 0, 2, 0, 1], [5, 6, start, start, 2**31, 2**31])
        found = split(log, "temporal-users:2024-05-01,2024-06-01")
        assert [len(found.train), len(found.valid), len(found.test)] == [2, 1, 2]
        assert "1 events of 1 users" in found.warnings[0]

    def test_users_who_never_come_again_are_an_error(self) -> None:
        with pytest.raises(DataError, match="no user has taken anything at two times"):
            split(log_of(list(range(20)), list(range(20))), "temporal-users")

    def test_many_strangers_are_named_with_the_way_out(self) -> None:
        users = [*range(80), *range(80, 100)]
        found = split(log_of(users, list(range(100))), "temporal")
        [said] = [w for w in found.warnings if "no event in the train part" in w]
        assert "10 of 10 test users" in said
        assert "temporal-users" in said
        few = split(log_of([*[n % 9 for n in range(99)], 9], list(range(100))), "temporal")
        assert "temporal-users" not in " ".join(few.warnings)


def test_views_move_no_cut() -> None:
    taken = list(range(0, 1000, 10))
    views = list(range(900, 1000))
    log = log_of(
        [0] * 200, taken + views, label=[int(TAKEN)] * 100 + [int(SEEN)] * 50 + [int(SHOWN)] * 50
    )
    found = split(log)
    assert found.boundaries == (800, 900)
    assert len(found.test.taken()) == 10
    assert len(found.test) == 110


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        ("2031-01-01", "test"),
        ("temporal-users:2031-01-01", "test"),
        ("1970-01-01T00:00:05,2031-01-01", "test"),
        ("1970-01-01T00:00:05,1970-01-01T00:00:05", "valid"),
        ("2031-01-01,2031-02-01", "valid and the test"),
    ],
)
def test_dates_that_leave_a_part_empty_are_refused(kind: str, part: str) -> None:
    log = log_of([0, 1] * 5, list(range(10)))
    with pytest.raises(DataError, match=f"in the {part} part; events are from 1970-01-01 to 1970"):
        split(log, kind)

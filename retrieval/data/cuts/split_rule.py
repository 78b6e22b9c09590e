"""What a person says of how a log is to be split: a kind, dates, or both."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal, get_args

from longtail.retrieval.errors import DataError

SplitKind = Literal["temporal", "temporal-users", "leave-last", "given"]
KINDS = ("auto", *get_args(SplitKind))
_DATED = ("temporal", "temporal-users")


@dataclass(frozen=True)
class SplitRule:
    """A kind of split, and from when on events are valid and test.

    Attributes:
        kind: one of `KINDS`.
        valid_from: seconds since 1970, None where a share says it.
        test_from: likewise.
    """

    kind: str
    valid_from: int | None = None
    test_from: int | None = None

    @classmethod
    def of(cls, text: str) -> SplitRule:
        """Return the rule that ``temporal-users`` or ``2024-05-01,2024-06-01`` names.

        Two dates are the first of the valid and of the test part, one is that of the test part;
        ``temporal-users:`` may stand before them.

        >>> SplitRule.of("2024-05-01,2024-06-01")
        SplitRule(kind='temporal', valid_from=1714521600, test_from=1717200000)
        >>> SplitRule.of("temporal-users:2024-06-01").valid_from is None
        True

        Raises:
            DataError: it is none.
        """
        text = text.strip()
        if text in KINDS:
            return cls(text)
        named = re.match(rf"({'|'.join(_DATED)})\s*:", text)
        kind = named[1] if named else "temporal"
        words = (text[named.end() :] if named else text).split(",")
        moments = [moment_of(word) for word in words]
        if len(moments) > 2 or None in moments:
            raise DataError(
                f"split {text!r} is not one of {', '.join(KINDS)}, nor dates of the valid and the "
                "test part like 2024-05-01,2024-06-01 (temporal-users:2024-05-01,2024-06-01)"
            )
        *valid, test = (moment for moment in moments if moment is not None)
        if valid and valid[0] > test:
            raise DataError(f"split {text!r}: the valid part can't begin after the test part")
        return cls(kind, valid[0] if valid else None, test)


def split_text(value: Any) -> Any:
    """Return a split as text where YAML made a date of it.

    >>> split_text(date(2024, 6, 1))
    '2024-06-01'
    """
    return value.isoformat() if isinstance(value, date) else value


def moment_of(text: str) -> int | None:
    """Return seconds since 1970 of an ISO 8601 date or time, None for anything else.

    >>> moment_of("2024-06-01"), moment_of("2024-06-01T12:00:00+02:00"), moment_of("June")
    (1717200000, 1717236000, None)
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())

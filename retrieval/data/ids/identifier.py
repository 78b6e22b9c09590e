"""Ids of items and users: what one may hold, and how a value is spelt as one."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

LONGEST_ID = 512
# What ends a line or a text for one program or another: such an id comes back as two, or cut.
_CONTROL = r"\x00-\x1f\x7f-\x9f"
_UNSAFE = re.compile(rf"[{_CONTROL}\u2028\u2029\ud800-\udfff]")
_UNSAFE_FOR_ARROW = r"[\x00-\x1f\x7f\x{80}-\x{9f}\x{2028}\x{2029}]"
# The same for a JSON schema: something that is no blank, and nothing of the above.
ID_PATTERN = rf"^[^{_CONTROL}\u2028\u2029]*[^\s{_CONTROL}\u2028\u2029][^{_CONTROL}\u2028\u2029]*$"
TOO_LONG, UNSAFE = f"id longer than {LONGEST_ID} characters", "control character in an id"
NO_USER = "no user (NULL, nan, guest and the like)"
# How programs write that there is no user; without case. "0" may well be somebody.
_NOBODY = frozenset(
    (
        *("null", "<null>", "\\n", "nil", "none", "<none>", "(none)", "nan", "<na>", "#n/a", "n/a"),
        *("(null)", "00000000-0000-0000-0000-000000000000", "游客", "匿名", "匿名用户", "访客"),
        *("ゲスト", "비회원", "게스트", "gast", "invitado", "invité", "ospite", "гость"),
        *("undefined", "guest", "anonymous", "anon", "unknown", "(not set)", "not set"),
    )
)


def spelt_id(value: object) -> str:
    """Return a value as an id: text without the blanks around it, a whole number by its digits.

    >>> spelt_id(" u1 "), spelt_id(np.int64(196)), spelt_id(196.0)
    ('u1', '196', '196')

    Raises:
        TypeError: it is neither.
    """
    if isinstance(value, str):
        return str(value).strip()
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{value!r} is no id; ids are texts or whole numbers")


def fault_of_id(item_id: str) -> str:
    """Return what is wrong with an id that has no blanks around it; empty where nothing is.

    >>> fault_of_id("a b"), fault_of_id("a\\nb")
    ('', 'control character in an id')
    """
    if not item_id:
        return "empty id"
    if len(item_id) > LONGEST_ID:
        return TOO_LONG
    return UNSAFE if _UNSAFE.search(item_id) else ""


def names_nobody(user_id: str) -> bool:
    r"""Return whether an id only says that there is no user.

    >>> names_nobody("NULL"), names_nobody("\\N"), names_nobody("0")
    (True, True, False)
    """
    return user_id.casefold() in _NOBODY


def faults_of_ids(ids: Any) -> dict[str, NDArray[np.bool_]]:
    """Return for each fault which ids have it, bool [n]; ``ids`` is an Arrow string array.

    The same faults as `fault_of_id`, but for empty ids.
    """
    masks = {
        TOO_LONG: pc.greater(pc.utf8_length(ids), LONGEST_ID),
        UNSAFE: pc.match_substring_regex(ids, _UNSAFE_FOR_ARROW),
    }
    return {fault: mask for fault, found in masks.items() if (mask := np.asarray(found)).any()}


def name_nobody(ids: Any) -> NDArray[np.bool_]:
    """Return which of an Arrow string array only say that there is no user, bool [n]."""
    return np.asarray(pc.is_in(pc.utf8_lower(ids), pa.array(sorted(_NOBODY))), bool)

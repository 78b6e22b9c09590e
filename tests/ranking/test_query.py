"""A query says what is wanted, and is the one place that refuses what nobody can answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from processes import output_of_python

from longtail.console.wording import one_line
from longtail.retrieval.errors import QueryError
from longtail.retrieval.ranking.query import Query
from longtail.serving.http.http_errors import field_name


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({}, "user", "give one of user, history and text"),
        ({"user": "u", "text": "tea"}, "user", "give one of user, history and text"),
        ({"user": "u", "item": "i"}, "user", "give one of user, history and text"),
        ({"user": "u", "k": 0}, "k", "k is 0; take at least one item"),
        ({"user": "u", "pool": "tale"}, "pool", "'tale' is not one of tail, cold, head, all"),
        ({"user": "u", "mode": "each"}, "mode", "'each' is not one of fixed, per-user, profile"),
        ({"user": "u", "debias": 1.5}, "debias", "is 1.5; it lies between 0 and 1"),
        ({"user": "u", "debias": float("nan")}, "debias", "is nan; it lies between 0 and 1"),
        ({"user": "u", "diversity": -0.1}, "diversity", "is -0.1; it lies between 0 and 1"),
        ({"user": "u", "where": "brand=OPI"}, "where", "is a list"),
        ({"user": "u", "exclude": "i1"}, "exclude", "is a list"),
        ({"history": "i1"}, "history", "is a list"),
        ({"text": " \n"}, "text", "is empty"),
        ({"text": "\ud800"}, "text", "is not UTF-8"),
        ({"text": "tea", "mode": "profile"}, "mode", "a text has no history"),
        ({"text": "tea", "diversity": 0.5}, "diversity", "a text has no history"),
        (
            {"text": "tea", "user_columns": {"age": 1}},
            "user_columns",
            "goes with a user or a history",
        ),
        ({"item": "i", "user_columns": {}}, "user_columns", "goes with a user or a history"),
        ({"item": "i", "debias": 0.5}, "debias", "ranked by cosine"),
        ({"item": "i", "explain": True}, "explain", "ranked by cosine"),
    ],
)
def test_what_nobody_can_answer_is_refused_with_the_fields_name(
    fields: dict, field: str, said: str
) -> None:
    with pytest.raises(QueryError) as error:
        Query(**fields)
    assert error.value.field == field
    assert said in str(error.value)


def test_a_misspelt_option_is_no_option() -> None:
    with pytest.raises(TypeError, match="debais"):
        Query(user="u", debais=0.3)  # type: ignore[call-arg]


def test_each_door_spells_the_field_in_its_own_way() -> None:
    with pytest.raises(QueryError) as error:
        Query()
    assert error.value.worded(field_name) == "give one of user_id, history and text"
    assert one_line(error.value) == "give one of --user, --history and --text"
    with pytest.raises(QueryError) as error:
        Query(user="u", k=-1)
    assert one_line(error.value) == "-k is -1; take at least one item"


def test_what_a_message_quotes_is_left_as_it_is() -> None:
    with pytest.raises(QueryError) as error:
        Query(user="u", pool="user\nand k")  # type: ignore[arg-type]
    assert one_line(error.value).startswith("--pool 'user\\nand k' is not one of")


def test_lists_can_not_change_after_the_query_was_made() -> None:
    items = ["i1"]
    query = Query(history=items, where=["price<3"])
    items.append("i2")
    assert query.history == ("i1",)
    assert query.where == ("price<3",)


def test_a_query_waits_for_neither_torch_nor_pandas() -> None:
    code = "import sys, longtail.retrieval.ranking.query; print(*sys.modules)"
    printed = output_of_python("-c", code)
    assert not {"torch", "pandas", "faiss", "numba", "click"} & set(printed.split())


def test_whole_numbers_are_spelt_as_ids() -> None:
    query = Query(user=np.int64(196), exclude=pd.Series([3, 4]))  # type: ignore[arg-type]
    assert (query.user, query.exclude) == ("196", ("3", "4"))
    assert Query(history=np.array([7, 8])).history == ("7", "8")  # type: ignore[arg-type]
    assert Query(item=5.0).item == "5"  # type: ignore[arg-type]
    with pytest.raises(QueryError, match=r"history: 1.5 is no id"):
        Query(history=[1.5])  # type: ignore[list-item]

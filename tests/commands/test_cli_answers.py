"""`query`, `similar` and `recommend`: tables for people, data for programs, notes on stderr."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pandas as pd
import pytest
from command_line import longtail
from rich.console import Console

from longtail.console.console import one_line
from longtail.console.recommendation_table import answer_table
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.ranking.rerank.rerank import Mode

USER = "saw-fan-1"
HISTORY = "tools-saw-small,tools-saw-large,tools-saw-spare"
COLUMNS = [
    "user_id",
    "item_id",
    "rank",
    "score",
    "relevance",
    "popularity_percentile",
    "bucket",
    "fallback",
]


def records(text: str, style: str) -> list[dict[str, object]]:
    if style == "json":
        return list(json.loads(text))
    if style == "jsonl":
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("style", ["json", "jsonl", "csv"])
@pytest.mark.parametrize(
    "who",
    [["--user", USER], ["--history", HISTORY], ["--text", "a fine saw for the workshop"]],
    ids=["user", "history", "text"],
)
def test_data_formats_hold_the_answers_and_nothing_else(
    cli_run: Path, who: list[str], style: str
) -> None:
    done = longtail("query", cli_run, *who, "-k", 4, "--format", style)
    found = records(done.out, style)
    assert (done.code, done.err) == (0, "")
    assert [list(record) for record in found] == [COLUMNS] * 4
    assert [int(str(record["rank"])) for record in found] == [1, 2, 3, 4]


def test_reasons_are_ids_in_the_data_formats_and_titles_in_the_table(cli_run: Path) -> None:
    # Of items that are alike none is missed when it is left out alone.
    unlike = "tools-saw-small,tea-oolong-small,paint-gouache-small"
    asked = ["query", cli_run, "--history", unlike, "-k", 30, "--pool", "all", "--explain"]
    reasons = {
        i for r in json.loads(longtail(*asked, "--format", "json").out) for i in r["because"]
    }
    assert reasons <= set(unlike.split(","))
    assert reasons
    rows = records(longtail(*asked, "--format", "csv").out, "csv")
    assert {i for row in rows for i in str(row["because"]).split()} == reasons
    table = longtail(*asked).out
    assert "because saw " in table
    assert not any(f"because {item}" in table for item in reasons)


@pytest.mark.parametrize("pool", ["tail", "cold", "head", "all"])
def test_a_pool_gives_its_own_buckets_alone(cli_run: Path, pool: str) -> None:
    allowed = {"tail": {"tail", "cold"}, "all": {"head", "tail", "cold"}}.get(pool, {pool})
    done = longtail("query", cli_run, "--user", USER, "--pool", pool, "--format", "json")
    assert {record["bucket"] for record in json.loads(done.out)} <= allowed


def test_filters_exclusions_and_the_dial_reach_the_engine(cli_run: Path) -> None:
    asked = ["query", cli_run, "--user", USER, "-k", 60, "--pool", "all", "--format", "json"]
    whole = json.loads(longtail(*asked).out)
    first = whole[0]["item_id"]
    rest = json.loads(longtail(*asked, "--exclude", first, "--where", "brand=House of tea").out)
    assert rest
    assert all(r["item_id"].startswith("tea-") and r["item_id"] != first for r in rest)
    popular = [
        sum(
            r["popularity_percentile"] for r in json.loads(longtail(*asked, "--debias", d).out)[:10]
        )
        for d in (0, 1)
    ]
    assert popular[0] >= popular[1]
    seen = {record["item_id"] for record in whole}
    again = {record["item_id"] for record in json.loads(longtail(*asked, "--include-seen").out)}
    assert seen < again


def test_modes_and_diversity_reach_the_engine_alone_and_in_a_batch(
    cli_run: Path, tmp_path: Path
) -> None:
    from longtail.retrieval.ranking.retriever import Retriever

    engine = Retriever.open(cli_run)
    dials_tried: tuple[tuple[Mode, float], ...] = (("per-user", 0), ("profile", 0), ("fixed", 0.9))
    for mode, diversity in dials_tried:
        dials = ["--pool", "all", "--debias", 0.8, "--debias-mode", mode, "--diversity", diversity]
        done = longtail("query", cli_run, "--user", USER, *dials, "--format", "csv")
        assert done.code == 0, done.err
        single = [row["item_id"] for row in records(done.out, "csv")]
        wanted = engine.recommend(
            users=[USER], pool="all", debias=0.8, mode=mode, diversity=diversity
        )
        assert single == wanted["item_id"].tolist()
        out = tmp_path / "recs.parquet"
        done = longtail("recommend", cli_run, "--all", "-k", 10, *dials, "--out", out)
        assert done.code == 0, done.err
        frame = pd.read_parquet(out)
        assert frame[frame["user_id"] == USER]["item_id"].tolist() == single


def test_the_dials_of_a_list_change_it(cli_run: Path) -> None:
    asked = ["query", cli_run, "--user", USER, "--pool", "all", "--debias", 0.8, "--format", "json"]
    lists = {
        tuple(record["item_id"] for record in json.loads(longtail(*asked, *dials).out))
        for dials in ([], ["--debias-mode", "profile"], ["--diversity", 0.9])
    }
    assert len(lists) == 3


def test_more_answers_than_the_pool_holds_is_a_note(cli_run: Path) -> None:
    done = longtail("query", cli_run, "--user", USER, "--pool", "cold", "-k", 50, "--format", "csv")
    assert done.code == 0
    found = len(done.out.splitlines()) - 1
    assert 3 <= found < 10
    assert done.err == (
        f"note: {found} of 50 answers: the pool, filters and exclusions leave no more\n"
    )


def test_k_beyond_all_reason_costs_no_memory(cli_run: Path, tmp_path: Path) -> None:
    for k in (10**9, 10**30):
        done = longtail("query", cli_run, "--user", USER, "-k", k, "--pool", "all")
        assert done.code == 0
        assert f"of {k} answers" in done.err
        assert longtail("similar", cli_run, "--item", "tools-saw-small", "-k", k).code == 0
    out = tmp_path / "recs.parquet"
    assert longtail("recommend", cli_run, "--all", "-k", 10**9, "--out", out).code == 0
    complaint = longtail("evaluate", cli_run, "-k", 10**9).complaint
    assert "is more than the catalog holds (60 items)" in complaint


def test_no_history_is_answered_by_popularity_and_says_so(cli_run: Path) -> None:
    done = longtail("query", cli_run, "--history", ",", "-k", 3)
    assert done.code == 0
    assert done.err == "note: no history: the most popular items of the pool\n"


def test_no_answer_at_all_is_an_empty_table_with_a_note(cli_run: Path) -> None:
    for style, out in (("json", "[]\n"), ("jsonl", "")):
        done = longtail(
            "query", cli_run, "--user", USER, "--where", "price>1000", "--format", style
        )
        assert (done.code, done.out) == (0, out)
        assert "0 of 10 answers" in done.err
    assert longtail("query", cli_run, "--user", USER, "--where", "price>1000").code == 0


def test_similar_items_have_titles_in_the_table(cli_run: Path) -> None:
    done = longtail("similar", cli_run, "--item", "tools-saw-small", "-k", 3)
    assert (done.code, done.err) == (0, "")
    assert "cosine" in done.out
    assert "similar" not in done.out
    found = json.loads(
        longtail("similar", cli_run, "--item", "tools-saw-small", "--format", "json").out
    )
    assert found[0]["similar_to"] == "tools-saw-small"


def test_recommend_gives_every_user_the_answers_of_a_query(cli_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "recs.parquet"
    done = longtail("recommend", cli_run, "--all", "-k", 5, "--out", out)
    assert done.code == 0, done.err
    frame = pd.read_parquet(out)
    assert list(frame.columns) == COLUMNS
    assert frame["user_id"].nunique() == 81
    single = longtail("query", cli_run, "--user", USER, "-k", 5, "--pool", "all", "--format", "csv")
    mine = frame[frame["user_id"] == USER]["item_id"].tolist()
    assert mine == [row["item_id"] for row in records(single.out, "csv")]


def test_recommend_for_listed_users_and_for_strangers(cli_run: Path, tmp_path: Path) -> None:
    (tmp_path / "users.txt").write_text(f"\ufeff{USER}\n\n ink-fan-0 \n{USER}\n", encoding="utf-8")
    (tmp_path / "new.csv").write_text(
        "customer,asin,time\nn1,tea-oolong-small,1\nn1,tea-oolong-gift,2\nn2,ink,3\n"
    )
    out = tmp_path / "recs.parquet"
    done = longtail("recommend", cli_run, "--users", tmp_path / "users.txt", "-k", 2, "--out", out)
    assert done.code == 0, done.err
    assert pd.read_parquet(out)["user_id"].tolist() == [USER] * 2 + ["ink-fan-0"] * 2
    rejected = tmp_path / "rejected.csv"
    done = longtail(
        "recommend", cli_run, "--histories", tmp_path / "new.csv", "-k", 2, "--out", out,
        "--column", "user_id=customer", "--rejected", rejected,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "1 rows were set aside" in done.err
    assert len(pd.read_csv(rejected)) == 1
    assert pd.read_parquet(out)["user_id"].tolist() == ["n1"] * 2


def test_recommend_writes_a_file_also_when_nobody_gets_an_answer(
    cli_run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "recs.parquet"
    done = longtail("recommend", cli_run, "--all", "--where", "price>1000", "--out", out)
    assert done.code == 0, done.err
    assert list(pd.read_parquet(out).columns) == COLUMNS
    assert "81 users got fewer than 100 answers" in done.err


def answers(titles: list[str | None], ids: list[str] | None = None) -> tuple[pd.DataFrame, Catalog]:
    ids = ids or [f"i{n}" for n in range(len(titles))]
    frame = pd.DataFrame(
        {
            "user_id": "u",
            "item_id": ids,
            "rank": range(1, len(ids) + 1),
            "score": 1.5,
            "relevance": 0.01,
            "popularity_percentile": 50.0,
            "bucket": "tail",
            "base_rank": pd.array([None] * len(ids), dtype="Int64"),
            "because": [ids[:3]] * len(ids),
        }
    )
    return frame, Catalog(pd.DataFrame({"item_id": ids, "title": titles}), "{title}")


def drawn(frame: pd.DataFrame, catalog: Catalog, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), markup=False, emoji=False, highlight=False)
    with console.capture() as captured:
        console.print(answer_table(frame, catalog, width))
    return captured.get().splitlines()


@pytest.mark.parametrize("width", [80, 100, 200])
def test_a_table_with_long_titles_fits_and_keeps_every_id(width: int) -> None:
    ids = [f"B00{n:07d}" for n in range(5)]
    lines = drawn(*answers(["An endless title that goes on " * 20] * 5, ids), width)
    assert max(map(len, lines)) <= width
    assert all(any(item in line for line in lines) for item in ids)
    # Two lines of heading; an answer takes one line and its two reasons one each.
    assert len(lines) == 2 + 5 * 3


def test_titles_are_shown_as_they_are_written() -> None:
    odd = ["[red]not a colour[/red]", ":smile: [/]", "two\nlines\tand\x1b[31m", None, "漢字" * 80]
    lines = drawn(*answers(odd), 100)
    text = "\n".join(lines)
    for part in ("[red]not a colour[/red]", ":smile: [/]", "two lines and [31m"):
        assert part in text
    assert "\x1b" not in text
    assert len(lines) == 2 + 5 * 3


def test_an_item_without_a_title_is_called_by_its_id() -> None:
    assert "because i0" in "\n".join(drawn(*answers([None, " "]), 100))


def test_a_cut_line_ends_in_an_ellipsis_and_keeps_its_width() -> None:
    assert one_line("漢字漢字", 5).cell_len <= 5
    assert one_line("short", 10).plain == "short"

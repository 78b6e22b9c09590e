"""`longtail data convert`: bad lines are counted, mistakes are named, all or nothing is written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from checkout import ROOT
from command_line import longtail
from converted import frame_of, write_files

from longtail.layouts.convert import convert
from longtail.layouts.registry import LAYOUTS
from longtail.retrieval.errors import DataError

PAGE = ROOT / "docs" / "layouts.md"
MOVIES = "".join(f"{n}::Lamp {n} (1990)::Drama\n" for n in range(1, 13))
RATINGS = "".join(f"{n}::{n}::5::978300760\n" for n in range(1, 13))


def movies(tmp_path: Path, **files: str | bytes) -> Path:
    return write_files(tmp_path / "ml", {"movies.dat": MOVIES, "ratings.dat": RATINGS, **files})


def test_the_command_writes_a_folder_that_validates(tmp_path: Path) -> None:
    folder = movies(tmp_path, README="made up")
    done = longtail("data", "convert", "--from", "movielens", folder, "--out", tmp_path / "out")
    assert (done.code, done.out) == (
        0,
        f"wrote {tmp_path}/out/items.parquet (12 rows), "
        f"{tmp_path}/out/interactions.parquet (12 rows)\n",
    )
    assert "note: not used: README\n" in done.err
    assert f"next: longtail data validate {tmp_path}/out\n" in done.err
    rejected = tmp_path / "rejected.csv"
    checked = longtail("data", "validate", tmp_path / "out", "--strict", "--rejected", rejected)
    assert checked.code == 0, checked.err


def test_every_layout_stands_in_the_documentation_with_one_option() -> None:
    cells = [row.split(" | ") for row in PAGE.read_text(encoding="utf-8").splitlines()]
    options = [row[1] for row in cells if len(row) > 2 and row[1].startswith(("`--", "none"))]
    assert len(options) >= 24
    named = re.findall(r"`--from (\w+)`", " ".join(options))
    assert set(named) == set(LAYOUTS)


def test_every_layout_is_offered() -> None:
    shown = longtail("data", "convert", "--help").out
    assert "|".join(LAYOUTS) in shown


def test_bad_lines_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    bad = {"ratings.dat": RATINGS + "1::2::5\nnonsense\n"}
    result = convert("movielens", [movies(tmp_path, **bad)], tmp_path / "out")
    assert result.notes == [
        f"{tmp_path}/ml/ratings.dat: 2 lines left out: not 4 cells (first: line 13)"
    ]
    assert len(frame_of(tmp_path / "out/interactions.parquet")) == 12


def test_a_file_that_is_mostly_something_else_is_refused(tmp_path: Path) -> None:
    folder = movies(tmp_path, **{"ratings.dat": RATINGS + "1::2::5\n" * 4})
    with pytest.raises(DataError, match=r"4 of 16 lines can't be read, most of them: not 4 cells"):
        convert("movielens", [folder], tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_a_missing_file_is_named_with_what_is_expected(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "ml", {"ratings.dat": RATINGS})
    done = longtail("data", "convert", "--from", "movielens", folder, "--out", tmp_path / "out")
    assert done.code == 1
    assert done.err.endswith(
        "movielens: no file of movies among ratings.dat; expected movies.csv, movies.dat or "
        "u.item\n"
    )
    assert done.err.count("\n") == 1


def test_files_are_told_by_their_content_whatever_their_names(tmp_path: Path) -> None:
    folder = write_files(tmp_path, {"a.txt": RATINGS, "b.gz": MOVIES})
    result = convert("movielens", [folder / "a.txt", folder / "b.gz"], tmp_path / "out")
    assert result.rows == {"items": 12, "interactions": 12}


def test_two_files_that_could_be_the_same_are_named(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "ml", {"m.dat": MOVIES, "r1.dat": RATINGS, "r2.dat": RATINGS})
    with pytest.raises(DataError, match=r"2 files could be the ratings: .*r1.dat, .*r2.dat"):
        convert("movielens", [folder], tmp_path / "out")


def test_a_packed_file_is_to_be_unpacked(tmp_path: Path) -> None:
    packed = write_files(tmp_path, {"ml-1m.zip": b"PK\x03\x04"}) / "ml-1m.zip"
    with pytest.raises(DataError, match=r"ml-1m.zip: unpack it first"):
        convert("movielens", [packed], tmp_path / "out")
    with pytest.raises(DataError, match=r"expected .* or u.item; unpack ml-1m.zip first"):
        convert("movielens", [tmp_path], tmp_path / "out")
    with pytest.raises(DataError, match=r"nowhere: no such file or folder"):
        convert("movielens", [tmp_path / "nowhere"], tmp_path / "out")


def test_a_folder_with_another_catalog_is_left_alone(tmp_path: Path) -> None:
    out = write_files(tmp_path / "out", {"items.csv": "item_id,title\n1,Lamp\n"})
    with pytest.raises(DataError, match=r"already holds items.csv; name another folder"):
        convert("movielens", [movies(tmp_path)], out)
    (out / "items.csv").unlink()
    convert("movielens", [movies(tmp_path)], out)
    assert convert("movielens", [movies(tmp_path)], out).rows["items"] == 12


def test_a_gzip_that_breaks_off_writes_nothing(tmp_path: Path) -> None:
    folder = movies(tmp_path, **{"ratings.dat.gz": RATINGS})
    (folder / "ratings.dat").unlink()
    packed = folder / "ratings.dat.gz"
    packed.write_bytes(packed.read_bytes()[:-12])
    with pytest.raises(DataError, match=r"ratings.dat.gz: can't be read after line"):
        convert("movielens", [folder], tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


HM = {
    "articles.csv": "article_id,prod_name\n01,Top\n02,Hat\n",
    "transactions_train.csv": "t_dat,customer_id,article_id\n" + "2018-09-20,c,01\n" * 12,
}


def test_a_quote_that_never_ends_and_text_after_a_quote_make_no_rows(tmp_path: Path) -> None:
    articles = HM["articles.csv"] + "".join(f"{n},Shirt\n" for n in range(10, 40))
    articles += '41,"Sock" red\n42,Cap\n43,"Glove\n44,Coat\n'
    folder = write_files(tmp_path / "hm", {**HM, "articles.csv": articles})
    result = convert("hm", [folder], tmp_path / "out")
    assert result.rows["items"] == 33
    assert sorted(result.notes) == [
        f"{folder}/articles.csv: 1 lines left out: ',' expected after '\"' (first: line 34)",
        f"{folder}/articles.csv: 2 lines left out: unexpected end of data (first: line 36)",
    ]


def test_a_line_that_isn_t_utf8_is_a_bad_one(tmp_path: Path) -> None:
    log = HM["transactions_train.csv"].encode() + b"2018-09-20,caf\xe9,01\n"
    folder = write_files(tmp_path / "hm", {**HM, "transactions_train.csv": log})
    assert (
        "1 lines left out: not UTF-8 (first: line 14)"
        in convert("hm", [folder], tmp_path / "out").notes[0]
    )


def test_one_json_array_is_refused_with_the_way_out(tmp_path: Path) -> None:
    event = '[{"event_name": "purchase", "event_timestamp": "1", "items": [{"item_id": "a"}]}]'
    folder = write_files(tmp_path / "ga", {"events.json": event})
    with pytest.raises(DataError, match=r"events.json is one JSON array: write an object a line"):
        convert("ga4", [folder], tmp_path / "out")


def test_events_without_a_user_are_counted(tmp_path: Path) -> None:
    log = HM["transactions_train.csv"] + "2018-09-20,,01\n"
    folder = write_files(tmp_path / "hm", {**HM, "transactions_train.csv": log})
    assert convert("hm", [folder], tmp_path / "out").notes == ["1 events left out: no user_id"]


def test_half_a_surrogate_pair_becomes_a_question_mark(tmp_path: Path) -> None:
    business = '{"business_id": "b", "name": "Elm \\ud83d", "categories": null}\n'
    review = '{"review_id": "r", "user_id": "u", "business_id": "b", "stars": 4, "date": ""}\n'
    folder = write_files(tmp_path / "y", {"business.json": business, "review.json": review})
    convert("yelp", [folder], tmp_path / "out")
    assert frame_of(tmp_path / "out/items.parquet")["title"].tolist() == ["Elm ?"]


def test_a_folder_of_another_layout_or_a_spreadsheet_says_what_to_do(tmp_path: Path) -> None:
    folder = movies(tmp_path)
    other = longtail("data", "validate", folder)
    assert (other.code, other.err.count("\n")) == (1, 1)
    assert other.err.endswith(
        f"{folder}: holds files of another layout, movielens; turn them into ours: longtail data "
        f"convert --from movielens {folder} --out NEW_FOLDER\n"
    )
    sheet = write_files(tmp_path / "sheet", {"items.xlsx": b"PK\x03\x04"})
    done = longtail("data", "validate", sheet)
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "items.xlsx: is a spreadsheet: export it as CSV (UTF-8)" in done.err
    with pytest.raises(DataError, match=r"items.xlsx: is a spreadsheet: export it as CSV"):
        convert("shopify", [sheet / "items.xlsx"], tmp_path / "out")

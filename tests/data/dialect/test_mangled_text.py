"""Words that were read in a wrong encoding are said, with an example and the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.rejected import RejectedRows

CHINESE = ["便携羽绒服", "保暖登山鞋", "加厚棉被子", "不锈钢茶壶", "陶瓷杯子套装", "儿童雨衣"]
FRENCH = ["Théière en acier", "Tasse à café", "Crème brûlée", "Fenêtre", "Écharpe légère"]


def notes(folder: Path, titles: list[str], encoding: str = "utf-8", said: str = "") -> str:
    path = folder / "items.csv"
    lines = [f"{number},{title}\n" for number, title in enumerate(titles)]
    path.write_bytes("".join(["item_id,title\n", *lines]).encode(encoding))
    rejected = RejectedRows()
    read_catalog(path, reading=Reading(encoding=said or None), rejected=rejected)
    return "\n".join(rejected.notes)


def test_utf8_that_was_written_as_utf8_again_says_what_it_was(tmp_path: Path) -> None:
    said = notes(tmp_path, [title.encode().decode("latin-1") for title in FRENCH])
    assert "that was taken for Windows-1252 would be 'Théière en acier'" in said
    assert "try iconv -f UTF-8 -t LATIN1 items.csv > NEW_FILE" in said


@pytest.mark.parametrize(("wrong", "name"), [("cp1251", "Windows-1251"), ("gb18030", "GB18030")])
def test_utf8_taken_for_another_encoding_is_named(tmp_path: Path, wrong: str, name: str) -> None:
    titles = ["Тёплая куртка", "Чайник", "Шарф", "Лампа"]
    said = notes(tmp_path, [title.encode().decode(wrong, "ignore") for title in titles])
    assert f"UTF-8 that was taken for {name} would be" in said


def test_chinese_taken_for_latin_names_what_it_is_in(tmp_path: Path) -> None:
    said = notes(tmp_path, [title.encode("gb18030").decode("latin-1") for title in CHINESE])
    assert "GB18030 that was taken for Windows-1252 would be '便携羽绒服'" in said
    assert "| iconv -f GB18030 -t UTF-8" in said


def test_an_encoding_that_was_said_and_is_another_is_named(tmp_path: Path) -> None:
    said = notes(tmp_path, CHINESE, "gb18030", "latin-1")
    assert "in GB18030 that is '便携羽绒服'; say --encoding GB18030" in said
    assert "look wrong" not in notes(tmp_path, CHINESE, "gb18030", "GB18030")


def test_letters_that_are_lost_are_counted(tmp_path: Path) -> None:
    titles = ["��� 0", "��� 1", "锟斤拷 2", "Cup"]
    said = notes(tmp_path, titles)
    assert "letters are lost in 3 of 4 cells of column title (row 1: '��� 0')" in said
    assert "export the file again as UTF-8" in said


@pytest.mark.parametrize(
    "titles",
    [
        FRENCH,
        CHINESE,
        ["Größe M", "Körbchen", "Bücherregal", "Süßes", "Öl"],
        ["Smørbrød", "Blåbær", "Æbleskive", "Grød"],
        ["Pão de açúcar", "Coração", "Maçã", "Café"],
        ["Ünlü çiçek", "İstanbul", "Şeker", "Güneş"],
        ["Žluťoučký kůň", "Řízek", "Čaj"],
        ["Тёплая куртка", "Чайник", "Шарф"],
        ["Jacket™", "5 € cup", "“Best” pot", "30° lamp"],
        ["軽量ダウンジャケット", "ティーポット", "マフラー"],
        ["Cup�", *(f"Cup {n}" for n in range(80))],
    ],
)
def test_words_that_are_right_are_left_alone(tmp_path: Path, titles: list[str]) -> None:
    said = notes(tmp_path, titles)
    assert "look wrong" not in said
    assert "lost" not in said

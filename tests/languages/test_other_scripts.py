"""Files, templates and full-text search in languages other than English."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from longtail.evaluation.baselines import BM25
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.roles.find_roles import find_roles
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.languages.column_names import NAMES
from longtail.retrieval.data.text_template import render, resolve_template
from longtail.serving.explorer.text_search import TextSearch

CATALOG = ["item_id", "title", "description", "categories", "brand"]
LOG = ["user_id", "item_id", "timestamp", "weight"]


@pytest.mark.parametrize(
    "header",
    [
        "商品ID,商品名称,描述,类别,品牌",
        "商品ＩＤ,标题,商品描述,分类,品牌",
        "商品コード,商品名,説明,カテゴリ,ブランド",
        "상품ID,상품명,설명,카테고리,브랜드",
        "Artikel-Nr.,Bezeichnung,Beschreibung,Kategorie,Marke",
    ],
)
def test_a_catalog_header_is_known_in_other_languages(header: str) -> None:
    names = header.split(",")
    roles = find_roles(Path("items.csv"), names, "items", {})
    assert roles == dict(zip(CATALOG, names, strict=True))


@pytest.mark.parametrize(
    "header",
    [
        "用户ID,商品ID,时间,评分",
        "ユーザーID,商品番号,日時,評価",
        "사용자ID,상품번호,시간,평점",
        "Kundennummer,Artikelnummer,Datum,Bewertung",
        "Kundennr,Artikel Nr,Zeitstempel,Sterne",
    ],
)
def test_a_log_header_is_known_in_other_languages(header: str) -> None:
    names = header.split(",")
    roles = find_roles(Path("log.csv"), names, "log", {})
    assert roles == dict(zip(LOG, names, strict=True))


def test_no_name_stands_for_two_roles() -> None:
    names = [name for listed in NAMES.values() for name in listed.split()]
    assert len(names) == len(set(names))


def test_sentences_without_blanks_are_free_text_and_codes_are_not() -> None:
    frame = pd.DataFrame(
        {
            "item_id": ["1", "2", "3"],
            "title": ["登山鞋", "羽绒服", "保温杯"],
            "材质": ["真皮", "鹅绒", "不锈钢"],
            "颜色": ["红", "蓝", "黑"],
            "卖点": ["防水透气适合雨天", "轻便保暖适合冬天", "保温十二小时"],
            "货号": ["鞋A1", "服B2", "杯C3"],
            "价格": ["99元起", "499元起", "59元起"],
            "Lagerbestand": ["viele da", "wenige da", "keine da"],
            "型号": ["A1x", "B2x", "C3x"],
        }
    )
    assert resolve_template("auto", frame) == "{title}. {材质}. {颜色}. {卖点}"


def test_a_full_stop_of_any_script_ends_a_field() -> None:
    frame = pd.DataFrame({"title": ["登山鞋。", "Shoe."], "use": ["雨天", "rain"]})
    assert render("{title}. {use}", frame) == ["登山鞋。 雨天", "Shoe. rain"]


@pytest.mark.parametrize(
    ("titles", "alike"),
    [
        (["红色登山鞋", "防水登山鞋男", "儿童羽绒服"], 1),
        (["防水ハイキングシューズ", "軽量シューズ", "電気ケトル"], 1),
        (["방수등산화", "여성등산화", "전기주전자"], 1),
        (["รองเท้าเดินป่า", "รองเท้าวิ่ง", "กาต้มน้ำ"], 1),
        (["पानी की बोतल", "लाल बोतल", "सूती कुर्ता"], 1),
        (["茶", "茶 绿", "鞋"], 1),
    ],
)
def test_bm25_finds_words_that_no_blank_parts(titles: list[str], alike: int) -> None:
    ids = np.array(list("abc"), dtype=object)
    catalog = Catalog(pd.DataFrame({"item_id": ids, "title": titles}), "{title}")
    first = np.zeros(1, np.int32)
    log = Interactions(np.array(["u"], dtype=object), first, first, np.zeros(1, np.int64), True)
    scores = BM25().fit(log, catalog).scores(Histories.from_interactions(log))[0]
    assert scores[alike] > 0
    assert scores[2] == -np.inf


class TestTextSearch:
    SEARCH = TextSearch.of(["防水登山鞋 红色", "红色登山鞋", "登山包", "红茶", "nike 登山运动鞋"])

    def test_what_holds_the_words_as_they_stand_comes_first(self) -> None:
        assert self.SEARCH.with_words("红色登山鞋", np.ones(5, bool), 5) == [1, 0]

    def test_other_words_stay_asked_for(self) -> None:
        assert self.SEARCH.with_words("nike 登山鞋", np.ones(5, bool), 5) == [4]

    def test_a_word_of_two_characters_is_found_as_it_is(self) -> None:
        assert self.SEARCH.with_words("登山", np.ones(5, bool), 5) == [0, 1, 2, 4]

    def test_only_allowed_texts_and_as_many_as_asked_for(self) -> None:
        allowed = np.array([True, False, True, True, True])
        assert self.SEARCH.with_words("红色登山鞋", allowed, 5) == [0]
        assert self.SEARCH.with_words("红色登山鞋", np.ones(5, bool), 1) == [1]

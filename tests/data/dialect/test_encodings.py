"""Files in other encodings than UTF-8 are read as what they are, with a note."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.dialect.encoding.encodings import (
    encoding_named,
    likely_encodings,
)
from longtail.retrieval.data.files.dialect.reading import AS_THEY_ARE, Reading
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.losses.loss_limit import refuse_loss
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.errors import DataError

TITLES = {
    "gb18030": "便携电风扇 加厚登山鞋 加湿器 不锈钢保温杯 儿童书包 蓝牙耳机 手机壳",
    "big5": "隨身電風扇 加厚登山鞋 加濕器 不鏽鋼保溫杯 兒童書包 藍牙耳機 手機殼 機械鍵盤",
    "shift_jis": "扇風機 トレッキングシューズ 加湿器 ステンレスボトル ぬいぐるみ お茶の葉",
    "euc_jp": "扇風機 トレッキングシューズ 加湿器 ステンレスボトル ぬいぐるみ お茶の葉",
    "euc_kr": "휴대용선풍기 등산화 가습기 보온병 어린이가방 블루투스이어폰 휴대폰케이스 운동화",
    "cp1251": "Вентилятор Ботинки Увлажнитель Термос Рюкзак Наушники Клавиатура Платье",
    "cp1252": "Café Théière Größe Bücher Kaffeemühle Crème Niño l’été 5€ Forêt",
    "cp1250": "Książka Łóżko Żarówka Świeca Źródło Ćwiczenia Gęś Słońce",
}
SPOKEN = {
    "gb18030": "GB18030", "big5": "Big5", "shift_jis": "Shift-JIS", "euc_jp": "EUC-JP",
    "euc_kr": "EUC-KR", "cp1251": "Windows-1251", "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
}  # fmt: skip


def items_of(path: Path, reading: Reading = AS_THEY_ARE) -> tuple[Catalog, list[str]]:
    rejected = RejectedRows()
    catalog = read_catalog(path, reading=reading, rejected=rejected)
    return catalog, [note for note in rejected.notes if "read as" in note]


@pytest.mark.parametrize("codec", TITLES)
@pytest.mark.parametrize("plain", [0, 200])
def test_an_encoding_is_told_from_its_text(tmp_path: Path, codec: str, plain: int) -> None:
    titles = [f"{word} {n}" for n, word in enumerate(TITLES[codec].split() * 4)]
    titles += [f"plain words {n}" for n in range(plain)]
    text = "item_id,title\n" + "".join(f"i{n},{title}\n" for n, title in enumerate(titles))
    (tmp_path / "items.csv").write_bytes(text.encode(codec))
    catalog, notes = items_of(tmp_path / "items.csv")
    assert catalog.frame["title"].tolist() == titles
    assert len(notes) == 1
    assert f"read as {SPOKEN[codec]}" in notes[0]


@pytest.mark.parametrize("codec", ["gb18030", "big5", "shift_jis", "euc_kr", "cp1251", "cp1252"])
def test_a_few_words_are_enough(codec: str) -> None:
    lines = [f"{n},{word}".encode(codec) for n, word in enumerate(TITLES[codec].split()[:4])]
    best = likely_encodings(lines)[0]
    assert [line.decode(best) for line in lines] == [line.decode(codec) for line in lines]


def test_a_header_in_another_encoding_names_columns(tmp_path: Path) -> None:
    text = "商品编号,商品名称\n" + "".join(
        f"{n},{word}\n" for n, word in enumerate(TITLES["gb18030"].split())
    )
    (tmp_path / "items.csv").write_bytes(text.encode("gb18030"))
    reading = Reading(columns={"item_id": "商品编号", "title": "商品名称"})
    assert items_of(tmp_path / "items.csv", reading)[0].frame["title"][0] == "便携电风扇"


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32"])
def test_marked_and_wide_encodings_are_read(tmp_path: Path, codec: str) -> None:
    text = 'item_id,title\n1,Łódź\n2,"茶, ""x"""\n3,Plain\n'
    (tmp_path / "items.csv").write_bytes(text.encode(codec))
    assert items_of(tmp_path / "items.csv")[0].frame["title"].tolist() == [
        "Łódź", '茶, "x"', "Plain",
    ]  # fmt: skip
    (tmp_path / "items.csv.gz").write_bytes(gzip.compress(text.encode(codec)))
    assert len(items_of(tmp_path / "items.csv.gz")[0]) == 3


def test_a_file_whose_first_megabyte_is_plain_is_read_again(tmp_path: Path) -> None:
    plain = [f"plain words without any end {n}" for n in range(40_000)]
    other = [f"{word} {n}" for n, word in enumerate(TITLES["cp1251"].split() * 3)]
    text = "item_id,title\n" + "".join(f"i{n},{t}\n" for n, t in enumerate([*plain, *other]))
    assert text.encode("cp1251")[: 1 << 20].isascii()
    (tmp_path / "items.csv").write_bytes(text.encode("cp1251"))
    catalog, notes = items_of(tmp_path / "items.csv")
    assert catalog.frame["title"].tolist()[-1] == other[-1]
    assert "read as Windows-1251" in notes[0]


def test_a_few_bad_rows_among_utf_8_are_set_aside(tmp_path: Path) -> None:
    lines = [f"{n},Café {n}\n".encode() for n in range(30)]
    lines += [f"{n},Café {n}\n".encode("cp1252") for n in range(30, 33)]
    (tmp_path / "items.csv").write_bytes(b"item_id,title\n" + b"".join(lines))
    rejected = RejectedRows()
    catalog = read_catalog(tmp_path / "items.csv", rejected=rejected)
    assert len(catalog) == 30
    assert {reason for _, reason in rejected.counts()} == {"not UTF-8"}
    assert rejected.notes == []


def test_a_third_of_the_rows_in_one_encoding_makes_the_file_so(tmp_path: Path) -> None:
    lines = [f"{n},plain {n}\n" for n in range(6)] + [f"{n},Größe {n}\n" for n in range(6, 10)]
    (tmp_path / "items.csv").write_bytes(("item_id,title\n" + "".join(lines)).encode("cp1252"))
    catalog, notes = items_of(tmp_path / "items.csv")
    assert len(catalog) == 10
    assert "Windows-1252" in notes[0]


def test_an_encoding_that_was_said_counts(tmp_path: Path) -> None:
    text = "item_id,title\n1,Książka\n2,Łóżko\n"
    (tmp_path / "items.csv").write_bytes(text.encode("iso8859-2"))
    catalog, notes = items_of(tmp_path / "items.csv", Reading(encoding="ISO-8859-2"))
    assert catalog.frame["title"].tolist() == ["Książka", "Łóżko"]
    assert "read as iso8859-2" in notes[0]
    with pytest.raises(DataError, match="'klingon' is no encoding; among those known are UTF-8"):
        items_of(tmp_path / "items.csv", Reading(encoding="klingon"))
    assert encoding_named("big5") == "big5hkscs"


def test_what_an_encoding_cannot_read_is_set_aside(tmp_path: Path) -> None:
    rows = [f"{n},{word}\n".encode("gb18030") for n, word in enumerate(TITLES["gb18030"].split())]
    (tmp_path / "items.csv").write_bytes(b"item_id,title\n" + b"".join(rows) + b"x,\xff\xff\n")
    rejected = RejectedRows()
    catalog = read_catalog(
        tmp_path / "items.csv", reading=Reading(encoding="gb2312"), rejected=rejected
    )
    assert len(catalog) == len(rows)
    assert len(rejected) == 1


def test_logs_and_json_lines_are_read_in_their_encoding(tmp_path: Path) -> None:
    words = TITLES["gb18030"].split()
    lines = [f'{{"item_id": "{word}", "title": "{word}"}}\n' for word in words]
    (tmp_path / "items.jsonl").write_bytes("".join(lines).encode("gb18030"))
    catalog, notes = items_of(tmp_path / "items.jsonl")
    assert catalog.item_ids.tolist() == words
    assert "GB18030" in notes[0]
    log = "user_id,item_id\n" + "".join(f"用户{n},{word}\n" for n, word in enumerate(words))
    (tmp_path / "log.csv").write_bytes(log.encode("gb18030"))
    read = read_interactions(tmp_path / "log.csv", catalog, rejected=RejectedRows())
    assert np.unique(read.item).tolist() == list(range(len(words)))
    assert read.user_ids[0] == "用户0"


def test_a_header_line_alone_may_tell_the_encoding(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\n1,A\n2,B\n")
    catalog, _ = items_of(tmp_path / "items.csv")
    text = "用户编号,商品编号,时间\n" + "".join(
        f"u{n},{1 + n % 2},{1_700_000_000 + n}\n" for n in range(40)
    )
    (tmp_path / "log.csv").write_bytes(text.encode("gb18030"))
    reading = Reading(columns={"user_id": "用户编号", "item_id": "商品编号", "timestamp": "时间"})
    log = read_interactions(tmp_path / "log.csv", catalog, reading=reading, rejected=RejectedRows())
    assert len(log) == 40


@pytest.mark.parametrize(
    ("codec", "titles"),
    [
        ("cp874", "ถ้วยชา ผ้าห่ม โคมไฟ รองเท้าผ้าใบ กระเป๋าหนัง เสื้อยืด หม้อหุงข้าว"),
        ("cp1255", "קומקום כוס שמיכה מנורה נעליים תיק חולצה מכנסיים צלחת מגבת שולחן"),
        ("cp1256", "كوب بطانية مصباح حذاء حقيبة قميص سروال قدر طبق ساعة نظارات"),
        ("cp1253", "Φλιτζάνι Κουβέρτα Λάμπα Παπούτσια Τσάντα Μπλούζα Κατσαρόλα Πιάτο"),
        ("koi8_r", "Чашка Плед Лампа кроссовки сумка рубашка шорты кастрюля тарелка"),
        ("cp1251", "чашка плед лампа кроссовки сумка рубашка шорты кастрюля тарелка"),
    ],
)
def test_alphabets_that_share_their_bytes_are_told_apart(codec: str, titles: str) -> None:
    assert likely_encodings([titles.encode(codec)])[0] == codec


def test_nothing_is_guessed_where_two_alphabets_are_as_likely() -> None:
    # Greek in capitals is Russian in KOI8-R, letter by letter.
    assert likely_encodings(["ΚΟΥΒΕΡΤΑ ΛΑΜΠΑ ΤΣΑΝΤΑ ΠΙΑΤΟ".encode("cp1253")]) == []


def test_one_row_tells_the_encoding_of_a_plain_catalog(tmp_path: Path) -> None:
    lines = [f"{n},plain {n}\n" for n in range(30)] + ["30,Théière\n"]
    (tmp_path / "items.csv").write_bytes(("item_id,title\n" + "".join(lines)).encode("cp1252"))
    catalog, notes = items_of(tmp_path / "items.csv")
    assert catalog.frame["title"].tolist()[-1] == "Théière"
    assert "Windows-1252" in notes[0]


def test_bytes_that_are_no_text_are_set_aside_still(tmp_path: Path) -> None:
    lines = [b"%d,plain\n" % n for n in range(30)] + [b"30,a\xff\xfe\x81\n"]
    (tmp_path / "items.csv").write_bytes(b"item_id,title\n" + b"".join(lines))
    rejected = RejectedRows()
    assert len(read_catalog(tmp_path / "items.csv", rejected=rejected)) == 30
    assert len(rejected) == 1


def test_an_encoding_said_of_a_file_in_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\n1,便携羽绒服\n2,保暖登山鞋\n")
    with pytest.raises(DataError, match=r"items.csv: is UTF-8, not GB18030: leave encoding out"):
        items_of(tmp_path / "items.csv", Reading(encoding="GBK"))


def test_a_loss_by_two_encodings_names_the_option(tmp_path: Path) -> None:
    words = TITLES["gb18030"].split()
    rows = [f"{n},{w}\n".encode() for n, w in enumerate(words)]
    rows += [f"x{n},{w}\n".encode("gb18030") for n, w in enumerate(words)]
    (tmp_path / "items.csv").write_bytes(b"item_id,title\n" + b"".join(rows))
    rejected = RejectedRows()
    read_catalog(tmp_path / "items.csv", rejected=rejected)
    with pytest.raises(DataError, match=r"look like GB18030 .*iconv.*: encoding GB18030"):
        refuse_loss(tmp_path / "items.csv", AS_THEY_ARE, rejected)

"""RecBole's atomic files become our columns."""

from __future__ import annotations

from pathlib import Path

from converted import converted


def test_recbole(tmp_path: Path) -> None:
    files = {
        "ml.inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
        "196\t242\t3\t881250949\n",
        "ml.item": "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
        "242\tThe Lamp\t1995\tAnimation Comedy\n",
        "ml.user": "user_id:token\tage:token\n196\t24\n",
    }
    found = converted("recbole", tmp_path, files)
    assert found.items == {
        "242": {"title": "The Lamp", "release_year": "1995", "class": "Animation, Comedy"}
    }
    assert found.events == [("196", "242", 3.0, 881250949)]
    assert found.columns == ["user_id", "item_id", "rating", "timestamp"]
    assert found.users == {"196": {"age": "24"}}


def test_a_recbole_catalog_without_a_title_is_called_by_its_words(tmp_path: Path) -> None:
    files = {
        "a.inter": "user_id:token\titem_id:token\n1\ta\n2\tb\n",
        "a.item": "item_id:token\tbrand:token\tcategories:token_seq\twords:token_seq\n"
        "a\tElm\tHome Cups\tTin cup\nb\tElm\tHome\tOil lamp\n",
    }
    found = converted("recbole", tmp_path, files)
    assert found.items["a"] == {"title": "Tin cup", "brand": "Elm", "categories": "Home, Cups"}
    assert "no column for the title; words:token_seq stands for it" in found.result.notes[0]

"""MIND's impressions become labelled rows."""

from __future__ import annotations

from pathlib import Path

from converted import converted


def test_mind_explodes_impressions_and_writes_each_history_once(tmp_path: Path) -> None:
    news = "".join(
        f"N{n}\tsports\tgolf\tTitle {n}\tAbstract {n}\thttps://x.example/{n}\t[]\t[]\n"
        for n in range(1, 6)
    )
    train = (
        "2\tU1\t11/12/2019 9:05:58 AM\tN1 N2\tN5-0 N4-1\n"
        "1\tU1\t11/11/2019 1:05:58 PM\tN1 N2\tN3-1 N4-0\n"
        "3\tU2\t11/13/2019 12:00:00 AM\t\tN1-0\n"
    )
    dev = "1\tU1\t11/15/2019 9:00:00 AM\tN1 N2 N3\tN5-1\n"
    files = {
        "MINDsmall_train/news.tsv": news,
        "MINDsmall_train/behaviors.tsv": train,
        "MINDsmall_dev/news.tsv": news,
        "MINDsmall_dev/behaviors.tsv": dev,
    }
    found = converted("mind", tmp_path, files)
    assert found.items["N1"] == {
        "title": "Title 1",
        "categories": "sports, golf",
        "description": "Abstract 1",
    }
    assert found.columns == ["user_id", "item_id", "label", "timestamp"]
    assert sorted(found.events, key=lambda event: str(event[3])) == [
        ("U1", "N1", 1, "2019-11-11 13:05:56"),
        ("U1", "N2", 1, "2019-11-11 13:05:57"),
        ("U1", "N3", 1, "2019-11-11 13:05:58"),
        ("U1", "N4", 0, "2019-11-11 13:05:58"),
        ("U1", "N5", 0, "2019-11-12 09:05:58"),
        ("U1", "N4", 1, "2019-11-12 09:05:58"),
        ("U2", "N1", 0, "2019-11-13 00:00:00"),
        ("U1", "N5", 1, "2019-11-15 09:00:00"),
    ]
    assert found.result.notes == []

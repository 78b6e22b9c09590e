"""Last.fm's listens and counts of plays become our columns."""

from __future__ import annotations

from pathlib import Path

from converted import converted


def test_lastfm_1k(tmp_path: Path) -> None:
    listens = (
        'user_000001\t2009-05-04T23:08:57Z\tf1\tThe Elms\tt1\tLamp "Live"\n'
        "user_000001\t2009-05-04T13:54:10Z\tf1\tThe Elms\t\tDark\n"
    )
    files = {
        "userid-timestamp-artid-artname-traid-traname.tsv": listens,
        "userid-profile.tsv": "#id\tgender\tage\tcountry\tregistered\n"
        "user_000001\tm\t\tJapan\tAug 13, 2006\n",
    }
    found = converted("lastfm", tmp_path, files)
    assert found.items == {
        "t1": {"title": 'Lamp "Live"', "brand": "The Elms"},
        "The Elms - Dark": {"title": "Dark", "brand": "The Elms"},
    }
    assert found.events[0] == ("user_000001", "t1", "2009-05-04 23:08:57")
    assert found.users == {"user_000001": {"gender": "m", "country": "Japan"}}


def test_lastfm_360k(tmp_path: Path) -> None:
    user = "0123456789abcdef" * 2 + "01234567"
    files = {
        "usersha1-artmbid-artname-plays.tsv": f"{user}\tf1\tthe elms\t2137\n",
        "usersha1-profile.tsv": f"{user}\tf\t22\tGermany\tFeb 1, 2007\n",
    }
    found = converted("lastfm", tmp_path, files)
    assert found.items == {"f1": {"title": "the elms"}}
    assert found.events == [(user, "f1", 2137.0)]
    assert found.users[user]["age"] == "22"


def test_lastfm_hetrec(tmp_path: Path) -> None:
    files = {
        "artists.dat": "id\tname\turl\tpictureURL\n1\tElm & Oak\thttp://x.example\t\n",
        "tags.dat": "tagID\ttagValue\n1\tmetal\n2\tcafé\n".encode("latin-1"),
        "user_artists.dat": "userID\tartistID\tweight\n2\t1\t13883\n",
        "user_taggedartists.dat": "userID\tartistID\ttagID\tday\tmonth\tyear\n"
        "2\t1\t2\t1\t4\t2009\n3\t1\t2\t1\t4\t2009\n3\t1\t1\t1\t4\t2009\n",
    }
    found = converted("lastfm", tmp_path, files)
    assert found.items == {"1": {"title": "Elm & Oak", "categories": "café, metal"}}
    assert found.events == [("2", "1", 13883.0)]

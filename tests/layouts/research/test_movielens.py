"""MovieLens of every size becomes our columns."""

from __future__ import annotations

from pathlib import Path

from converted import converted

GENRES_OF_CITY_LIGHT = "0|0|0|0|0|1|0|0|1|0|0|0|0|0|0|0|0|0|0"


def test_movielens_100k(tmp_path: Path) -> None:
    files = {
        "u.item": "1|Café Light (1995)|01-Jan-1995||http://x.example/1|"
        f"{GENRES_OF_CITY_LIGHT}\n".encode("latin-1"),
        "u.data": "196\t1\t4\t881250949\n22\t1\t1\t881250950\n",
        "u1.base": "196\t1\t3\t881250949\n",
        "u.user": "196|49|M|writer|55105\n22|25|F|other|T8H1N\n",
        "README": "made up",
    }
    found = converted("movielens", tmp_path, files)
    assert found.items == {
        "1": {"title": "Café Light (1995)", "categories": "Comedy, Drama", "year": 1995}
    }
    assert found.columns == ["user_id", "item_id", "rating", "timestamp"]
    assert found.events == [
        ("196", "1", 4.0, "1997-12-04 15:55:49"),
        ("22", "1", 1.0, "1997-12-04 15:55:50"),
    ]
    assert found.users["22"] == {"age": "25", "gender": "F", "occupation": "other"}
    assert {path.name for path in found.result.unused} == {"README", "u1.base"}


def test_movielens_1m(tmp_path: Path) -> None:
    files = {
        "movies.dat": "7::Amélie's Lamp (2000)::Comedy|Romance\n".encode("latin-1"),
        "ratings.dat": "1::7::5::978300760\n",
        "users.dat": "1::F::1::10::48067\n",
    }
    found = converted("movielens", tmp_path, files)
    assert found.items["7"]["title"] == "Amélie's Lamp (2000)"
    assert found.items["7"]["categories"] == "Comedy, Romance"
    assert found.events == [("1", "7", 5.0, "2000-12-31 22:12:40")]
    assert found.users["1"] == {"age": "under 18", "gender": "F", "occupation": "K-12 student"}


def test_movielens_25m(tmp_path: Path) -> None:
    files = {
        "movies.csv": 'movieId,title,genres\n1,"Lamp, The (1995)",Adventure|Children\n'
        "2,Untold (2001),(no genres listed)\n",
        "ratings.csv": "userId,movieId,rating,timestamp\n1,1,4.5,1147880044\n1,2,0.5,1147868817\n",
        "tags.csv": "userId,movieId,tag,timestamp\n3,1,classic,1439472355\n",
        "links.csv": "movieId,imdbId,tmdbId\n1,0114709,862\n",
    }
    found = converted("movielens", tmp_path, files)
    assert found.items == {
        "1": {"title": "Lamp, The (1995)", "categories": "Adventure, Children", "year": 1995},
        "2": {"title": "Untold (2001)", "year": 2001},
    }
    assert [event[2] for event in found.events] == [4.5, 0.5]

"""Steam's reviews and libraries become our columns."""

from __future__ import annotations

from pathlib import Path

from converted import converted, json_lines


def test_steam_reviews_and_libraries(tmp_path: Path) -> None:
    game = {
        "publisher": "Elm",
        "genres": ["Action", "Indie"],
        "app_name": "Lost Lamp",
        "title": "Lost Lamp",
        "url": "http://x.example/app/76",
        "release_date": "2018-01-04",
        "tags": ["Action", "Puzzle"],
        "reviews_url": "http://x.example/76",
        "specs": ["Single-player"],
        "price": 4.99,
        "early_access": False,
        "id": "76",
        "developer": "Oak",
    }
    free = {"app_name": "Free Lamp", "specs": [None], "id": "77"}
    games = json_lines(game, {**free, "price": "Free to Play"}, python=True).replace("{'", "{u'")
    review = {"username": "Ann", "hours": 0.1, "products": 41, "product_id": "76", "page_order": 0}
    reviews = json_lines({**review, "date": "2018-01-07", "text": 'it\'s "fine"'}, python=True)
    found = converted(
        "steam", tmp_path / "a", {"steam_games.json.gz": games, "steam_reviews.json.gz": reviews}
    )
    assert found.items["76"] == {
        "title": "Lost Lamp",
        "categories": "Action, Indie, Puzzle",
        "specs": "Single-player",
        "brand": "Oak",
        "publisher": "Elm",
        "price": 4.99,
        "release_date": "2018-01-04",
    }
    assert found.events == [("Ann", "76", 0.1, "2018-01-07 00:00:00")]
    owned = {"item_id": "76", "item_name": "Lost Lamp", "playtime_forever": 90}
    library = {"user_id": "765", "items_count": 1, "steam_id": "765", "items": [owned]}
    files = {
        "steam_games.json.gz": games,
        "australian_users_items.json.gz": json_lines(library, python=True),
    }
    assert converted("steam", tmp_path / "b", files).events == [("765", "76", 1.5)]
    both = {**files, "steam_reviews.json.gz": reviews}
    together = converted("steam", tmp_path / "c", both)
    assert together.events == found.events
    assert together.result.notes == [
        f"{tmp_path}/c/files/australian_users_items.json.gz: not read: the reviews have the days"
    ]

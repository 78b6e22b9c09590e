"""Steam: games and reviews, or games and libraries, as Python literals."""

from __future__ import annotations

from longtail.layouts.conversion import Conversion
from longtail.layouts.layout import Layout, Part
from longtail.layouts.sample import any_of, with_keys
from longtail.layouts.table_file import NUMBER, TIME
from longtail.layouts.values import iso_time, joined, number, text

_MINUTES_OF_AN_HOUR = 60


def _convert(job: Conversion) -> None:
    items = job.items(
        "title", "categories", "specs", "brand", "publisher", "release_date", price=NUMBER
    )
    for path in job.files("games"):
        for game in job.records.objects(path):
            items.add(
                text(game.get("id")),
                text(game.get("app_name")) or text(game.get("title")),
                joined((*_words(game.get("genres")), *_words(game.get("tags")))),
                text(game.get("specs")),
                text(game.get("developer")),
                text(game.get("publisher")),
                text(game.get("release_date")),
                number(game.get("price")),
            )
    if job.files("reviews"):
        # Their users are names, those of libraries are numbers: they don't come together.
        job.notes += [
            f"{path}: not read: the reviews have the days" for path in job.files("libraries")
        ]
        _convert_reviews(job)
    else:
        _convert_libraries(job)


def _convert_reviews(job: Conversion) -> None:
    log = job.log(weight=NUMBER, timestamp=TIME)
    for path in job.files("reviews"):
        for review in job.records.objects(path):
            log.add(
                text(review.get("username")) or text(review.get("user_id")),
                text(review.get("product_id")),
                number(review.get("hours")),
                iso_time(text(review.get("date"))),
            )


def _convert_libraries(job: Conversion) -> None:
    job.notes.append("libraries have no times: the order in a library stands for them")
    log = job.log(weight=NUMBER)
    for path in job.files("libraries"):
        for library in job.records.objects(path):
            for game in library.get("items") or ():
                minutes = number(game.get("playtime_forever")) or 0.0
                hours = round(minutes / _MINUTES_OF_AN_HOUR, 2)
                log.add(text(library.get("user_id")), text(game.get("item_id")), hours)


def _words(value: object) -> list[str]:
    return [text(word) for word in value] if isinstance(value, list) else [text(value)]


_REVIEWS = any_of(with_keys("username", "product_id"), with_keys("user_id", "product_id"))
_LIBRARIES = with_keys("user_id", "items")
STEAM = Layout(
    "Steam games with reviews, or with libraries",
    (
        Part(
            "games",
            ("steam_games.json", "output_steam_games.json"),
            any_of(with_keys("id", "app_name"), with_keys("id", "title", without="user_id")),
        ),
        Part(
            "reviews or libraries",
            ("steam_reviews.json", "steam_new.json", "australian_users_items.json"),
            any_of(_REVIEWS, _LIBRARIES),
            several=True,
        ),
        Part("reviews", ("steam_reviews.json",), _REVIEWS, required=False, several=True),
        Part(
            "libraries", ("australian_users_items.json",), _LIBRARIES, required=False, several=True
        ),
    ),
    _convert,
)

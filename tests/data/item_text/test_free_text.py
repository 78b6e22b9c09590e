"""Which columns enter the text of an item by themselves."""

import pandas as pd
import pytest

from longtail.retrieval.data.text_template import render, resolve_template

N = 12
TITLES = [
    f"{colour} {thing}"
    for colour in ("red", "blue", "green")
    for thing in ("chair", "lamp", "table", "shelf")
]
IDS = [f"h{n}" for n in range(N)]


def template_with(name: str, cells: list[object]) -> str:
    frame = pd.DataFrame({"item_id": IDS, "title": TITLES, name: cells})
    return resolve_template("auto", frame)


def around(*values: object) -> list[object]:
    return [values[n % len(values)] for n in range(N)]


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("bought with", [f"{IDS[n - 1]}, {IDS[n - 2]}" for n in range(N)]),
        ("bought with", [f"{IDS[n - 1]}|{IDS[n - 2]}|elsewhere" for n in range(N)]),
        ("look alikes", [f"B0Z{n:02}V5LKT, B0YJ14V{n:03}" for n in range(N)]),
        ("model", [f"XKCD-{n:04}" for n in range(N)]),
        ("key", [f"3f2b9c1d-77aa-4c11-9e{n:02}" for n in range(N)]),
        ("policy", around("deny", "continue")),
        ("sold out", around("deny", "continue", "deny, continue")),
        ("featured", around("yes", "no")),
        ("stocked", around("in stock", "out of stock", "instock")),
        ("kind", around("simple", "variable")),
        ("option", around("Default Title", "Default Title", "Title")),
        ("page", around("https://x.example/a", "//cdn.x.example/b")),
        ("slugs", [title.replace(" ", "-") for title in TITLES]),
        ("SEO heading", [f"{title.title()} | Corner Shop" for title in TITLES]),
        ("Meta: _edit", around("an editor", "another one")),
        ("attributes", around('a:1:{s:4:"size";}', 'a:1:{s:5:"width";}')),
    ],
)
def test_what_is_no_words_of_its_own_stays_out(name: str, cells: list[object]) -> None:
    assert template_with(name, cells) == "{title}"


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("material", around("oak", "steel", "glass")),
        ("size", around("500 ml", "250 ml", "A4")),
        ("size", around("500ml", "250ml", "100ml")),
        ("colour", around("red", "light brown", "dark grey")),
        ("tags", around("new in, summer", "winter")),
        ("feature", around("holds water", "stands alone")),
    ],
)
def test_words_enter(name: str, cells: list[object]) -> None:
    assert template_with(name, cells) == f"{{title}}. {{{name}}}"


def test_a_description_that_is_the_title_again_stays_out() -> None:
    assert template_with("description", [title.upper() + "!" for title in TITLES]) == "{title}"


@pytest.mark.parametrize(
    "name", ["Meta: size (EU)", "New!", "a{b}", "a}b", 'say "so"', "x[0]", "a.b", "{", "a:{b}!r"]
)
def test_any_header_works(name: str) -> None:
    frame = pd.DataFrame(
        {"item_id": IDS, "title": TITLES, name: around("holds water", "stands alone")}
    )
    template = resolve_template("auto", frame)
    assert render(template, frame)[0] == "red chair. holds water"
    assert resolve_template(template, frame) == template


def test_a_template_takes_the_file_s_own_names() -> None:
    frame = pd.DataFrame({"item_id": ["a"], "title": ["Pot"], "brand": ["Oro"]})
    template = resolve_template("{Title} ({Vendor})", frame, {"Title": "title", "Vendor": "brand"})
    assert template == "{title} ({brand})"

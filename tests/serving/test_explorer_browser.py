"""The explorer in a real browser, over a real service."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import KEYS, Page, chromium
from explorer_toys import evaluated
from service_client import client_of, served_process

pytestmark = [pytest.mark.browser, pytest.mark.slow]

USER = "pastel-fan-2"
ASKED = f"?user={USER}&debias=0"


@pytest.fixture(scope="module")
def run(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return evaluated(
        Path(shutil.copytree(trained_run, tmp_path_factory.mktemp("explored") / "run"))
    )


@pytest.fixture(scope="module")
def visited(run: Path) -> Iterator[Page]:
    with chromium() as driver, served_process(run) as (url, _):
        yield Page(driver, url)


@pytest.fixture
def page(visited: Page) -> Iterator[Page]:
    """The page, whose console must be empty of errors at the end."""
    visited.complaints()
    yield visited
    assert visited.complaints() == []
    visited.driver.execute_script("localStorage.clear(); sessionStorage.clear()")


def said_by_the_service(page: Page, path: str, **parameters: str | int) -> dict[str, Any]:
    """Return what the service itself says."""
    with client_of(page.url) as client:
        found: dict[str, Any] = client.get(f"/v1/{path}", params=parameters).json()
    return found


def test_a_user_found_by_part_of_an_id_gets_two_lists_beside_the_history(page: Page) -> None:
    page.open()
    page.one(".combobox input").send_keys("tel-fan-2")
    page.wait(lambda: [o for o in page.texts("[role=option]") if USER in o])
    page.press(KEYS.ARROW_DOWN, KEYS.ENTER)
    page.settled()
    assert page.one("h1").text == USER
    assert page.state == {"user": [USER]}
    history = said_by_the_service(page, f"users/{USER}")["history"]
    assert page.texts(".shelf .title") == [card["title"] for card in reversed(history)]
    assert len(page.items("without")) == len(page.items("with")) == 10


@pytest.mark.parametrize("kind", ["niche", "mainstream"])
def test_a_random_user_of_a_kind_is_one_click_away(page: Page, kind: str) -> None:
    page.open()
    page.button(f"random {kind} user").click()
    page.settled()
    [user] = page.state["user"]
    of_kind = said_by_the_service(page, "users", kind=kind, limit=100)
    assert user in {line["user_id"] for line in of_kind["users"]}


def test_the_slider_changes_the_list_and_marks_what_moved(page: Page) -> None:
    page.open(ASKED)
    page.settled()
    before = page.items("without")
    assert page.items("with") == before
    assert len(page.all(".movement.same")) == len(before)
    assert "both lists are the same" in page.one(".popularities .sentence").text
    page.set_strength(KEYS.END)
    assert "with 1.00 at" in page.one(".popularities .sentence").text
    after = page.items("with")
    assert page.items("without") == before != after
    for place, item in enumerate(after):
        mark = page.one(f".list.with [data-item='{item}'] .movement").get_attribute("class")
        was = before.index(item) if item in before else None
        kind = "new" if was is None else "same" if was == place else "down"
        assert mark == f"movement {'up' if was is not None and was > place else kind}"
    gone = page.all(".list.without .absent")
    assert len(gone) == len(set(before) - set(after))
    assert page.state["debias"] == ["1"]
    assert "with debiasing 1.00" in page.one("[role=status]").get_attribute("textContent")


def test_an_answer_that_comes_late_is_never_shown(page: Page) -> None:
    page.open(ASKED)
    page.settled()
    # The answer at the first step of the slider comes a second late, though it was cancelled.
    page.driver.execute_script(
        """
        const real = window.fetch;
        window.late = 0;
        window.fetch = async (path, options) => {
          const slow = options.body && JSON.parse(options.body).debias === 0.05;
          const answer = await real(path, slow ? { ...options, signal: undefined } : options);
          if (slow) {
            await new Promise((done) => setTimeout(done, 1000));
            window.late += 1;
          }
          return answer;
        };
        """
    )
    slider = page.one(".strength input")
    slider.send_keys(KEYS.ARROW_RIGHT)
    page.wait(lambda: page.all(".list.with[aria-busy='true']"))
    page.driver.execute_async_script("setTimeout(arguments[0], 300)")
    page.set_strength(KEYS.END)
    shown = page.items("with")
    page.wait(lambda: page.driver.execute_script("return window.late"))
    assert page.texts(".list.with h2 .accent") == ["1.00"]
    assert page.items("with") == shown


def test_pointing_at_an_answer_lights_the_past_items_that_carry_it(page: Page) -> None:
    page.open(ASKED)
    page.settled()
    carried = page.one(".list.with .card:has(.because)")
    names = [name.text for name in carried.find_elements("css selector", ".because em")]
    page.hover(carried)
    lit = page.wait(lambda: page.texts(".shelf .lit .title"))
    assert sorted(lit) == sorted(names)
    page.hover(page.one("h1"))
    page.wait(lambda: not page.all(".shelf .lit"))
    page.driver.execute_script("arguments[0].querySelector('a').focus()", carried)
    assert sorted(page.wait(lambda: page.texts(".shelf .lit .title"))) == sorted(names)


def test_pointing_at_a_past_item_lights_what_it_carries(page: Page) -> None:
    page.open(ASKED)
    page.settled()
    name = page.one(".list.with .because em").text
    page.hover(next(card for card in page.all(".shelf .card") if name in card.text))
    lit = page.wait(lambda: page.all(".list.with .lit"))
    for card in page.all(".list.with .card"):
        names = [em.text for em in card.find_elements("css selector", ".because em")]
        assert (card in lit) == (name in names)


def test_filters_hold_in_both_lists_and_can_be_taken_away(page: Page) -> None:
    page.open(ASKED)
    page.settled()
    page.one(".more summary").click()
    page.one(".filters input").send_keys("gift=true", KEYS.ENTER)
    page.wait(lambda: page.state.get("where") == ["gift=true"])
    page.wait(lambda: page.items("with") and all("gift" in i for i in page.items("with")))
    assert all("gift" in item for item in page.items("without"))
    page.click(page.one(".chips button"))
    page.wait(lambda: len(page.items("with")) == 10)
    assert "where" not in page.state


def test_a_help_condition_can_be_taken_as_it_is(page: Page) -> None:
    page.open(ASKED)
    page.settled()
    page.one(".more summary").click()
    page.click(page.one(".help button"))
    condition = page.one(".help button").text
    assert page.one(".filters input").get_attribute("value") == condition
    page.click(page.button("Filter"))
    page.wait(lambda: page.state.get("where") == [condition])
    page.settled()


def test_an_item_opens_with_what_is_like_it_and_who_took_it(page: Page) -> None:
    page.open(ASKED)
    page.settled()
    link = page.one(".list.with .title")
    title = link.text
    page.click(link)
    page.wait(lambda: page.one("h1").text == title)
    page.wait(lambda: len(page.all("[aria-label='Similar items'] .card")) > 0)
    page.wait(lambda: "user" in page.one("[aria-label='Audience'] h2").text)
    assert page.state["view"] == ["item"]
    page.driver.back()
    page.settled()
    assert page.one("h1").text == USER


def test_a_link_shows_a_colleague_the_same_view(page: Page) -> None:
    page.open(f"?user={USER}&debias=0.6&pool=tail&k=5&where=gift%3Dfalse&mode=per-user")
    page.settled()
    shown = page.texts(".list .card")
    link = page.driver.current_url
    page.driver.switch_to.new_window("window")
    try:
        page.driver.get(link)
        page.settled()
        assert page.driver.current_url == link
        assert page.texts(".strength output") == ["0.60"]
        assert page.texts(".list .card") == shown
    finally:
        page.driver.close()
        page.driver.switch_to.window(page.driver.window_handles[0])


def test_a_history_is_typed_item_by_item(page: Page) -> None:
    page.open()
    page.button("A history").click()
    assert page.one(".notice h3").text == "No history yet"
    for words in ("oolong gift", "sencha small"):
        page.one(".combobox input").send_keys(words)
        page.wait(lambda: page.all("[role=option]"))
        page.press(KEYS.ENTER)
        page.settled()
    assert page.state["h"] == ["tea-oolong-gift", "tea-sencha-small"]
    assert page.texts(".shelf .title") == ["sencha small", "oolong gift"]
    page.click(page.one(".shelf .remove"))
    page.wait(lambda: page.texts(".shelf .title") == ["oolong gift"])
    page.settled()


def test_a_free_text_is_answered_without_a_history(page: Page) -> None:
    page.open()
    page.button("A free text").click()
    page.one("#free-text").send_keys("oolong <b>tea</b>", KEYS.ENTER)
    page.settled()
    assert page.one("h1").text == "“oolong <b>tea</b>”"
    assert not page.all(".history")
    assert not page.all(".because")


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.open()
    page.press(KEYS.TAB)
    assert page.focused.text == "Skip to the content"
    page.press(KEYS.ENTER)
    assert page.focused.get_attribute("id") == "main"
    for _ in range(10):
        if page.focused.get_attribute("role") == "combobox":
            break
        page.press(KEYS.TAB)
    page.press("pastel-fan")
    page.wait(lambda: page.all("[role=option]"))
    page.press(KEYS.ARROW_DOWN, KEYS.ENTER)
    page.settled()
    for _ in range(40):
        page.press(KEYS.TAB)
        if page.focused.get_attribute("type") == "range":
            break
    outline = page.focused.value_of_css_property("outline-style")
    assert outline == "solid"
    page.press(KEYS.HOME)  # The run's own strength may be either end.
    page.wait(lambda: page.texts(".strength output") == ["0.00"])
    page.press(KEYS.ARROW_RIGHT)
    page.wait(lambda: page.texts(".strength output") == ["0.05"])
    page.wait(lambda: page.texts(".list.with h2 .accent") == page.texts(".strength output"))


VIEWS = {
    "compare": ASKED,
    "filters": f"{ASKED}&where=gift%3Dtrue&mode=profile&diversity=0.3",
    "beginning": "",
    "catalog": "?view=catalog&rank=20",
    "search": "?view=catalog&q=tea",
    "item": "?view=item&item=tea-oolong-gift",
    "quality": "?view=quality",
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_narrow_screen_needs_no_scrolling_sideways(page: Page, view: str, dark: bool) -> None:
    page.open(VIEWS[view], width=400, dark=dark)
    page.wait(lambda: not page.all(".skeleton"))
    widths = page.driver.execute_script(
        "return [document.documentElement.scrollWidth, window.innerWidth]"
    )
    assert widths == [400, 400]
    background = page.one("body").value_of_css_property("background-color")
    assert (background == "rgba(18, 21, 20, 1)") == dark


def test_on_a_narrow_screen_a_switch_shows_one_list_or_the_other(page: Page) -> None:
    page.open(ASKED, width=400)
    page.settled()
    assert page.one(".list.with").is_displayed()
    assert not page.one(".list.without").is_displayed()
    page.click(page.button("Without"))
    page.wait(lambda: page.one(".list.without").is_displayed())
    assert not page.one(".list.with").is_displayed()


def test_the_colours_chosen_stay_chosen(page: Page) -> None:
    page.open()
    page.one(".theme").click()
    assert page.one("html").get_attribute("data-theme") == "dark"
    page.open()
    assert page.one("html").get_attribute("data-theme") == "dark"


def test_a_click_on_the_curve_shows_the_items_there(page: Page) -> None:
    page.open("?view=catalog")
    page.wait(
        lambda: page.driver.execute_script("return !!document.querySelector('canvas')?.chart")
    )
    page.click(page.one("canvas"))  # in its middle
    rank = int(page.wait(lambda: page.state.get("rank"))[0])
    assert 10 < rank < 50
    page.wait(lambda: any(f"rank {rank}," in text for text in page.texts(".grid .lit .note")))


def test_the_last_evaluation_is_a_table_and_two_charts(page: Page) -> None:
    page.open("?view=quality")
    page.wait(lambda: len(page.all("canvas")) == 2)
    rows = page.texts(".results tbody th")
    assert rows == ["longtail (debias 0.3)", "longtail", "BPR", "EASE"]
    assert ".0000↓" in page.one(".results tbody tr:last-child").text.replace(" ", "").replace(
        "\n", ""
    )


# From here on the console holds what the browser says of answers that are failures.


def test_an_unknown_user_is_told_so_with_near_ones(visited: Page) -> None:
    visited.open("?user=pastel-fan-22")
    assert visited.one("[role=alert] h3").text == "No such user"
    name = visited.wait(lambda: visited.texts("[role=alert] button"))[0]
    visited.button(name).click()
    visited.settled()
    visited.wait(lambda: visited.one("h1").text == name)


def test_an_unknown_item_is_told_so_with_near_ones(visited: Page) -> None:
    visited.open("?view=item&item=tea-oolong-gif")
    assert visited.one("[role=alert] h3").text == "No such item"
    visited.button("tea-oolong-gift").click()
    visited.wait(lambda: visited.one("h1").text == "oolong gift")


def test_a_filter_that_cannot_be_read_is_explained(visited: Page) -> None:
    visited.open(f"{ASKED}&where=colour%3Dred")
    assert "no column 'colour'" in visited.one("[role=alert]").text
    visited.click(visited.one(".chips button"))
    visited.settled()


def test_without_an_evaluation_the_tab_says_how_to_make_one(
    visited: Page, trained_run: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(trained_run, tmp_path / "run"))
    with served_process(run) as (url, _):
        page = Page(visited.driver, url)
        page.open("?view=quality")
        page.wait(lambda: "longtail evaluate" in page.one(".notice").text)


def test_a_service_that_is_gone_is_reported_and_asked_again(
    visited: Page, trained_run: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(trained_run, tmp_path / "run"))
    with served_process(run) as (url, process):
        page = Page(visited.driver, url)
        page.open(ASKED)
        page.settled()
        process.kill()
        process.wait()
        page.one(".strength input").send_keys(KEYS.END)
        assert "No connection" in page.one("[role=alert]").text
        assert not page.all(".list")
    with served_process(run, "--port", url.rpartition(":")[2]):
        page.button("Try again").click()
        page.settled()
        assert page.texts(".list.with h2 .accent") == ["1.00"]


def test_a_key_is_asked_for_and_kept_in_this_window(
    visited: Page, trained_run: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(trained_run, tmp_path / "run"))
    (tmp_path / "key").write_text("a key of thirty letters or so", encoding="utf-8")
    with served_process(run, "--api-key-file", tmp_path / "key") as (url, _):
        page = Page(visited.driver, url)
        page.open(ASKED)
        for key in ("not the right key at all", "a key of thirty letters or so"):
            page.wait(lambda: page.all("dialog[open]"))
            page.one("#api-key").clear()
            page.one("#api-key").send_keys(key, KEYS.ENTER)
        page.settled()
        assert not page.all("dialog[open]")
        page.driver.refresh()
        page.settled()

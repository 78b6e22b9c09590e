"""What a notebook shows: tables with bars, foreign text escaped, progress without widgets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from processes import run_python

from longtail import Shop
from longtail.python.frames.recommendations import Recommendations, with_titles
from longtail.python.showing import progress
from longtail.python.showing.progress import NotebookProgress, progress_for
from longtail.python.showing.screens import Screen, table_html
from longtail.retrieval.data.catalog import Catalog

EVIL = "<script>alert('tea')</script>"


@pytest.fixture
def answers() -> Recommendations:
    frame = pd.DataFrame(
        {
            "user_id": [EVIL, "u2"],
            "item_id": ["a", EVIL],
            "rank": [1, 2],
            "score": [0.5, 0.25],
            "relevance": [0.5, None],
            "popularity_percentile": [100.0, 25.0],
            "bucket": ["head", "tail"],
            "because": [[EVIL], ["b"]],
        }
    )
    frame.attrs["notes"] = {EVIL: EVIL}
    catalog = Catalog(pd.DataFrame({"item_id": ["a", EVIL], "title": [EVIL, "pot"]}), "{title}")
    return with_titles(frame, catalog)


def test_foreign_text_is_escaped_wherever_it_stands(answers: Recommendations) -> None:
    page = answers._repr_html_()
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 6


def test_bars_are_as_wide_as_items_are_popular(answers: Recommendations) -> None:
    page = answers._repr_html_()
    assert "width:80px" in page
    assert "width:20px" in page


def test_long_answers_are_cut_with_a_count(answers: Recommendations) -> None:
    with pd.option_context("display.max_rows", 1):
        page = answers._repr_html_()
    assert page.count("<tr>") == 2
    assert "and 1 more rows" in page


def test_recommendations_stay_what_they_are_through_pandas(answers: Recommendations) -> None:
    for frame in (
        answers[answers["rank"] == 1],
        answers.head(1),
        answers.copy(),
        answers.assign(x=1),
        answers.sort_values("score"),
        answers.reset_index(drop=True),
        answers.merge(pd.DataFrame({"item_id": ["a"], "price": [5]}), on="item_id"),
        pd.concat([answers, answers]),
    ):
        assert isinstance(frame, Recommendations)
        assert "width:80px" in frame._repr_html_()
    assert answers.copy().attrs == answers.attrs
    assert isinstance(answers["score"], pd.Series)


def test_a_frame_that_lost_its_columns_is_shown_as_any(answers: Recommendations) -> None:
    page = answers[["user_id", "title"]]._repr_html_()
    assert "<script" not in page
    assert "dataframe" in page


def test_a_catalog_without_titles_gives_none() -> None:
    frame = pd.DataFrame({"item_id": ["a"], "rank": [1], "popularity_percentile": [50.0]})
    catalog = Catalog(pd.DataFrame({"item_id": ["a"], "name": ["pot"]}), "{name}")
    assert list(with_titles(frame, catalog).columns) == list(frame.columns)


def test_shops_and_reports_escape_what_they_read() -> None:
    items = pd.DataFrame({"item_id": ["a", "b", EVIL], "title": ["x", EVIL, ""]})
    shop = Shop(items, allow_loss=True)
    for page in (shop._repr_html_(), shop.report._repr_html_(), shop.report.screen._repr_html_()):
        assert "<script" not in page
    assert "&lt;script" in shop.report._repr_html_()


def test_screens_and_tables_escape() -> None:
    assert "<script" not in Screen(EVIL)._repr_html_()
    page = table_html(pd.DataFrame({EVIL: [EVIL * 9]}), EVIL)
    assert "<script" not in page
    assert page.count("tea") == 11


class Display:
    """Stands in for IPython's display: keeps what each place of the page shows."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []

    def __call__(self, bundle: dict[str, str], **named: Any) -> Display:
        self.shown.append(bundle)
        return self

    def update(self, bundle: dict[str, str], **named: Any) -> None:
        self.shown[-1] = bundle


def test_a_notebook_gets_one_place_with_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    display = Display()
    bars = NotebookProgress(display)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN", 0.0)
    bars("reading <items>", 1, 4)
    bars("reading <items>", 2, 4)
    assert len(display.shown) == 1
    assert '<progress value="2" max="4">' in display.shown[0]["text/html"]
    assert "reading &lt;items&gt;" in display.shown[0]["text/html"]
    bars("encoding", 7, 0)
    assert display.shown[0]["text/html"].startswith("<progress></progress> encoding")
    assert display.shown[0]["text/plain"] == "encoding: 7"
    bars.close()
    assert display.shown[0]["text/html"] == ""


def test_progress_may_be_silent_or_the_caller_s(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_for(False) as silent:
        silent("step", 1, 2)
    calls: list[tuple[str, int, int]] = []
    with progress_for(lambda step, done, total: calls.append((step, done, total))) as own:
        own("step", 1, 2)
    assert calls == [("step", 1, 2)]
    assert capsys.readouterr() == ("", "")


def test_tables_of_frames_are_drawn_for_their_names() -> None:
    shop = Shop(pd.DataFrame({"item_id": ["a", "b"], "title": ["tea", "pot"]}))
    tables = str(shop.report).split("└")[:-1]
    assert len(tables) == 2
    for table in tables:
        drawn = [line for line in table.splitlines() if line[:1] in tuple("┏┃┡│")]
        assert len({len(line) for line in drawn}) == 1
    assert repr(shop.report) == str(shop.report)


@pytest.mark.parametrize(
    "changed",
    [
        {"popularity_percentile": "much"},
        {"title": [np.array(["a", "b"])] * 2},
        {"rank": [np.float32(0.5), None]},
    ],
)
def test_a_column_may_be_written_over(answers: Recommendations, changed: dict[str, Any]) -> None:
    assert "<table" in answers.assign(**changed)._repr_html_()


def test_two_columns_of_a_name_are_shown_as_pandas_shows_them(answers: Recommendations) -> None:
    both = pd.concat([answers, answers], axis=1)
    assert both._repr_html_() == pd.DataFrame(both)._repr_html_()  # type: ignore[operator]


def test_notes_of_another_kind_are_left_out(answers: Recommendations) -> None:
    answers.attrs["notes"] = ["mine"]
    assert "mine" not in answers._repr_html_()


def test_a_kernel_without_widgets_hears_of_none() -> None:
    program = (
        "import sys, types\n"
        "sys.modules['ipykernel.zmqshell'] = types.ModuleType('zmqshell')\n"
        "sys.modules['IPython'] = types.ModuleType('IPython')\n"
        "sys.modules['IPython'].get_ipython = lambda: None\n"
        "import longtail\n"
        "longtail.Shop\n"
        "import tqdm.auto\n"
    )
    done = run_python("-c", program)
    assert (done.code, done.err) == (0, "")

"""report.html: complete, offline, safe against what catalogs contain."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toy_evaluation import many_methods

from longtail.evaluation.errors import EvaluationError
from longtail.evaluation.metrics.calibration import Calibration
from longtail.evaluation.metrics.tally import BAND_NAMES
from longtail.evaluation.protocol import family_and_debias
from longtail.evaluation.report import charts, drawing
from longtail.evaluation.report import tables as report_tables
from longtail.evaluation.report.report import (
    ExampleItem,
    Examples,
    ExampleUser,
    render_report,
    write_report,
)
from longtail.evaluation.report.trade_off_chart import trade_off_chart
from longtail.evaluation.results import Evaluation
from longtail.retrieval.data.popularity import POOL_NAMES, Popularity

pytest.importorskip("jinja2")
needs_pictures = pytest.mark.skipif(not drawing.have_matplotlib(), reason="matplotlib is missing")
EVIL = "<script>alert('$x$')</script> & \"co\""
TUNED = [
    {"name": "EASE", "setting": {"ridge": 250.0}, "tried": 8, "seconds": 41.5, "left_out": None},
    {"name": "BPR", "setting": None, "tried": 0, "seconds": 0, "left_out": f"no {EVIL}"},
]


def an_evaluation(
    names: tuple[str, ...] = ("longtail", "longtail (debias 0.3)", EVIL),
) -> Evaluation:
    metrics = {}
    for number, name in enumerate(names):
        values = {
            "recall": 0.12 - 0.01 * number,
            "ndcg": 0.08,
            "mrr": 0.07,
            "tail_recall": 0.04 + 0.01 * number,
            "tail_recall_micro": 0.04 + 0.01 * number,
            "cold_recall": float("nan"),
            "tail_pool_recall": 0.09,
            "coverage": 0.5,
        }
        metrics[name] = {f"{key}@{k}": value for key, value in values.items() for k in (5, 10)}
    bands = {
        name: {band: {"targets": 10.0, "recall_micro@10": 0.1} for band in BAND_NAMES}
        for name in names
    }
    counts = {"all": 1000, "head": 400, "tail": 500, "cold": 100}
    settings: dict[str, object] = {
        "k": [5, 10],
        "users": 900,
        "targets": counts,
        "baselines": TUNED,
    }
    return Evaluation(metrics, bands, pd.DataFrame(), settings, dict.fromkeys(names, 1.5), 10)


def a_popularity() -> Popularity:
    counts = np.array([90, 40, 12, 5, 5, 2, 1, 1, 0, 0])
    return Popularity.from_counts(counts, np.array(list("abcdefghij"), dtype=object))


def a_calibration() -> Calibration:
    rng = np.random.default_rng(0)
    probability = rng.random(500)
    label = (rng.random(500) < probability).astype(int)
    part = rng.choice(3, 500, p=[0.5, 0.5, 0.0])
    return Calibration.measure(probability, label, part=part, part_names=POOL_NAMES)


def an_example() -> ExampleUser:
    item = ExampleItem(EVIL, "tail", 12.0)
    return ExampleUser(EVIL, [item], [item], [ExampleItem("Lip balm", "cold", 1.0, taken=True)])


def full_report() -> str:
    return render_report(
        an_evaluation(),
        popularity=a_popularity(),
        calibration=a_calibration(),
        examples=Examples([an_example()], 0.3),
        settings={"item_tower": {"model": "a-model", "max_tokens": 96}},
        title=f"Shop {EVIL}",
    )


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(page)
    return parser.found


def test_titles_names_and_ids_are_never_markup() -> None:
    page = full_report()
    assert not any(tag == "script" for tag, _ in tags(page))
    assert "&lt;script&gt;" in page


def test_the_page_loads_nothing() -> None:
    for tag, attributes in tags(full_report()):
        assert tag not in {"link", "iframe", "img", "object", "embed"}
        for name in ("src", "href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#"), (tag, attributes)
    assert "@import" not in full_report()


@needs_pictures
def test_every_picture_follows_the_colours_of_the_page() -> None:
    page = full_report()
    pictures = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    assert len(pictures) == 4  # trade-off, bands, popularity curve, calibration
    for picture in pictures:
        assert "var(--ink)" in picture
        assert 'role="img"' in picture
        assert drawing.INK not in picture
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


@needs_pictures
def test_the_same_numbers_give_the_same_page() -> None:
    assert full_report() == full_report()


def test_everything_given_is_on_the_page() -> None:
    page = full_report()
    for part in (
        "longtail (debias 0.3)",
        "expected calibration error",
        "Lip balm",
        "✓ taken",
        "item_tower.max_tokens",
        "prefers-color-scheme: dark",
        "After debiasing (0.3)",
        "ridge 250",
        "left out because",
        "Nothing is marked: differences were not tested.",
    ):
        assert part in page, part


def test_what_is_not_given_is_left_out() -> None:
    page = render_report(an_evaluation())
    assert "Example users" not in page
    assert "calibration error" not in page
    assert "Popularity curve" not in page


def test_without_matplotlib_the_report_comes_without_pictures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    page = full_report()
    assert "<svg" not in page
    assert "pip install &#39;longtail[eval]&#39;" in page or "pip install 'longtail[eval]'" in page
    assert "longtail (debias 0.3)" in page


def test_without_jinja2_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(EvaluationError, match="pip install"):
        render_report(an_evaluation())


def test_one_recommender_alone_is_a_report_too() -> None:
    page = render_report(an_evaluation(("longtail",)))
    assert "longtail: overall recall@10 .1200, tail .0400." in page


def test_the_report_is_written_whole(tmp_path: Path) -> None:
    path = write_report(an_evaluation(), tmp_path / "report.html", popularity=a_popularity())
    assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


@needs_pictures
def test_the_subject_has_its_own_line_among_the_bands_at_whatever_debias() -> None:
    plain = charts.bands_chart(an_evaluation())
    with_subject = charts.bands_chart(an_evaluation(), "longtail (debias 0.3)")
    assert "longtail (debias 0.3)" not in plain
    assert "longtail (debias 0.3)" in with_subject


@needs_pictures
def test_every_method_is_named_once_in_the_trade_off_picture() -> None:
    found = many_methods(300)
    picture = trade_off_chart(found, "longtail (debias 0.25)")
    texts = re.findall(r"<text[^>]*>([^<]+)</text>", picture)
    families = {family_and_debias(name)[0] for name in found.recommenders}
    assert sorted(text for text in texts if text in families) == sorted(families)
    assert len(families) == 13
    # The subject's strengths, beside the axes' own numbers.
    assert {"0.25", "0.75"} <= set(texts)


def test_a_tested_evaluation_shows_its_claims_in_every_table() -> None:
    page = render_report(many_methods(600), subject="longtail (debias 0.25)")
    assert "significantly below or above longtail (debias 0.25)" in page
    assert "Every debias strength (65 lines)" in page
    assert "Tail recall at matched overall recall" in page
    assert '<td class="better">better</td>' in page
    main = page[page.index("Comparison at 10") : page.index("What the columns mean")]
    assert "rival number 12<" in main
    assert "rival number 12 (debias" not in main
    assert '<span class="mark">↓</span>' in main


def test_the_heads_calibration_is_shown_by_bucket() -> None:
    found = a_calibration()
    assert list(found.parts) == ["head", "tail"]  # there were no cold candidates
    assert sum(part.examples for part in found.parts.values()) == found.examples == 500
    table = report_tables.calibration(found)
    assert table.columns == ["items", "all", "head", "tail"]
    assert table.lines[0][0] == "expected calibration error"


@pytest.mark.parametrize("refit", [True, False])
def test_what_the_baselines_were_fitted_on_is_said_as_it_was(refit: bool) -> None:
    page = render_report(an_evaluation(), settings={"refit": refit})
    assert ("the fit is on the training part alone" in page) == (not refit)
    assert ("once more on the training and the validation part" in page) == refit

"""report.html: the whole evaluation on one page that opens without a network or a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from longtail.evaluation.errors import EvaluationError
from longtail.evaluation.metrics.calibration import Calibration
from longtail.evaluation.protocol import family_and_debias
from longtail.evaluation.report import charts
from longtail.evaluation.report import tables as report_tables
from longtail.evaluation.report.drawing import have_matplotlib
from longtail.evaluation.report.history_table import history_section
from longtail.evaluation.report.summary import summary_sentences
from longtail.evaluation.report.table import (
    COLUMNS,
    headings,
    legend,
    marked_places,
    table_cells,
)
from longtail.evaluation.report.trade_off_chart import trade_off_chart
from longtail.evaluation.results import Evaluation
from longtail.evaluation.significance.claims import Claims
from longtail.evaluation.significance.compared_rows import table_rows
from longtail.index.files import write_file_atomically
from longtail.retrieval.data.popularity import Popularity

TEMPLATE = "report.html.j2"


@dataclass(frozen=True)
class ExampleItem:
    """An item as the report shows it; ``taken`` marks what the user took in the test part."""

    title: str
    bucket: str
    popularity_percentile: float
    taken: bool = False


@dataclass(frozen=True)
class ExampleUser:
    """A user's history (oldest first) and answers (best first), before and after debiasing."""

    user_id: str
    history: Sequence[ExampleItem]
    before: Sequence[ExampleItem]
    after: Sequence[ExampleItem]


@dataclass(frozen=True)
class Examples:
    """Users whose answers are shown, and the debias of their answers after it."""

    users: Sequence[ExampleUser]
    debias: float


@dataclass(frozen=True)
class Picture:
    """One chart: its heading, one sentence on how to read it, and its SVG."""

    heading: str
    reading: str
    svg: str


def write_report(
    evaluation: Evaluation,
    path: Path,
    *,
    popularity: Popularity | None = None,
    calibration: Calibration | None = None,
    examples: Examples | None = None,
    settings: Mapping[str, object] | None = None,
    title: str = "Evaluation",
    subject: str | None = None,
    claims: Claims | None = None,
) -> Path:
    """Write the report, whole or not at all, and return its path; see `render_report`."""
    page = render_report(
        evaluation,
        popularity=popularity,
        calibration=calibration,
        examples=examples,
        settings=settings,
        title=title,
        subject=subject,
        claims=claims,
    )
    with write_file_atomically(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def render_report(
    evaluation: Evaluation,
    *,
    popularity: Popularity | None = None,
    calibration: Calibration | None = None,
    examples: Examples | None = None,
    settings: Mapping[str, object] | None = None,
    title: str = "Evaluation",
    subject: str | None = None,
    claims: Claims | None = None,
) -> str:
    """Return the report as one HTML page; what isn't given is left out.

    ``settings`` (the run's configuration, nested mappings allowed) are shown beside the
    evaluation's own; ``claims`` are made here unless they are given. Titles and ids are escaped:
    they come from other people's catalogs. Without matplotlib the page has no pictures and says
    how to get them.

    Raises:
        EvaluationError: jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        raise EvaluationError(
            "report.html needs jinja2; install it with `pip install 'longtail[eval]'`"
        ) from error
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    proven = claims or Claims.of(evaluation, subject)
    family = family_and_debias(proven.subject)[0]
    rows = table_rows(evaluation, proven.subject)
    lines = [(name, table_cells(evaluation, proven, name)) for name in rows]
    drawn = have_matplotlib()
    return environment.get_template(TEMPLATE).render(
        title=title,
        summary=summary_sentences(evaluation, proven),
        legend=legend(proven),
        subject=proven.subject,
        family=family,
        k=evaluation.primary_k,
        confidence=f"{100 * proven.confidence:g} %",
        headings=headings(COLUMNS, evaluation.primary_k),
        lines=lines,
        all_lines=[(n, table_cells(evaluation, proven, n)) for n in evaluation.recommenders],
        marked=marked_places([cells for _, cells in lines]),
        differences=report_tables.differences(proven.against, COLUMNS, evaluation.primary_k),
        n_claims=len(proven.against),
        **history_section(evaluation, proven, rows),
        cutoffs=report_tables.cut_offs(evaluation, rows),
        drawn=drawn,
        trade_off=Markup(trade_off_chart(evaluation, proven.subject)) if drawn else "",
        matched=report_tables.matched_recall(evaluation, proven),
        pictures=[
            (picture.heading, picture.reading, Markup(picture.svg))
            for picture in (_pictures(evaluation, popularity, proven.subject) if drawn else ())
        ],
        bands=report_tables.bands(evaluation, rows),
        calibration=calibration,
        calibration_picture=(
            Markup(charts.calibration_chart(calibration)) if drawn and calibration else ""
        ),
        calibration_table=report_tables.calibration(calibration) if calibration else None,
        examples=examples.users if examples else (),
        example_debias=examples.debias if examples else None,
        baselines=report_tables.baselines(evaluation),
        refit=bool((settings or {}).get("refit")),
        settings=[
            *flat_settings({k: v for k, v in evaluation.settings.items() if k != "baselines"}),
            *((f"seconds for {name}", f"{s:.1f}") for name, s in evaluation.seconds.items()),
        ],
        run_settings=flat_settings(settings or {}),
    )


def flat_settings(settings: Mapping[str, object], path: str = "") -> list[tuple[str, str]]:
    """Return nested settings as (dotted path, value) lines.

    >>> flat_settings({"k": [5, 10], "tower": {"model": "MiniLM", "tokens": 96}})
    [('k', '5, 10'), ('tower.model', 'MiniLM'), ('tower.tokens', '96')]
    """
    lines: list[tuple[str, str]] = []
    for key, value in settings.items():
        name = f"{path}{key}"
        if isinstance(value, Mapping):
            lines += flat_settings(value, f"{name}.")
        elif isinstance(value, list | tuple):
            lines.append((name, ", ".join(map(str, value))))
        elif isinstance(value, int) and not isinstance(value, bool):
            lines.append((name, f"{value:,}"))
        else:
            lines.append((name, str(value)))
    return lines


def _pictures(evaluation: Evaluation, popularity: Popularity | None, subject: str) -> list[Picture]:
    pictures = [
        Picture(
            "Recall by popularity of the target",
            "How much of what users took next is found, by how many training users the item had: "
            "the first lines of the table.",
            charts.bands_chart(evaluation, subject),
        ),
    ]
    if popularity is not None:
        pictures.append(
            Picture(
                "Popularity curve",
                f"Every item of the catalog, by rank, with its bucket (rule {popularity.rule}).",
                charts.popularity_chart(popularity),
            )
        )
    return pictures

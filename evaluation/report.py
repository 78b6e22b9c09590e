"""report.html: the whole evaluation on one page that opens without a network or a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation import charts
from evaluation.calibration import Calibration
from evaluation.errors import EvaluationError
from evaluation.results import Evaluation
from evaluation.table import COLUMNS, best_recommenders, share, summary_sentence
from index.files import write_file_atomically
from retrieval.popularity import Popularity

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
    examples: Sequence[ExampleUser] = (),
    example_debias: float | None = None,
    settings: Mapping[str, object] | None = None,
    title: str = "Evaluation",
    subject: str | None = None,
) -> Path:
    """Write the report, whole or not at all, and return its path; see `render_report`."""
    page = render_report(
        evaluation,
        popularity=popularity,
        calibration=calibration,
        examples=examples,
        example_debias=example_debias,
        settings=settings,
        title=title,
        subject=subject,
    )
    with write_file_atomically(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def render_report(
    evaluation: Evaluation,
    *,
    popularity: Popularity | None = None,
    calibration: Calibration | None = None,
    examples: Sequence[ExampleUser] = (),
    example_debias: float | None = None,
    settings: Mapping[str, object] | None = None,
    title: str = "Evaluation",
    subject: str | None = None,
) -> str:
    """Return the report as one HTML page; what isn't given is left out.

    ``settings`` (the run's configuration, nested mappings allowed) are shown beside the
    evaluation's own. Titles and ids are escaped: they come from other people's catalogs. Without
    matplotlib the page has no pictures and says how to get them.

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
    pictures = _pictures(evaluation, popularity, calibration, subject)
    return environment.get_template(TEMPLATE).render(
        title=title,
        summary=summary_sentence(evaluation, subject),
        k=evaluation.primary_k,
        headings=[(c.heading.format(k=evaluation.primary_k), c.meaning) for c in COLUMNS],
        lines=_lines(evaluation),
        pictures=[(p.heading, p.reading, Markup(p.svg)) for p in pictures],
        drawn=charts.have_matplotlib(),
        calibration=calibration,
        examples=examples,
        example_debias=example_debias,
        cutoffs=_cutoffs(evaluation),
        settings=[
            *flat_settings(evaluation.settings),
            *((f"seconds for {name}", f"{s:.1f}") for name, s in evaluation.seconds.items()),
        ],
        run_settings=flat_settings(settings or {}),
        counts=evaluation.settings,
        share=share,
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


def _lines(evaluation: Evaluation) -> list[tuple[str, list[tuple[str, bool]]]]:
    best = [best_recommenders(evaluation, column) for column in COLUMNS]
    return [
        (
            name,
            [
                (column.form(evaluation.value(name, column.metric)), name in winners)
                for column, winners in zip(COLUMNS, best, strict=True)
            ],
        )
        for name in evaluation.recommenders
    ]


def _cutoffs(evaluation: Evaluation) -> list[tuple[int, list[tuple[str, str, str, str, str]]]]:
    ks = evaluation.settings.get("k")
    metrics = ("recall", "ndcg", "mrr", "tail_pool_recall")
    found = []
    for k in ks if isinstance(ks, list) else []:
        rows = []
        for name in evaluation.recommenders:
            recall, ndcg, mrr, pool = (share(evaluation.value(name, m, k)) for m in metrics)
            rows.append((name, recall, ndcg, mrr, pool))
        found.append((k, rows))
    return found


def _pictures(
    evaluation: Evaluation,
    popularity: Popularity | None,
    calibration: Calibration | None,
    subject: str | None,
) -> list[Picture]:
    if not charts.have_matplotlib():
        return []
    found = [
        Picture(
            "Overall against tail",
            "Up and to the right is better. Settings of one debias dial are joined into a curve "
            "and labelled with their strength at both ends.",
            charts.tradeoff_chart(evaluation),
        ),
        Picture(
            "Recall by popularity of the target",
            "How much of what users took next is found, by how many training users the item had.",
            charts.bands_chart(evaluation, subject),
        ),
    ]
    if popularity is not None:
        found.append(
            Picture(
                "Popularity curve",
                f"Every item of the catalog, by rank, with its bucket (rule {popularity.rule}).",
                charts.popularity_chart(popularity),
            )
        )
    if calibration is not None:
        found.append(
            Picture(
                "Calibration of the relevance head",
                "On the dashed line a prediction of 20 % comes true 20 times in 100.",
                charts.calibration_chart(calibration),
            )
        )
    return found

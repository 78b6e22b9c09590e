"""The comparison on one screen: a line a method, and what may be claimed under it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from longtail.evaluation.report.numbers import percent, share, whole
from longtail.evaluation.report.summary import summary
from longtail.evaluation.results import Evaluation
from longtail.evaluation.significance.claims import Claims
from longtail.evaluation.significance.compared_rows import table_rows


@dataclass(frozen=True)
class Column:
    """One column: its metric, its heading, and whether more of it is better.

    ``best`` is false where the largest value is no merit in itself: the random baseline covers the
    whole catalog and shows nothing but the tail.
    """

    metric: str
    heading: str
    meaning: str
    best: bool
    form: Callable[[float], str]


COLUMNS = (
    Column("recall", "R@{k}", "recall: share of a user's targets among the first k", True, share),
    Column("ndcg", "N@{k}", "NDCG: recall that counts earlier places more", True, share),
    Column("head_recall", "head R", "recall of head targets, whole catalog", True, share),
    Column("tail_recall", "tail R", "recall of tail targets, whole catalog", True, share),
    Column("cold_recall", "cold R", "recall of targets never taken in training", True, share),
    Column("tail_pool_recall", "tail-pool R", "recall among tail and cold items only", True, share),
    Column("coverage", "coverage", "share of the catalog that some list shows", False, percent),
    Column("tail_share", "tail share", "share of tail and cold items in the lists", False, percent),
    Column(
        "popularity_percentile",
        "pop. pct.",
        "average popularity percentile of the lists; 100 is the most popular item",
        False,
        whole,
    ),
)


# Beside a rival's value: provably below or above the subject's.
MARKS = {"better": "↓", "worse": "↑", "open": ""}


@dataclass(frozen=True)
class Cell:
    """One value as it is printed; ``mark`` is one of `MARKS`, ``best`` provably the best."""

    text: str
    mark: str
    best: bool


def table_cells(
    evaluation: Evaluation, claims: Claims, name: str, columns: Sequence[Column] = COLUMNS
) -> list[Cell]:
    """Return one recommender's line of the table, a cell a column."""
    cells = []
    for column in columns:
        tested = claims.find(name, column.metric)
        cells.append(
            Cell(
                column.form(evaluation.value(name, column.metric)),
                MARKS[tested.verdict] if tested else "",
                column.best and claims.is_best(name, column.metric),
            )
        )
    return cells


def comparison_table(
    evaluation: Evaluation,
    title: str | None = None,
    subject: str | None = None,
    claims: Claims | None = None,
) -> Table:
    """Return the table for the screen at `Evaluation.primary_k`: one line a method.

    Bold marks a value that is provably the best of its column, an arrow one that is provably
    below (↓) or above (↑) the subject's. The caption is `summary`. ``claims`` are made here
    unless they are given.
    """
    proven = claims or Claims.of(evaluation, subject)
    caption = f"{summary(evaluation, proven)}\n{legend(proven)}{_left_out(evaluation, proven)}"
    table = bare_table(title, caption)
    for column in COLUMNS:
        # On two lines: nine columns and a name have to fit into 80 characters.
        heading = two_lines(column.heading.format(k=evaluation.primary_k))
        table.add_column(heading, justify="right", no_wrap=True)
    lines = {
        name: table_cells(evaluation, proven, name)
        for name in table_rows(evaluation, proven.subject)
    }
    add_lines(table, lines)
    return table


def bare_table(title: str | None, caption: str) -> Table:
    """Return a table with the column of names, the caption as it is."""
    table = Table(
        title=title,
        caption=escape(caption),
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=0,  # the box parts columns by a space already
        pad_edge=False,
    )
    table.add_column("recommender", min_width=11, vertical="bottom")
    return table


def add_lines(table: Table, lines: Mapping[str, Sequence[Cell]]) -> None:
    """Add a line a recommender, with bold and arrows."""
    marked = marked_places(list(lines.values()))
    for name, cells in lines.items():
        texts = [
            (f"[bold]{cell.text}[/bold]" if cell.best else cell.text)
            # A value without an arrow leaves its place free, so that the digits stay in line.
            + (cell.mark or " ") * (place in marked)
            for place, cell in enumerate(cells)
        ]
        table.add_row(escape(name), *texts)


def marked_places(lines: Sequence[Sequence[Cell]]) -> list[int]:
    """Return the places of the columns that have an arrow in some line."""
    columns = enumerate(zip(*lines, strict=True))
    return [place for place, cells in columns if any(cell.mark for cell in cells)]


def headings(columns: Sequence[Column], k: int) -> list[tuple[str, str]]:
    """Return heading and meaning of each column."""
    return [(column.heading.format(k=k), column.meaning) for column in columns]


def legend(claims: Claims) -> str:
    """Return how to read bold and arrows."""
    if not claims.tested:
        return "Nothing is marked: differences were not tested."
    return (
        f"↓ ↑ significantly below or above {claims.subject}; bold: significantly the best method "
        f"of the column ({100 * claims.confidence:g} %, paired bootstrap over users, "
        "Holm-corrected)."
    )


def _left_out(evaluation: Evaluation, claims: Claims) -> str:
    rest = len(evaluation.recommenders) - len(table_rows(evaluation, claims.subject))
    return f" {rest} more debias strengths are in the report." if rest else ""


def two_lines(heading: str) -> str:
    """Return a heading of two words on two lines.

    >>> two_lines("tail-pool R"), two_lines("tail R"), two_lines("coverage")
    ('tail-\\npool R', 'tail\\nR', 'coverage')
    """
    first, dash, rest = heading.partition("-")
    return f"{first}-\n{rest}" if dash else heading.replace(" ", "\n")

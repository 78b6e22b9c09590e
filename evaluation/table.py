"""The comparison on one screen: a line a recommender, and one true sentence under it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from evaluation.protocol import family_and_debias
from evaluation.results import Evaluation


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


def share(value: float) -> str:
    """Return a share without its leading zero, a dash for NaN.

    >>> share(0.1189), share(1.0), share(float("nan"))
    ('.1189', '1.0000', '–')
    """
    return "–" if math.isnan(value) else f"{value:.4f}".removeprefix("0")


def percent(value: float) -> str:
    """Return a share in percent, a dash for NaN.

    >>> percent(0.314), percent(float("nan"))
    ('31 %', '–')
    """
    return "–" if math.isnan(value) else f"{100 * value:.0f} %"


def whole(value: float) -> str:
    """Return a number without decimals, a dash for NaN.

    >>> whole(87.5), whole(float("nan"))
    ('88', '–')
    """
    return "–" if math.isnan(value) else f"{value:.0f}"


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


def best_recommenders(evaluation: Evaluation, column: Column) -> set[str]:
    """Return who has the best value of a column as it is printed; nobody where it is no merit."""
    values = {n: evaluation.value(n, column.metric) for n in evaluation.recommenders}
    known = [value for value in values.values() if not math.isnan(value)]
    if not column.best or len(values) < 2 or not known or max(known) <= 0:
        return set()
    top = column.form(max(known))
    return {name for name, value in values.items() if column.form(value) == top}


def comparison_table(
    evaluation: Evaluation, title: str | None = None, subject: str | None = None
) -> Table:
    """Return the table for the screen at `Evaluation.primary_k`; the best of a column is bold.

    The caption is `summary_sentence` of the subject.
    """
    table = Table(
        title=title,
        caption=escape(summary_sentence(evaluation, subject)),
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
        pad_edge=False,
    )
    table.add_column("recommender", min_width=11, vertical="bottom")
    for column in COLUMNS:
        # On two lines: nine columns and a name have to fit into 80 characters.
        heading = _two_lines(column.heading.format(k=evaluation.primary_k))
        table.add_column(heading, justify="right", no_wrap=True)
    best = [best_recommenders(evaluation, column) for column in COLUMNS]
    for name in evaluation.recommenders:
        cells = [column.form(evaluation.value(name, column.metric)) for column in COLUMNS]
        marked = [
            f"[bold]{cell}[/bold]" if name in winners else cell
            for cell, winners in zip(cells, best, strict=True)
        ]
        table.add_row(escape(name), *marked)
    return table


def summary_sentence(
    evaluation: Evaluation, subject: str | None = None, rival: str | None = None
) -> str:
    """Return one sentence: how many tail targets the subject finds against a rival, and overall.

    The subject is ``longtail`` where there is one, else the first recommender; the rival is the
    best of the others overall, the subject's own debias settings left out. Better or worse, the
    sentence says which. It compares plain numbers and claims no significance.
    """
    names = evaluation.recommenders
    k = evaluation.primary_k
    who = subject or ("longtail" if "longtail" in names else names[0])
    family = family_and_debias(who)[0]
    others = [name for name in names if family_and_debias(name)[0] != family]
    recall = share(evaluation.value(who, "recall"))
    if rival is None and not others:
        return f"{who}: overall recall@{k} {recall}, tail {_tail(evaluation, who)}."
    against = rival or max(others, key=lambda name: _sortable(evaluation.value(name, "recall")))
    named = against if rival or len(others) == 1 else f"{against}, the best of the others overall"
    rival_recall = share(evaluation.value(against, "recall"))
    overall = f"overall recall@{k} {recall} against {rival_recall}"
    mine = evaluation.value(who, "tail_recall_micro")
    theirs = evaluation.value(against, "tail_recall_micro")
    if math.isnan(mine) or math.isnan(theirs):
        return f"{who} against {named}: {overall}; no tail targets were measured."
    targets = _targets(evaluation)
    found, rival_found = round(mine * targets), round(theirs * targets)
    if not found and not rival_found:
        return f"Neither {who} nor {named} finds any of {targets:,} tail items; {overall}."
    if not found or not rival_found:
        comma = "," if named != against else ""
        ours, others_found = (f"{n:,}" if n else "none" for n in (found, rival_found))
        counts = f"{ours} of {targets:,} tail items, {named}{comma} {others_found}"
        return f"{who} finds {counts}; {overall}."
    counts = f"({found:,} against {rival_found:,} of {targets:,})"
    return f"{who} finds {_times(mine / theirs)} tail items as {named} {counts}; {overall}."


def _two_lines(heading: str) -> str:
    first, dash, rest = heading.partition("-")
    return f"{first}-\n{rest}" if dash else heading.replace(" ", "\n")


def _times(ratio: float) -> str:
    if 0.995 <= ratio < 1.005:
        return "as many"
    # Close to one, a single decimal would print "1.0x".
    return f"{ratio:.2f}x as many" if 0.95 < ratio < 1.05 else f"{ratio:.1f}x as many"


def _tail(evaluation: Evaluation, name: str) -> str:
    return share(evaluation.value(name, "tail_recall"))


def _targets(evaluation: Evaluation) -> int:
    targets = evaluation.settings.get("targets")
    return int(targets["tail"]) if isinstance(targets, dict) else 0


def _sortable(value: float) -> float:
    return -math.inf if math.isnan(value) else value

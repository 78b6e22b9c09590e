"""The screen that ends a training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from shlex import quote
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from longtail.console.backend_summary import reading_line
from longtail.console.console import stdout_console
from longtail.console.data_tables import left_out_lines
from longtail.console.truncation_note import long_texts_note
from longtail.retrieval.data.interactions import TEST
from longtail.retrieval.run.bundle import Bundle
from longtail.training.head.history_length import WHOLE
from longtail.training.train import Trained

STAGE_NAMES = {
    "co_taken": "tuned item tower",
    "history": "history offsets and recency",
    "encoder": "user tower's BERT stack",
    "text": "item tower's text encoder",
}

# What says how often an item is taken that nobody had taken.
PRIORS = {
    "hidden tail": "tail items whose evidence is hidden",
    "cold items": "cold items in the valid part",
}


def print_training_summary(
    trained: Trained, set_aside: Sequence[str] = (), console: Console | None = None
) -> None:
    """Print what was made, what validation said of each part, and what to type next.

    ``set_aside`` are lines about what was left out of the files; without ``console`` it is stdout.
    """
    console = console or stdout_console()
    bundle, run = trained.bundle, trained.run
    sizes = ", ".join(f"{count:,} {name}" for name, count in bundle.popularity.sizes().items())
    console.print(
        f"{run}: {len(bundle.catalog):,} items ({sizes}; rule "
        f"{bundle.popularity.rule}), {len(bundle.log.user_ids):,} users, "
        f"{len(bundle.log):,} interactions"
        + (f", split {bundle.split_kind}" if len(bundle.log) else "")
    )
    for line in set_aside:
        console.print(line, markup=False, highlight=False)
    texts = bundle.summary["texts"]
    long_texts = bundle.config["item_tower"]["long_texts"]
    note = long_texts_note(texts["longer"], len(bundle.catalog), texts["max_tokens"], long_texts)
    if note:
        console.print(note)
    console.print(f"texts read by {reading_line(bundle.summary)}")
    table = Table(title="validation, NDCG@10 overall / in the tail", title_justify="left")
    for heading in ("stage", "before", "after", "kept", "seconds"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for report in bundle.summary["stages"]:
        if report["stage"] in STAGE_NAMES and "left_out" not in report:
            table.add_row(
                STAGE_NAMES[report["stage"]],
                _figures(report["before"]),
                _figures(report["after"]),
                "yes" if report["kept"] else "no: undone",
                f"{report['seconds']:.0f}",
            )
    if table.row_count:
        console.print(table)
    for report in bundle.summary["stages"]:
        if "left_out" in report:
            console.print(f"{STAGE_NAMES[report['stage']]} left out: {report['left_out']}")
    for line in _of_prior(bundle) if bundle.relevance.prior else _of_head(bundle):
        console.print(line)
    for line in user_columns_lines(bundle.summary.get("user_columns")):
        console.print(line)
    console.print("next:")
    for command in _next_commands(bundle, quote(str(run))):
        console.print(f"  {command}", soft_wrap=True)


def _next_commands(bundle: Bundle, run: str) -> Iterator[str]:
    """Yield what to type next, ready to be copied: a folder or an id may hold blanks."""
    if len(bundle.log.user_ids):
        yield f"longtail query {run} --user {quote(str(bundle.log.user_ids[0]))} --explain"
    else:
        item = quote(str(bundle.catalog.item_ids[0]))
        yield f"longtail query {run} --history {item} --explain"
        yield f"longtail similar {run} --item {item}"
    if bundle.log.part is not None and (bundle.log.part == TEST).any():
        yield f"longtail evaluate {run}"
    yield f"longtail serve {run}"
    if bundle.relevance.prior:
        yield f"longtail learn {run} --events {run}/events/events.jsonl"


def _of_head(bundle: Bundle) -> Iterator[str]:
    """Yield what validation says of the fitted head, and what was chosen with it."""
    head = bundle.summary["relevance"]
    yield (
        f"relevance head ({head['scorer']}) on {'its own' if head['seen_users'] else 'unseen'} "
        f"validation users: NDCG@10 {_figures(head['scorers'][head['scorer']])}, "
        f"AUC {head['auc']:.3f}, calibration error {head['expected_calibration_error']:.4f}, "
        f"accuracy {head['accuracy']:.4f} (always no: {head['base_accuracy']:.4f})"
    )
    if counts := counts_note(head):
        yield counts
    yield from _of_time(bundle.summary)
    yield _of_debias(head["debias"], bundle.serving.debias)


def _of_prior(bundle: Bundle) -> Iterator[str]:
    """Yield why a head was chosen beforehand, and what it is worth."""
    head = bundle.summary["relevance"]
    told = ", ".join(f"{name} {weight:.2f}" for name, weight in head["weights"].items())
    why = "nobody took something new in the valid part, so none was fitted"
    if compared := head.get("small_log"):
        why = (
            "validation is too small to tell that the log's own is better (NDCG@10 "
            f"{_figures(compared['own'])}, this one's {_figures(compared['prior'])})"
        )
    yield (
        f"relevance head (prior: {told}): {why}; probabilities are on another shop's scale until "
        "`longtail learn` calibrates them"
    )


def counts_note(head: dict[str, Any]) -> str | None:
    """Return why the head trusts no counts, or trusts them against the odds, or None."""
    future = head.get("future_filter", {})
    if not future.get("suspected"):
        return None
    if head["counts"]:
        return (
            f"counts are evidence because relevance.counts says so, though {future['reason']}; "
            "auto would leave them out"
        )
    return f"counts are no evidence (relevance.counts): {future['reason']}"


def _figures(measure: dict[str, Any]) -> str:
    tail = measure.get("tail_ndcg")
    return f"{measure['ndcg']:.4f} / {'no target' if tail is None else f'{tail:.4f}'}"


def _of_time(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was chosen of the log's pace and of its users' pasts."""
    head = summary["relevance"]
    if clock := summary.get("clock"):
        yield f"what is taken lately: half-life {clock['half_life_days']:.3g} days"
    if length := head.get("history_length"):
        tried = ", ".join(
            f"{_items(int(n))} {ndcg:.4f} in {length['seconds'][n]:.0f} s"
            for n, ndcg in length["ndcg"].items()
        )
        yield f"histories: {_items(length['last'])} are read (validation NDCG@10: {tried})"
    if unknown := head.get("unknown"):
        bonus = f", {unknown['bonus']:+g} log-odds" if unknown["bonus"] else ""
        yield (
            f"items that nobody has taken: as likely as {PRIORS[unknown['prior']]}{bonus} "
            f"({unknown['hidden_taken']:,} hidden and {unknown['cold_taken']:,} cold ones were "
            "taken; relevance.unknown_bonus shows more of them)"
        )
    if origins := head.get("rolling_origins"):
        yield (
            f"relevance head: half of the users would have taught "
            f"{1 - head['share_from_second_half']:.0%} of what all did, so it also learned from "
            f"{origins['users']:,} users of {len(origins['moments'])} earlier moments "
            f"({origins['seconds']:.0f} s)"
        )


def _items(length: int) -> str:
    return "whole histories" if length >= WHOLE else f"the last {length} items"


def _of_debias(measures: Mapping[str, Any], debias: float) -> str:
    """Return what the default debias costs on validation, beside the nearest strengths."""
    strengths = sorted(float(d) for d in measures)
    place = strengths.index(debias)
    near = strengths[max(place - 1, 0) : place + 2]
    plain = measures["0"]
    told = ", ".join(
        f"{d:g}: overall {_change(measures[f'{d:g}'], plain, 'ndcg')}"
        f" tail {_change(measures[f'{d:g}'], plain, 'tail_ndcg')}"
        for d in near
        if d
    )
    return (
        f"default debias {debias:g} (0 would be the most probable next item, 1 takes popularity "
        f"out); validation NDCG@10 beside debias 0: {told}"
    )


def _change(measure: Mapping[str, float], plain: Mapping[str, float], name: str) -> str:
    if not plain.get(name) or name not in measure:
        return "-"
    return f"{measure[name] / plain[name] - 1:+.1%}"


def user_columns_lines(report: Mapping[str, Any] | None) -> list[str]:
    """Return what training made of a users file, nothing without one."""
    if report is None:
        return []
    named = ", ".join(report["columns"]) or "none"
    lines = [f"user columns: {named}"]
    if not report["columns"]:
        pass
    elif not report["hidden_users"]:
        lines.append("user columns have no say: no user of the valid part has a value")
    else:
        before, after = report["without"], report["with"]
        figures = (
            f"NDCG@10 in the catalog / in the tail of {report['hidden_users']:,} validation users "
            f"with hidden histories {_pair(before)} without"
        )
        lines.append(
            f"user columns have strength {report['strength']:g}: {figures}, {_pair(after)} with"
            if report["strength"]
            else f"user columns have no say: they don't help beyond chance ({figures})"
        )
    return [*lines, *left_out_lines(report["left_out"])]


def _pair(figures: Mapping[str, float | None]) -> str:
    return " / ".join("-" if v is None or np.isnan(v) else f"{v:.4f}" for v in figures.values())

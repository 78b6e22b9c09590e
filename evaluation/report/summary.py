"""The sentences under the table: what the evaluation shows, and nothing that luck could show."""

from __future__ import annotations

import math

from longtail.evaluation.report.numbers import share, signed
from longtail.evaluation.results import Evaluation
from longtail.evaluation.significance.claims import Claims, Difference
from longtail.evaluation.significance.compared_rows import best_rival

# By overall recall: another method may find more of the tail.
BEST = ", the best of the others overall"


def summary(evaluation: Evaluation, claims: Claims) -> str:
    """Return `summary_sentences` as one text."""
    return " ".join(summary_sentences(evaluation, claims))


def summary_sentences(evaluation: Evaluation, claims: Claims) -> list[str]:
    """Return one to three sentences on the subject against the best of the others overall.

    How many tail targets each finds and how the overall recalls stand; the differences with their
    intervals and numbers of users; and what the subject's debias dial has to offer at the rival's
    overall recall. A difference that isn't significant is said to be none, whichever side it
    favours; without values of single users the numbers stand alone.
    """
    who, k = claims.subject, evaluation.primary_k
    rival = best_rival(evaluation, who)
    recall = share(evaluation.value(who, "recall"))
    if rival is None:
        tail = share(evaluation.value(who, "tail_recall"))
        return [f"{who}: overall recall@{k} {recall}, tail {tail}."]
    named = (
        rival
        if _only_rival(evaluation, claims, rival)
        else f"{rival}, the best of the others overall"
    )
    overall = f"recall@{k} {recall} against {share(evaluation.value(rival, 'recall'))}"
    tail_found = _found(evaluation, who), _found(evaluation, rival)
    targets = _targets(evaluation)
    if math.isnan(tail_found[0]) or math.isnan(tail_found[1]):
        return [f"{who} against {named}: overall {overall}; no tail targets were measured."]
    counts = f"{tail_found[0]:,.0f} against {tail_found[1]:,.0f} of {targets:,}"
    if not any(tail_found):
        first = f"Neither {who} nor {named} finds any of {targets:,} tail items"
        first = first.replace(
            ", the best of the others overall", ", the best of the others overall,"
        )
        return [f"{first}; overall {overall}."]
    tail_claim = claims.find(rival, "tail_recall")
    overall_claim = claims.find(rival, "recall")
    if tail_claim is None or overall_claim is None:
        return [
            f"{who} against {named}: tail items found {counts}; overall {overall}.",
            "Not tested for significance.",
        ]
    sentences = [
        f"{_tail_part(who, named, tail_claim, tail_found, counts)}, "
        f"{_overall_part(overall_claim, overall)}.",
        f"Each difference by itself: tail recall {_interval(tail_claim, claims)}, "
        f"overall {_interval(overall_claim, claims)}.",
    ]
    matched = claims.at_matched_recall(rival)
    # Worth a sentence only where the strength served costs some overall recall or gains no tail.
    if matched and matched.verdict == "better" and not _wins(tail_claim, overall_claim):
        sentences.append(
            f"At no less overall recall than {rival}, {matched.subject}'s dial reaches a tail "
            f"recall {_interval(matched, claims)}."
        )
    return sentences


def _tail_part(
    who: str, named: str, claim: Difference, hits: tuple[float, float], counts: str
) -> str:
    ours, theirs = hits
    if claim.verdict == "open":
        return (
            f"{who} finds about as many tail items as {named} ({counts}: no significant difference)"
        )
    if (claim.verdict == "better") != (ours > theirs):
        # Users with many targets weigh more in counts than in a mean over users.
        way = "higher" if claim.verdict == "better" else "lower"
        return f"{who} has a {way} tail recall than {named} (targets found: {counts})"
    if not theirs:
        return f"{who} finds tail items where {named} finds none ({counts})"
    return f"{who} finds {_times(ours / theirs)} tail items as {named} ({counts})"


def _overall_part(claim: Difference, overall: str) -> str:
    if claim.verdict == "open":
        return f"with no significant difference overall ({overall})"
    way = "more" if claim.verdict == "better" else "less"
    return f"with {way} overall ({overall})"


def _interval(claim: Difference, claims: Claims) -> str:
    ends = f"{signed(claim.low)} to {signed(claim.high)}"
    return (
        f"{signed(claim.difference)} ({100 * claims.confidence:g} % interval {ends}, "
        f"{claim.users:,} users)"
    )


def _wins(tail: Difference, overall: Difference) -> bool:
    return tail.verdict == "better" and overall.verdict != "worse"


def _only_rival(evaluation: Evaluation, claims: Claims, rival: str) -> bool:
    return set(evaluation.recommenders) <= {claims.subject, rival}


def _times(ratio: float) -> str:
    # Close to one, a single decimal would print "1.0x".
    return f"{ratio:.2f}x as many" if 0.95 < ratio < 1.05 else f"{ratio:.1f}x as many"


def _found(evaluation: Evaluation, name: str) -> float:
    """Return how many tail targets were found, NaN where that wasn't measured."""
    hits = evaluation.value(name, "tail_recall_micro") * _targets(evaluation)
    return hits if math.isnan(hits) else float(round(hits))


def _targets(evaluation: Evaluation) -> int:
    targets = evaluation.settings.get("targets")
    return int(targets["tail"]) if isinstance(targets, dict) else 0

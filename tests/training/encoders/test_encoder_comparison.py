"""Which encoder is recommended, and why."""

from __future__ import annotations

import numpy as np
import pytest

from longtail.retrieval.towers.text.token_coverage import TokenCoverage
from longtail.training.encoders.candidates import EncoderCandidate
from longtail.training.encoders.comparison import compare_encoders
from longtail.training.encoders.content_figures import ContentFigures
from longtail.training.encoders.trial import EncoderTrial

KNOWS = TokenCoverage(1_000, {}, {})
KNOWS_NOT = TokenCoverage(1_000, {"Chinese": 700}, {})
USERS = 400


def trial(
    name: str,
    speed: float,
    gain: float | None = 0.0,
    *,
    coverage: TokenCoverage = KNOWS,
    dims: int = 32,
) -> EncoderTrial:
    """Return a trial whose balance is half plus a gain, the same users for all."""
    figures = None
    if gain is not None:
        rng = np.random.default_rng(sum(map(ord, name)))
        base = np.random.default_rng(0).random(USERS)
        noise = rng.normal(0, 0.05, USERS)
        values = base + gain + noise - noise.mean()
        figures = ContentFigures(values, values, values, values)
    candidate = EncoderCandidate.of(name)
    return EncoderTrial(
        candidate, None, coverage, dims, 1_000, speed, figures, None if figures else "no log"
    )


def chosen(*trials: EncoderTrial) -> str | None:
    found = compare_encoders(trials, seed=0).recommended
    return found and found.trial.candidate.name


def test_of_those_that_cannot_be_told_from_the_best_it_is_the_fastest() -> None:
    found = compare_encoders(
        [trial("slow", 10, 0.003), trial("fast", 100), trial("faster and worse", 200, -0.1)], seed=0
    )
    assert found.recommended is not None
    assert found.recommended.trial.candidate.name == "fast"
    assert "can't be told from the best, slow (balance -.0" in found.why
    best, level, worse = found.judged
    assert best.behind is None
    assert level.as_good
    assert not worse.as_good
    assert worse.behind is not None
    assert worse.behind[0] == pytest.approx(-0.1, abs=0.01)
    assert worse.behind[1][0] < worse.behind[0] < worse.behind[1][1] < 0


def test_a_clear_gain_is_worth_the_time() -> None:
    assert chosen(trial("slow", 10, 0.1), trial("fast", 100)) == "slow"


def test_of_equally_fast_ones_it_is_the_one_with_short_vectors() -> None:
    assert chosen(trial("long", 105, dims=384), trial("short", 100, dims=128)) == "short"
    assert chosen(trial("long", 150, dims=384), trial("short", 100, dims=128)) == "long"


def test_one_that_does_not_know_the_texts_is_passed_over() -> None:
    trials = [trial("deaf", 100, coverage=KNOWS_NOT), trial("knows", 10)]
    found = compare_encoders(trials, seed=0)
    assert found.recommended is not None
    assert found.recommended.trial.candidate.name == "knows"
    assert "don't know the texts: deaf" in found.why
    assert chosen(trial("deaf", 100, coverage=KNOWS_NOT)) == "deaf"


def test_without_a_log_it_is_the_fastest_that_knows_the_texts() -> None:
    trials = [
        trial("deaf", 100, None, coverage=KNOWS_NOT),
        trial("fast", 50, None),
        trial("slow", 10, None),
    ]
    found = compare_encoders(trials, seed=0)
    assert found.recommended is not None
    assert found.recommended.trial.candidate.name == "fast"
    assert "without a log nothing says" in found.why
    assert found.recommended.interval is None


def test_one_that_was_too_slow_to_measure_is_not_taken_for_one_that_was() -> None:
    assert chosen(trial("unmeasured", 500, None), trial("measured", 100)) == "measured"


def test_what_cannot_be_used_is_never_recommended() -> None:
    broken = EncoderTrial(EncoderCandidate.of("broken"), reason="no tokenizer")
    assert chosen(broken, trial("one", 10)) == "one"
    found = compare_encoders([broken], seed=0)
    assert found.recommended is None
    assert [judged.trial.reason for judged in found.judged] == ["no tokenizer"]

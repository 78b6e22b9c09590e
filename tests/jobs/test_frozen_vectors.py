"""Baselines read the vectors before fine-tuning; texts are read again only where it has been."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import longtail.jobs.frozen_vectors
from longtail.jobs.frozen_vectors import frozen_vectors
from longtail.retrieval.progress import silent
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run.bundle import Bundle


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of texts of each reading since."""
    found: list[int] = []
    whole = longtail.jobs.frozen_vectors.encode_pooled

    def counted(backend: Any, tokens: Any, **named: Any) -> Any:
        found.append(len(tokens))
        return whole(backend, tokens, **named)

    monkeypatch.setattr(longtail.jobs.frozen_vectors, "encode_pooled", counted)
    return found


def trained_anew(bundle: Bundle, *, kept: bool) -> Bundle:
    """Return the bundle with a text stage in its record."""
    others = [stage for stage in bundle.summary["stages"] if stage["stage"] != "text"]
    stages = [*others, {"stage": "text", "kept": kept}]
    return replace(bundle, summary={**bundle.summary, "stages": stages})


def whitened(bundle: Bundle, power: float) -> Bundle:
    settings: Mapping[str, Any] = {**bundle.config["item_tower"], "whitening_power": power}
    return replace(bundle, config={**bundle.config, "item_tower": settings})


def test_an_item_tower_that_was_left_alone_has_them_in_the_index(
    retriever: Retriever, read: list[int]
) -> None:
    bundle, index = trained_anew(retriever.bundle, kept=False), retriever.ranking.index
    taken = frozen_vectors(bundle, index, silent)
    assert read == []
    again = frozen_vectors(trained_anew(bundle, kept=True), index, silent)
    assert read == [len(bundle.catalog)]
    # Principal axes have no sign, and vectors on the way to the index were float16.
    assert np.abs(taken @ taken.T - again @ again.T).max() < 2e-3
    # Not just any unit vectors.
    other = again[::-1]
    assert np.abs(taken @ taken.T - other @ other.T).max() > 0.1


def test_another_whitening_than_the_usual_is_not_the_baselines(
    retriever: Retriever, read: list[int]
) -> None:
    bundle, index = retriever.bundle, retriever.ranking.index
    found = frozen_vectors(whitened(bundle, 1.0), index, silent)
    assert read == [len(bundle.catalog)]
    usual = frozen_vectors(trained_anew(bundle, kept=True), index, silent)
    assert np.array_equal(found, usual)

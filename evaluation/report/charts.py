"""The report's pictures as inline SVG, in the colours of the page they stand on."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.metrics.calibration import Calibration, ReliabilityBins
from longtail.evaluation.metrics.tally import BAND_NAMES
from longtail.evaluation.report.drawing import (
    INK,
    POOL_COLOURS,
    SERIES,
    drawing,
    legend,
    series_of,
)
from longtail.evaluation.results import Evaluation
from longtail.evaluation.significance.compared_rows import table_rows
from longtail.retrieval.data.popularity import POOL_NAMES, Popularity

# A bin of fewer examples isn't drawn: its share would be chance.
FEWEST_IN_BIN = 50


def bands_chart(evaluation: Evaluation, subject: str | None = None, most: int = 5) -> str:
    """Return recall by the target's training count: the subject and the strongest of the table.

    The subject's own undebiased line, where it is another one, is dashed.
    """
    k = evaluation.primary_k
    rows = [name for name in table_rows(evaluation, subject) if evaluation.bands.get(name)]
    chosen = rows[:most]
    with drawing(f"Recall at {k} by the target's number of training users") as (axes, result):
        drawn: set[str] = set()
        for name in chosen:
            colour, marker = series_of(evaluation, name)
            bands = evaluation.bands[name]
            axes.plot(
                range(len(BAND_NAMES)),
                [bands.get(band, {}).get(f"recall_micro@{k}", math.nan) for band in BAND_NAMES],
                color=colour,
                marker=marker,
                linewidth=2.4 if name == rows[0] else 1.4,
                linestyle="--" if colour in drawn else "-",
                clip_on=False,  # a marker at zero is a whole marker
                label=name,
                zorder=3 if name == rows[0] else 2,
            )
            drawn.add(colour)
        counts = evaluation.bands[chosen[0]]
        axes.set_xticks(
            range(len(BAND_NAMES)),
            [f"{band}\n({counts.get(band, {}).get('targets', 0):,.0f})" for band in BAND_NAMES],
        )
        axes.set_xlabel("training users of the target (number of targets)")
        axes.set_ylabel(f"share of targets found@{k}")
        axes.set_ylim(bottom=0)
        legend(axes, len(chosen))
    return result[0]


def popularity_chart(popularity: Popularity) -> str:
    """Return training users by popularity rank, on logarithmic axes, with the pools marked."""
    order = np.lexsort((popularity.bucket, -popularity.counts))
    counts, bucket = popularity.counts[order], popularity.bucket[order]
    # A path of 300 points looks the same as one of a million, and the page stays small.
    spread = np.geomspace(1, max(len(order), 1), 300).round().astype(int) - 1
    with drawing("Training users of every item, by popularity rank") as (axes, result):
        for code, name in enumerate(POOL_NAMES):
            size = int((bucket == code).sum())
            places = np.flatnonzero(bucket == code)
            if not size:
                continue
            shown = np.unique(np.concatenate([spread[bucket[spread] == code], places[[0, -1]]]))
            axes.plot(
                shown + 1,
                # Cold items have no logarithm: drawn on the floor, at one half.
                np.maximum(counts[shown], 0.5),
                color=POOL_COLOURS[code],
                linewidth=3,
                label=f"{name}: {size:,} items, {_mass(counts[places], counts)} of interactions",
            )
            axes.fill_between(
                shown + 1,
                0.4,
                np.maximum(counts[shown], 0.5),
                color=POOL_COLOURS[code],
                alpha=0.18,
            )
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:,.0f}")
            axis.set_minor_formatter("")
        axes.tick_params(which="minor", length=0)
        axes.set_ylim(bottom=0.4)
        axes.set_xlabel("items, most popular first")
        axes.set_ylabel("training users")
        legend(axes, 3)
    return result[0]


def calibration_chart(calibration: Calibration) -> str:
    """Return the reliability diagram: predicted probability against the share that came true."""
    bins = calibration.bins
    shown = _shown(bins)
    probability, taken = bins.probability[shown], bins.share[shown]
    with drawing("Predicted relevance against the share that was taken") as (axes, result):
        top = max(0.05, float(max(probability.max(), taken.max()))) * 1.08
        axes.plot([0, top], [0, top], color=INK, linewidth=1, linestyle="--", label="exact")
        for code, name in enumerate(POOL_NAMES):
            part = calibration.parts.get(name)
            if part is not None:
                enough = _shown(part.bins)
                axes.plot(
                    part.bins.probability[enough],
                    part.bins.share[enough],
                    color=POOL_COLOURS[code],
                    marker=".",
                    linewidth=1.2,
                    label=f"{name} items alone",
                )
        axes.plot(probability, taken, color=SERIES[0], linewidth=1.2)
        sizes = 18 + 160 * bins.count[shown] / bins.count.max()
        axes.scatter(
            probability,
            taken,
            s=sizes,
            color=SERIES[0],
            zorder=3,
            label="all examples (area: their number)",
        )
        axes.set_xlim(0, top)
        axes.set_ylim(0, top)
        axes.set_xlabel("predicted probability")
        axes.set_ylabel("share taken")
        legend(axes, 2 + len(calibration.parts))
    return result[0]


def _shown(bins: ReliabilityBins) -> NDArray[np.bool_]:
    """Return the bins with enough examples to draw; of a small set, the largest at least."""
    return bins.count >= min(FEWEST_IN_BIN, int(bins.count.max()))


def _mass(part: np.ndarray, everything: np.ndarray) -> str:
    return f"{100 * part.sum() / max(everything.sum(), 1):.0f} %"

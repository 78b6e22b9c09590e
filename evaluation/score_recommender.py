"""A recommender made of scores: mask what was seen, keep to the pool, take the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from longtail.evaluation.errors import EvaluationError
from longtail.evaluation.protocol import Baseline
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.popularity import Pool, Popularity

# Scores held at once: 64 MB of float32, however many items the catalog has.
SCORES_AT_ONCE = 16_000_000
# A user's candidates, whose spread is the unit of the standardised dial.
CANDIDATES = 100


@dataclass(frozen=True)
class ScoreRecommender:
    """Ranks the catalog by a fitted baseline's scores; keeps the `Recommender` contract.

    The score at a strength is ``score - debias * unit * log p``. Raising the strength never
    raises the summed log-popularity of a list.

    Attributes:
        baseline: fitted on the training part.
        popularity: gives the pools and ``log p``.
        strengths: of the correction; 0 leaves the scores alone.
        standardise: let ``unit`` be the user's own: the deviation of the 100 best new items'
            scores over the deviation of ``log p`` over the catalog. One strength then weighs
            popularity against evidence alike in every method. Without it the unit is 1, right
            for scores that are log-odds already.
    """

    baseline: Baseline
    popularity: Popularity
    strengths: tuple[float, ...] = (0.0,)
    standardise: bool = False

    @property
    def name(self) -> str:
        """The baseline's name."""
        return self.baseline.name

    def answers(
        self, histories: Histories, k: int, pools: Sequence[Pool]
    ) -> dict[tuple[float, Pool], NDArray[np.int64]]:
        """Return the best rows of every strength and pool, int64 [m, k], -1 padded; ties by row."""
        answers = {
            (debias, pool): np.full((len(histories), k), -1, np.int64)
            for debias in self.strengths
            for pool in pools
        }
        n_items = len(self.popularity.counts)
        block = max(1, SCORES_AT_ONCE // max(n_items, 1))
        for start in range(0, len(histories), block):
            part = histories.take(np.arange(start, min(start + block, len(histories))))
            scores = self._scores(part, n_items)
            weight = self._dial(scores)
            debiased = torch.empty_like(scores)
            for debias in self.strengths:
                # Anew for each pool: a mask can't be lifted again from scores at -inf.
                for pool in pools:
                    self._debias(scores, debias * weight, pool, out=debiased)
                    rows = best_columns(debiased.numpy(), k)
                    answers[debias, pool][start : start + len(part)] = rows
        return answers

    def _scores(self, histories: Histories, n_items: int) -> torch.Tensor:
        """Return the scores with what is known and what is no number at -inf, [m, n_items]."""
        of_baseline = self.baseline.scores(histories)
        if of_baseline.shape != (len(histories), n_items):
            raise EvaluationError(
                f"{self.baseline.name} scored {list(of_baseline.shape)} instead of "
                f"{[len(histories), n_items]}; fit it on this catalog"
            )
        scores = torch.tensor(of_baseline, dtype=torch.float32)
        torch.nan_to_num_(scores, nan=-np.inf, posinf=torch.inf, neginf=-torch.inf)
        known = histories.not_again()
        owner = np.repeat(np.arange(len(known)), np.diff(known.offsets))
        scores[torch.from_numpy(owner), torch.from_numpy(known.items.astype(np.int64))] = -np.inf
        return scores

    def _dial(self, scores: torch.Tensor) -> torch.Tensor:
        """Return each user's weight of log p at strength 1, float32 [m]."""
        if not self.standardise or not any(self.strengths):
            return torch.ones(len(scores))
        spread = float(self.popularity.log_p.std()) or np.inf
        return candidate_deviation(scores) / spread

    def _debias(
        self, scores: torch.Tensor, weight: torch.Tensor, pool: Pool, *, out: torch.Tensor
    ) -> None:
        log_p = torch.from_numpy(self.popularity.log_p)
        if weight.any():
            torch.addr(scores, -weight, log_p, out=out)
        else:
            out.copy_(scores)
        if pool != "all" or self.popularity.removed is not None:
            outside = ~torch.from_numpy(self.popularity.in_pool(pool))
            out += torch.where(outside, -torch.inf, 0.0)


def candidate_deviation(scores: torch.Tensor, candidates: int = CANDIDATES) -> torch.Tensor:
    """Return the standard deviation of each line's best scores, float32 [m].

    Deviations over the whole catalog would not do: most scores of a neighbour method are 0, and
    what decides the list happens among the best. ``-inf`` doesn't count.

    >>> candidate_deviation(torch.tensor([[3.0, -9.0, 1.0], [5.0, -np.inf, -np.inf]]), 2).tolist()
    [1.0, 0.0]
    """
    best = torch.topk(scores, min(candidates, scores.shape[1]), dim=1, sorted=False).values
    known = best > -torch.inf
    number = known.sum(dim=1, keepdim=True).clamp(min=1)
    values = torch.where(known, best, 0.0)
    centred = torch.where(known, values - values.sum(dim=1, keepdim=True) / number, 0.0)
    return ((centred**2).sum(dim=1) / number.squeeze(1)).sqrt()


def best_columns(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return the k best columns of each line, best first, ties by column, int64 [m, k].

    Columns at ``-inf`` are never returned; short lines are padded with -1.

    >>> scores = np.array([[1, 5, 5, 2], [-np.inf, 3, -np.inf, -np.inf]], np.float32)
    >>> best_columns(scores, 3).tolist()
    [[1, 2, 3], [1, -1, -1]]
    """
    lines, columns = scores.shape
    out = np.full((lines, k), -1, np.int64)
    width = min(k, columns)
    if width == 0 or lines == 0:
        return out
    table = torch.from_numpy(scores)
    # One more than asked for: the border is tied when the last two are equal.
    values, chosen = torch.topk(table, min(width + 1, columns), dim=1, sorted=columns > width)
    if columns > width:
        border = values[:, width - 1]
        tied = torch.nonzero((values[:, width] == border) & (border > -torch.inf)).squeeze(1)
        chosen = chosen[:, :width].contiguous()
        if len(tied):
            chosen[tied] = _first_of_ties(table[tied], border[tied, None], width)
    # Columns in order first, so that the stable sort leaves ties in the order of columns.
    chosen = chosen.sort(dim=1).values
    values, order = table.gather(1, chosen).sort(dim=1, descending=True, stable=True)
    rows = chosen.gather(1, order)
    out[:, :width] = torch.where(values > -torch.inf, rows, -1).numpy()
    return out


def _first_of_ties(scores: torch.Tensor, border: torch.Tensor, width: int) -> torch.Tensor:
    """Return the columns above the border and the first of those at it, [m, width]."""
    above, at = scores > border, scores == border
    room = width - above.sum(dim=1, keepdim=True)
    keep = above | (at & (at.cumsum(dim=1, dtype=torch.int32) <= room))
    return keep.nonzero()[:, 1].view(len(scores), width)

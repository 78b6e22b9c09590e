"""A causal Transformer over the items taken so far, trained with full cross-entropy."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtail.evaluation.baselines.sequential.sasrec_network import SASRecNetwork
from longtail.evaluation.baselines.validation_score import ValidationPart, validation_ndcg
from longtail.evaluation.errors import EvaluationError
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.popularity import Popularity
from longtail.retrieval.progress import Progress, silent
from longtail.retrieval.towers.catalog_softmax import catalog_softmax
from longtail.retrieval.towers.sequence_tower import oldest_first as turned

# A batch holds about as many positions, but never more logits than 256 MB of float32.
POSITIONS_PER_BATCH = 256
LOGITS_AT_ONCE = 64_000_000
# For early stopping; the choice among settings is made on all users of the tuning.
STOPPING_USERS = 2_000


@dataclass(frozen=True)
class SASRecSettings:
    """Sizes of the network, and how it is trained.

    Attributes:
        dim, layers, heads, dropout: of the Transformer.
        max_history: past items read.
        epochs: at most; without a validation part exactly so many.
        patience: epochs without a better validation NDCG@10.
    """

    dim: int = 64
    layers: int = 2
    heads: int = 2
    dropout: float = 0.5
    learning_rate: float = 1e-3
    max_history: int = 50
    epochs: int = 60
    patience: int = 4


class SASRec:
    """Predicts the next item at every position (Kang and McAuley, Self-Attentive Sequential
    Recommendation, 2018), with a softmax over all items in the place of one sampled negative
    (Klenitskiy and Vasilev, Turning Dross Into Gold Loss, 2023).

    loss = mean over positions t of -log softmax(state_t . E)[item_(t + 1)], E shared with the
    input. Training stops when validation NDCG@10 hasn't risen for ``patience`` epochs or when
    ``seconds`` are over, and goes back to the best epoch; without a validation part it takes
    ``epochs`` epochs. Items that nobody took in training are never returned.

    Attributes:
        note: says so when the time was over before the training was.
    """

    name = "SASRec"

    def __init__(
        self,
        settings: SASRecSettings | None = None,
        *,
        validation: ValidationPart | None = None,
        seconds: float = math.inf,
        seed: int = 0,
        progress: Progress = silent,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._settings = settings or SASRecSettings()
        self._validation = None if validation is None else validation.first(STOPPING_USERS)
        self._epochs = self._settings.epochs
        self._seconds = seconds
        self._clock = clock
        self.note = ""
        self._seed = seed
        self._progress = progress
        self._best_epoch = 0
        self._network: SASRecNetwork | None = None
        self._known: NDArray[np.bool_] | None = None

    def fit(self, interactions: Interactions, catalog: Catalog) -> Self:
        """Train on the training part and return itself.

        Raises:
            EvaluationError: no user took two items, so there is no next item to learn from.
        """
        counts = interactions.user_counts(len(catalog))
        self._known = counts > 0
        popularity = Popularity.from_counts(counts, catalog.item_ids)
        histories = Histories.from_interactions(interactions)
        histories = histories.take(np.flatnonzero(np.diff(histories.offsets) > 1))
        if not len(histories):
            raise EvaluationError(
                "SASRec learns from users with two items or more, and there are none; leave it out"
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            chosen = self._settings
            network = SASRecNetwork(
                len(catalog),
                dim=chosen.dim,
                layers=chosen.layers,
                heads=chosen.heads,
                dropout=chosen.dropout,
                max_history=chosen.max_history,
            )
            # Set before the training: validation scores through it.
            self._network = network
            self._train(network, histories, popularity)
        return self

    def refit(self, interactions: Interactions, catalog: Catalog) -> Self:
        """Train anew on more events, for as many epochs as were best before, and return itself.

        The validation part may be among the events now, so it no longer says when to stop.
        """
        self._validation, self._epochs = None, self._best_epoch or self._epochs
        # As many epochs as before take as long as they take.
        self._seconds = math.inf
        return self.fit(interactions, catalog)

    def scores(self, histories: Histories) -> NDArray[np.float32]:
        """Return the logits of the next item, float32 [m, n_items]; -inf without a history."""
        if self._network is None or self._known is None:
            raise EvaluationError("SASRec was never fitted; call fit(interactions, catalog)")
        n_items, limit = self._network.n_items, self._settings.max_history
        scores = np.full((len(histories), n_items), -np.inf, np.float32)
        some = np.flatnonzero(np.diff(histories.offsets) > 0)
        if len(some):
            rows, lengths = oldest_first(histories.take(some), limit, padding=n_items)
            self._network.eval()
            with torch.no_grad():
                states = self._network(rows, lengths)
                last = states[torch.arange(len(rows)), lengths - 1]
                scores[some] = self._network.logits(last).numpy()
        scores[:, ~self._known] = -np.inf
        return scores

    def _train(self, network: SASRecNetwork, histories: Histories, popularity: Popularity) -> None:
        optimiser = torch.optim.Adam(
            network.parameters(), lr=self._settings.learning_rate, betas=(0.9, 0.98)
        )
        chance = np.random.default_rng(self._seed)
        best, best_weights, waited = -1.0, network.state_dict(), 0
        end, over = self._clock() + self._seconds, False
        for epoch in range(self._epochs):
            self._progress(f"training {self.name}", epoch, self._epochs)
            network.train()
            for rows, lengths, following in self._batches(histories, chance, network.n_items):
                if over := self._clock() > end:
                    break
                optimiser.zero_grad(set_to_none=True)
                inside = following < network.n_items
                states = network(rows, lengths)[inside]
                loss = catalog_softmax(states, network.item_vectors, following[inside])
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
            if over:
                self.note = f"training stopped in epoch {epoch + 1}: its time was over"
            if self._validation is None:
                if over:
                    break
                continue
            ndcg = validation_ndcg(self, self._validation, popularity)
            if ndcg > best:
                best, waited = ndcg, 0
                self._best_epoch = epoch + 1
                best_weights = copy.deepcopy(network.state_dict())
            else:
                waited += 1
            if over or waited >= self._settings.patience:
                break
        if self._validation is not None:
            network.load_state_dict(best_weights)
        self._progress(f"training {self.name}", self._epochs, self._epochs)

    def _batches(
        self, histories: Histories, chance: np.random.Generator, padding: int
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield all users once in batches: rows, lengths, and the item that follows each row.

        Users of one batch have histories of about the same length: padding would otherwise be
        most of the work. Who meets whom, and the order of the batches, is drawn every time.
        """
        limit = self._settings.max_history
        lengths = np.minimum(np.diff(histories.offsets) - 1, limit)
        order = np.lexsort((chance.random(len(lengths)), lengths))
        positions = max(1, min(POSITIONS_PER_BATCH, LOGITS_AT_ONCE // padding))
        batch = np.cumsum(lengths[order]) // positions
        cuts = np.flatnonzero(np.diff(batch)) + 1
        batches = np.split(order, cuts)
        for number in chance.permutation(len(batches)):
            rows, sizes = oldest_first(histories.take(batches[number]), limit + 1, padding=padding)
            yield rows[:, :-1], sizes - 1, rows[:, 1:]


def oldest_first(histories: Histories, limit: int, *, padding: int) -> tuple[Tensor, Tensor]:
    """Return the last ``limit`` items, oldest first, padded on the right; rows and lengths.

    >>> rows, lengths = oldest_first(Histories.from_lists([[3, 5, 7], [2]]), 2, padding=9)
    >>> rows.tolist(), lengths.tolist()
    ([[5, 7], [2, 9]], [2, 1])
    """
    longest = int(np.diff(histories.offsets).max(initial=1))
    newest, lengths = histories.last(min(limit, longest))
    rows = turned(newest, lengths).astype(np.int64)
    rows[rows < 0] = padding
    return torch.from_numpy(rows), torch.from_numpy(lengths.astype(np.int64))

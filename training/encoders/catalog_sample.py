"""So much of a catalog and of its log that every encoder can read it in a minute or two."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.popularity import Popularity
from longtail.retrieval.data.splits import Split
from longtail.retrieval.features.history_scores import LAST
from longtail.training.prepare import with_validation
from longtail.training.validation import ValidationSet


@dataclass(frozen=True)
class CatalogSample:
    """Items, and users whose last items and validation targets are among them.

    Attributes:
        rows: of the catalog, ascending, int64 [n].
        texts: of these items.
        validation: users over these rows; nobody where the log asks nobody for something new.
        popularity: of these rows, head and tail as in the whole catalog.
        catalog_size: items of the whole.
    """

    rows: NDArray[np.int64]
    texts: list[str]
    validation: ValidationSet
    popularity: Popularity
    catalog_size: int

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def whole(self) -> bool:
        """Whether it is the whole catalog."""
        return len(self.rows) == self.catalog_size


def draw_sample(
    catalog: Catalog, split: Split, *, items: int, users: int, bucket_rule: str, seed: int
) -> CatalogSample:
    """Return at most so many items and validation users, drawn with this seed.

    Users come one after another, each with the targets and the past items that a content measure
    reads, until the items are full; then other items are drawn beside them.
    """
    split = with_validation(split, seed)
    counts = split.train.user_counts(len(catalog))
    popularity = Popularity.from_counts(counts, catalog.item_ids, bucket_rule)
    histories = Histories.from_interactions(split.train)
    whole = ValidationSet.from_split(histories, split.valid, popularity, max_users=users, seed=seed)
    rng = np.random.default_rng(seed)
    rows, kept = _chosen(whole, len(catalog), items, rng)
    place = np.full(len(catalog), -1, np.int64)
    place[rows] = np.arange(len(rows))
    return CatalogSample(
        rows,
        catalog.texts(rows),
        _over_rows(whole, kept, place),
        replace(
            popularity,
            counts=popularity.counts[rows],
            bucket=popularity.bucket[rows],
            log_p=popularity.log_p[rows],
            percentile=popularity.percentile[rows],
        ),
        len(catalog),
    )


def _chosen(
    validation: ValidationSet, n_items: int, most: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of the sample, ascending, and the positions of its users, ascending."""
    if n_items <= most:
        return np.arange(n_items), np.arange(len(validation))
    last, _ = validation.known.last(LAST)
    order = np.argsort(validation.pair_user, kind="stable")
    bounds = np.searchsorted(validation.pair_user[order], np.arange(len(validation) + 1))
    inside = np.zeros(n_items, bool)
    kept = []
    for user in rng.permutation(len(validation)).tolist():
        targets = validation.pair_item[order[bounds[user] : bounds[user + 1]]]
        asked = np.unique(np.concatenate([last[user][last[user] >= 0], targets]))
        if inside.sum() + (~inside[asked]).sum() > most:
            continue
        inside[asked] = True
        kept.append(user)
    others = rng.permutation(np.flatnonzero(~inside))[: most - int(inside.sum())]
    inside[others] = True
    return np.flatnonzero(inside), np.sort(np.array(kept, np.int64))


def _over_rows(
    validation: ValidationSet, kept: NDArray[np.int64], place: NDArray[np.int64]
) -> ValidationSet:
    """Return these users over the sample's rows; of longer histories what isn't in it is gone."""
    known = [place[validation.known[user]] for user in kept.tolist()]
    of_kept = np.isin(validation.pair_user, kept)
    return ValidationSet(
        known=Histories.from_lists([rows[rows >= 0] for rows in known]),
        pair_user=np.searchsorted(kept, validation.pair_user[of_kept]),
        pair_item=place[validation.pair_item[of_kept]],
        in_tail=validation.in_tail[of_kept],
    )

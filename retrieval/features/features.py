"""What the relevance head sees of one (history, candidate) pair: plain numbers with names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.clock.item_clock import ItemClock
from longtail.retrieval.data.popularity import Popularity
from longtail.retrieval.features.beside.beside_state import OF_REJECTED, OF_SEEN, without_beside
from longtail.retrieval.features.evidence_models import LEADING, EvidenceModels
from longtail.retrieval.features.history_scores import DECAY, HistoryScores
from longtail.retrieval.features.user_columns import LIFT
from longtail.retrieval.features.user_state import SequenceScores, UserState
from longtail.retrieval.kernels.text_matches import COLUMNS as OF_TEXTS
from longtail.retrieval.kernels.text_matches import text_matches

Columns = dict[str, NDArray[np.floating]]

FROM_TEXT = (
    "cosine",
    "standard_cosine",
    "recent_text",
    "last_match",
    "second_match",
    "best_match",
    "mean_match",
)
OF_USER = ("log_history_length", "history_popularity", "coherence", "last_pair")
FROM_COUNTS = ("log_count", "log_count_difference", "is_cold")
FROM_CLOCK = (
    "rate",
    "rate_short",
    "rate_middle",
    "rate_long",
    "trend",
    "rate_difference",
    "age",
    "idle",
    "is_unseen",
)
OF_USER_CLOCK = ("user_idle", "sitting_length")
OF_LONG_TEXT = ("whole_match",)
OF_LEADING = ("standard", "gap", "log_rank", "recent", "flat", "best", "newest", "second")
OF_BEHAVIOUR = ("standard", "recent", "best", "newest")
# Beside them, where whole histories are read: a taste fades slowly, and a sitting is a mood.
OF_LONG_LEADING = ("slow", "sitting")
OF_LONG_BEHAVIOUR = ("slow", "flat")
OF_SEQUENCE = ("cosine", "gap")


def feature_names(
    evidence_models: EvidenceModels,
    *,
    counts: bool,
    clock: bool = False,
    user_columns: bool = False,
) -> tuple[str, ...]:
    """Return the names of all evidence, in the order of the columns.

    ``user_columns``: whether the columns of users are evidence too.

    With ``counts`` off nothing computed from the candidate's training count is among them: on a
    log that was filtered by its own future, counts give away what is to come (docs/model.md).
    With a ``clock`` counts are rates, by how lately the item was taken.
    """
    long = evidence_models.reads_long_histories
    of_leading = (*OF_LEADING, *OF_LONG_LEADING) if long else OF_LEADING
    of_behaviour = (*OF_BEHAVIOUR, *OF_LONG_BEHAVIOUR) if long else OF_BEHAVIOUR
    of_behaviours = [
        f"{name}.{column}"
        for name in evidence_models.item_weights
        for column in (of_leading if name == LEADING else of_behaviour)
    ]
    of_sequences = [
        f"{name}.{column}" for name in evidence_models.sequences for column in OF_SEQUENCE
    ]
    from_counts = () if not counts else FROM_CLOCK if clock else FROM_COUNTS
    from_text = (*FROM_TEXT, *OF_LONG_TEXT) if long else FROM_TEXT
    of_user = (*OF_USER, *OF_USER_CLOCK) if clock else OF_USER
    of_columns = (LIFT,) if user_columns else ()
    of_beside = (
        *(OF_SEEN if evidence_models.reads_seen else ()),
        *(OF_REJECTED if evidence_models.rejections else ()),
    )
    of_log = (*of_behaviours, *of_sequences, *of_beside)
    return (*from_text, *of_user, *of_log, *from_counts, *of_columns)


def gather_features(
    user_state: UserState,
    rows: NDArray[np.int64],
    vectors: NDArray[np.float32],
    place: NDArray[np.int64],
    popularity: Popularity,
    names: Sequence[str],
    clock: ItemClock | None = None,
) -> NDArray[np.float32]:
    """Return the evidence of every (user, candidate) pair, float32 [m, c, len(names)].

    ``rows`` are catalog rows [m, c], -1 as padding (what stands there means nothing);
    ``vectors`` [u, d] has the item vector of each at ``place`` [m, c]. A pair's evidence depends
    on the pair alone, never on the other candidates: a filter or a pool changes what is ranked,
    not how relevant it is.
    """
    columns = {**_from_text(user_state, vectors, place), **_of_user(user_state)}
    for name, matrix_scores in user_state.history_scores.items():
        columns |= _of_history_scores(name, matrix_scores, rows)
    for name, tower_scores in user_state.sequence_scores.items():
        columns |= _of_sequence_scores(name, tower_scores, rows)
    if LIFT in names:
        lift = user_state.column_lift
        columns[LIFT] = np.zeros(rows.shape, np.float32) if lift is None else lift.of_pairs(rows)
    if not {*OF_SEEN, *OF_REJECTED}.isdisjoint(names):
        beside = user_state.beside
        columns |= (
            without_beside(rows.shape) if beside is None else beside.columns(rows, vectors, place)
        )
    log_count = np.log1p(popularity.counts[np.maximum(rows, 0)])
    columns["log_count"] = log_count
    columns["log_count_difference"] = log_count - user_state.log_counts[:, None]
    columns["is_cold"] = (log_count == 0).astype(np.float32)
    if clock is not None:
        columns |= _of_user_clock(user_state, clock) | _from_clock(user_state, clock, rows)
    out = np.empty((*rows.shape, len(names)), np.float32)
    for column, name in enumerate(names):
        out[..., column] = columns[name]
    return out


def _from_text(
    user_state: UserState, vectors: NDArray[np.float32], place: NDArray[np.int64]
) -> Columns:
    recency = np.float32(DECAY) ** np.arange(user_state.matches.shape[1], dtype=np.float32)
    features = np.empty((len(OF_TEXTS), *place.shape), np.float32)
    text_matches(
        vectors,
        place,
        user_state.vectors,
        user_state.matches,
        user_state.lengths,
        recency,
        features,
    )
    columns = dict(zip(OF_TEXTS, features, strict=True))
    spread = np.maximum(user_state.deviation, 1e-6)[:, None]
    length = np.linalg.norm((user_state.matches * recency[:, None]).sum(axis=1), axis=1)
    whole: Columns = {}
    if user_state.totals is not None:
        size = np.linalg.norm(user_state.totals, axis=1, keepdims=True)
        of_whole = np.empty_like(features)
        # By the same loop, whose sums are the same bits in any company.
        text_matches(
            vectors,
            place,
            user_state.totals / np.maximum(size, np.float32(1e-6)),
            user_state.matches,
            np.zeros_like(user_state.lengths),
            recency,
            of_whole,
        )
        whole["whole_match"] = of_whole[0]
    return {
        **whole,
        # Content kNN: what the texts alone say, without what the log taught the user tower.
        "recent_text": columns["recent"] / np.maximum(length, 1e-6)[:, None],
        "cosine": columns["cosine"],
        "standard_cosine": (columns["cosine"] - user_state.mean[:, None]) / spread,
        "last_match": columns["last"],
        "second_match": columns["second"],
        "best_match": columns["best"],
        "mean_match": columns["mean"],
    }


def _of_user(user_state: UserState) -> Columns:
    """Return how long, how popular and how much of one kind the history is, [m, 1] each."""
    total = np.linalg.norm(user_state.matches.sum(axis=1), axis=1)
    pair = (user_state.matches[:, 0] * user_state.matches[:, 1 % user_state.matches.shape[1]]).sum(
        axis=1
    )
    length = np.diff(user_state.histories.offsets)
    return {
        "log_history_length": np.log1p(length)[:, None],
        "history_popularity": user_state.log_counts[:, None],
        "coherence": (total / np.maximum(user_state.lengths, 1))[:, None],
        "last_pair": pair[:, None],
    }


def _from_clock(user_state: UserState, clock: ItemClock, rows: NDArray[np.int64]) -> Columns:
    """Return how often and how lately each candidate was taken, as of the clock's moment."""
    inside = np.maximum(rows, 0)
    *lately, whole = clock.log_rates
    short, long = lately[0], lately[-1]
    histories = user_state.histories
    sizes = np.diff(histories.offsets)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    leaning = np.bincount(owner, whole[histories.items], len(sizes)) / np.maximum(sizes, 1)
    age, idle = clock.ages
    rate = whole[inside]
    return {
        "rate": rate,
        "rate_short": short[inside],
        "rate_middle": clock.log_rate[inside],
        "rate_long": long[inside],
        "trend": (short - long)[inside],
        "rate_difference": rate - leaning[:, None],
        "age": age[inside],
        "idle": idle[inside],
        "is_unseen": (age < 0)[inside].astype(np.float32),
    }


def _of_user_clock(user_state: UserState, clock: ItemClock) -> Columns:
    """Return how long ago each user took something, and how much in that sitting, [m, 1] each.

    A history without times is one that is brought along: it is of now.
    """
    histories = user_state.histories
    last = np.full(len(histories), clock.now)
    some = np.diff(histories.offsets) > 0
    if histories.times is not None and len(histories.times):
        last[some] = histories.times[histories.offsets[1:][some] - 1]
    return {
        "user_idle": clock.paces(last)[:, None],
        "sitting_length": np.log1p(histories.newest_sittings())[:, None],
    }


def _of_history_scores(name: str, matrix_scores: HistoryScores, rows: NDArray[np.int64]) -> Columns:
    place = matrix_scores.positions(rows)
    there = place >= 0

    def at(values: NDArray[np.float32]) -> NDArray[np.float32]:
        of_pairs = np.zeros(rows.shape, np.float32)
        of_pairs[there] = values[place[there]]
        return of_pairs

    recent = at(matrix_scores.recent)
    mean, deviation = matrix_scores.moments
    columns: Columns = {
        "standard": (recent - mean[:, None]) / np.maximum(deviation, 1e-9)[:, None],
        "gap": (recent - matrix_scores.highest[:, None]) / np.maximum(deviation, 1e-9)[:, None],
        "recent": recent,
    }
    if name == LEADING:
        rank = np.full(rows.shape, matrix_scores.n_items, np.int64)
        rank[there] = matrix_scores.ranks[place[there]]
        # Beyond a few hundred, ranks are noise.
        columns["log_rank"] = np.log1p(np.minimum(rank, 500))
    names: tuple[str, ...] = OF_LEADING if name == LEADING else OF_BEHAVIOUR
    if matrix_scores.slow is not None:
        names += OF_LONG_LEADING if name == LEADING else OF_LONG_BEHAVIOUR
    single = ("flat", "best", "newest", "second", "slow", "sitting")
    columns |= {key: at(getattr(matrix_scores, key)) for key in single if key in names}
    return {f"{name}.{key}": values for key, values in columns.items() if key in names}


def _of_sequence_scores(name: str, scores: SequenceScores, rows: NDArray[np.int64]) -> Columns:
    cosine = scores.cosines(np.maximum(rows, 0))
    return {f"{name}.cosine": cosine, f"{name}.gap": cosine - scores.highest[:, None]}

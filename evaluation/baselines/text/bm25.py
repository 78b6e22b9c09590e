"""Full-text search: the titles of what the user took last are the query."""

from __future__ import annotations

from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from longtail.evaluation.baselines.libraries import import_library
from longtail.evaluation.baselines.matrices import history_weights, neighbour_scores
from longtail.evaluation.errors import EvaluationError
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.languages.character_pairs import with_character_pairs
from longtail.retrieval.data.languages.scripts import WORD_CHARACTER

# Two letters or more, as the library has it, with the vowel signs that Python takes for none, or
# a single one of a script whose characters are words.
_WORDS = (
    r"(?u)\w[\w\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u109f\u1780-\u17ff]+"
    f"|{WORD_CHARACTER.pattern}"
)


class BM25:
    """Titles that share rare words with the titles of the history.

    score(j) = sum over the history of decay ** age * BM25(title of i as query, title of j) with
    idf(w) = ln(1 + (n - n_w + 0.5) / (n_w + 0.5)) (Robertson and Zaragoza, The Probabilistic
    Relevance Framework: BM25 and Beyond, 2009; the variant of Lucene, as the library ``bm25s``
    computes it). Items that share no word with the history are never returned. Where a script
    parts no words with blanks, pairs of neighbouring characters are the words.
    """

    name = "BM25"

    def __init__(
        self, *, k1: float = 1.5, b: float = 0.75, decay: float = 0.8, max_history: int = 20
    ) -> None:
        self._k1 = k1
        self._b = b
        self._decay = decay
        self._max_history = max_history
        # Words of each title [n_items, words], and each word's weight in each title, transposed.
        self._words: sp.csr_array | None = None
        self._weights: sp.csr_array | None = None

    def fit(self, interactions: Interactions, catalog: Catalog) -> Self:
        """Index the titles and return itself: texts say everything, behaviour nothing.

        Raises:
            EvaluationError: ``bm25s`` isn't installed, or no title holds a word.
        """
        library = import_library("bm25s", self.name)
        titles = catalog.frame["title"].fillna("").astype(str).map(with_character_pairs).tolist()
        tokens = library.tokenize(titles, stopwords="en", token_pattern=_WORDS, show_progress=False)
        if not any(tokens.ids):
            raise EvaluationError("BM25 finds no word in the titles; leave it out")
        engine = library.BM25(k1=self._k1, b=self._b, method="lucene")
        engine.index(tokens, show_progress=False)
        scores = engine.scores
        # The library's index holds the weights by word: one column a word, one row a title.
        n_words = len(scores["indptr"]) - 1
        by_word = (scores["data"].astype(np.float32), scores["indices"], scores["indptr"])
        self._weights = sp.csc_array(by_word, shape=(len(titles), n_words)).T.tocsr()
        lengths = [len(words) for words in tokens.ids]
        owner = np.repeat(np.arange(len(titles)), lengths)
        word = np.array([w for words in tokens.ids for w in words], np.int64)
        ones = np.ones(len(word), np.float32)
        self._words = sp.coo_array((ones, (owner, word)), shape=(len(titles), n_words)).tocsr()
        return self

    def scores(self, histories: Histories) -> NDArray[np.float32]:
        """Return summed BM25 scores, float32 [m, n_items]; -inf for titles without a match."""
        if self._words is None or self._weights is None:
            raise EvaluationError("BM25 was never fitted; call fit(interactions, catalog)")
        recent = history_weights(
            histories,
            self._words.shape[0],
            decay=self._decay,
            max_history=self._max_history,
        )
        return neighbour_scores(sp.csr_array(recent @ self._words), self._weights)

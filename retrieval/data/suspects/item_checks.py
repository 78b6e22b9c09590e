"""Everything that items' texts are checked for."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.suspects.finding import Finding
from longtail.retrieval.data.suspects.item_words import WordWeights, count_words
from longtail.retrieval.data.suspects.popular_copies import PopularTexts
from longtail.retrieval.data.suspects.text_oddities import text_oddities
from longtail.retrieval.data.suspects.word_kinds import WordKinds, kinds_of
from longtail.retrieval.data.text_template import render


class ItemChecks:
    """What a catalog says, for telling what its items, or new ones, are suspected of."""

    def __init__(self, catalog: Catalog, popular: NDArray[np.bool_]) -> None:
        """Read the catalog's texts once; ``popular`` bool [n] are the items worth copying."""
        self._template = catalog.template
        counts = count_words(catalog.texts(), kinds_of(catalog.frame))
        self._popular = PopularTexts(catalog, popular, WordWeights(counts, len(catalog)))
        self._kinds = WordKinds(counts)

    def findings(self, items: pd.DataFrame) -> list[Finding]:
        """Return what these items, with the catalog's columns, are suspected of, in their order."""
        items = items.reset_index(drop=True)
        texts = render(self._template, items)
        found = [self._popular.finding(items, copy) for copy in self._popular.copies(items)]
        found += self._kinds.findings(items, texts)
        found += text_oddities(items, texts)
        line = {item_id: line for line, item_id in enumerate(items["item_id"])}
        return sorted(found, key=lambda finding: line[finding.item_id])

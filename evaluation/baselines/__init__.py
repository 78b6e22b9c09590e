"""Methods that a person could run in minutes, at most an hour; the engine has to beat them all.

`longtail.evaluation.baselines.registry` names each of them with the settings to try.
"""

from __future__ import annotations

from longtail.evaluation.baselines.counts.popularity import PopularityBaseline
from longtail.evaluation.baselines.counts.random import RandomBaseline
from longtail.evaluation.baselines.counts.recent_popularity import RecentPopularity
from longtail.evaluation.baselines.factors.bpr import BPR
from longtail.evaluation.baselines.factors.ials import IALS
from longtail.evaluation.baselines.neighbourhood.ease import EASE
from longtail.evaluation.baselines.neighbourhood.ease_text import EASEWithText
from longtail.evaluation.baselines.neighbourhood.item_knn import ItemKNN
from longtail.evaluation.baselines.neighbourhood.rp3beta import RP3Beta
from longtail.evaluation.baselines.sequential.sasrec import SASRec
from longtail.evaluation.baselines.text.bm25 import BM25
from longtail.evaluation.baselines.text.content import ContentKNN

__all__ = [
    "BM25",
    "BPR",
    "EASE",
    "IALS",
    "ContentKNN",
    "EASEWithText",
    "ItemKNN",
    "PopularityBaseline",
    "RP3Beta",
    "RandomBaseline",
    "RecentPopularity",
    "SASRec",
]

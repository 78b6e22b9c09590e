"""Methods that a person could run in minutes, at most an hour; the engine has to beat them all.

`evaluation.baselines.registry` names each of them with the settings to try.
"""

from __future__ import annotations

from evaluation.baselines.bm25 import BM25
from evaluation.baselines.bpr import BPR
from evaluation.baselines.content import ContentKNN
from evaluation.baselines.ease import EASE
from evaluation.baselines.ease_text import EASEWithText
from evaluation.baselines.ials import IALS
from evaluation.baselines.item_knn import ItemKNN
from evaluation.baselines.popularity import PopularityBaseline
from evaluation.baselines.random import RandomBaseline
from evaluation.baselines.recent_popularity import RecentPopularity
from evaluation.baselines.rp3beta import RP3Beta
from evaluation.baselines.sasrec import SASRec

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

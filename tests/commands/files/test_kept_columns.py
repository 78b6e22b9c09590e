"""columns.yaml keeps a mapping beside the data, for every command."""

from pathlib import Path

import pytest
import yaml
from command_line import longtail

from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.roles.kept_columns import with_kept_columns
from longtail.retrieval.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "items.csv").write_text("id,sku,label\n1,S1,Oak cup\n2,S2,Tin pot\n")
    (tmp_path / "interactions.csv").write_text("id,who,product_id\n1,u,2\n2,v,1\n")
    return tmp_path


def test_a_mapping_that_was_saved_is_read_by_the_next_command(folder: Path) -> None:
    words = ("data", "validate", folder, "--rejected", folder / "r.csv")
    mapping = ("--column", "items.item_id=id", "--column", "title=label", "--column", "user_id=who")
    assert longtail(*words).code == 1
    done = longtail(*words, *mapping, "--column", "timestamp=none", "--save-columns")
    assert f"is kept in {folder / 'columns.yaml'}" in done.err
    assert yaml.safe_load((folder / "columns.yaml").read_text()) == {
        "items": {"item_id": "id", "title": "label"},
        "log": {"timestamp": "none", "user_id": "who", "item_id": "product_id"},
    }
    assert longtail(*words).code == 0
    assert longtail("data", "describe", folder, "--rejected", folder / "r.csv").code == 0


def test_what_is_said_wins_over_what_is_kept(folder: Path) -> None:
    (folder / "columns.yaml").write_text("items: {item_id: id}\nlog: {item_id: product_id}\n")
    paths = (folder / "items.csv", folder / "interactions.csv")
    kept = with_kept_columns(Reading(columns={"title": "label"}), paths)
    assert kept.columns == {
        "items.item_id": "id",
        "log.item_id": "product_id",
        "title": "label",
    }
    assert with_kept_columns(Reading(columns={"item_id": "sku"}), paths).columns == {
        "item_id": "sku"
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("items: [a", "can't be read"),
        ("item_id: id", "below items, log or users"),
        ("- a", "below items, log or users"),
        ("items: {colour: c}", "'colour' is not a role"),
    ],
)
def test_a_file_of_another_form_is_refused(folder: Path, content: str, message: str) -> None:
    (folder / "columns.yaml").write_text(content)
    with pytest.raises(DataError, match=message):
        with_kept_columns(Reading(), (folder / "items.csv",))

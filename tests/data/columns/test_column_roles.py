"""Which column plays which role when files say different things by the same name."""

from pathlib import Path

import pytest

from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.files.roles.find_roles import find_roles
from longtail.retrieval.errors import DataError

ORDERS = ["id", "user_id", "product_id", "created_at"]
PRODUCTS = ["id", "sku", "name"]


def roles(kind: str, present: list[str], **columns: str) -> dict[str, str]:
    mapping = {key.replace("__", "."): column for key, column in columns.items()}
    return find_roles(Path("f.csv"), present, kind, mapping)  # type: ignore[arg-type]


def test_a_mapping_for_one_file_is_no_concern_of_the_other() -> None:
    given = {"items__item_id": "id", "log__item_id": "product_id"}
    assert roles("items", PRODUCTS, **given)["item_id"] == "id"
    assert roles("log", ORDERS, **given)["item_id"] == "product_id"
    assert roles("log", ORDERS, catalog__item_id="id")["item_id"] == "product_id"
    assert roles("log", ["who", "item"], log__user_id="who")["user_id"] == "who"


def test_an_id_that_the_catalog_needs_does_not_beat_a_name_that_says_what_it_is() -> None:
    assert roles("items", PRODUCTS, item_id="id")["item_id"] == "id"
    assert roles("log", ORDERS, item_id="id")["item_id"] == "product_id"
    assert roles("log", ["id", "user", "time"], item_id="id")["item_id"] == "id"
    with pytest.raises(DataError, match=r"'ref' and 'item' could all be item_id.*log.item_id=ref"):
        roles("log", ["ref", "item", "user"], item_id="ref")


def test_a_mapped_alias_settles_which_of_two_it_is() -> None:
    present = ["asin", "parent_asin", "user"]
    assert roles("log", present, item_id="asin")["item_id"] == "asin"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"title": "name", "description": "name"}, "'name' can't be both title and description"),
        ({"log__title": "name"}, "'title' is not a role of log; map one of user_id"),
        ({"shop__item_id": "id"}, "'shop' is no file; write items.item_id"),
        ({"items__item_id": "isin"}, "no column 'isin' to read item_id from"),
        ({"colour": "name"}, "'colour' is not a role"),
    ],
)
def test_a_mapping_that_means_nothing_is_refused(columns: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        roles("items", PRODUCTS, **columns)


def test_a_mapped_title_next_to_a_recognised_description_keeps_the_title(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id,description,blurb\na,Oak cup,holds tea\nb,Tin pot,holds soup\n")
    reading = Reading(columns={"title": "description"})
    catalog = read_catalog(path, reading=reading, rejected=RejectedRows())
    assert catalog.frame["title"].tolist() == ["Oak cup", "Tin pot"]
    assert "description" not in catalog.frame
    assert catalog.template == "{title}. {blurb}"


def test_products_and_order_lines_meet_by_the_product(tmp_path: Path) -> None:
    items, log = tmp_path / "products.csv", tmp_path / "order_items.csv"
    items.write_text("id,sku,name\n1,S1,Cup\n2,S2,Pot\n3,S3,Lid\n")
    log.write_text("id,user_id,product_id,created_at\n1,u,3,1700000000\n2,v,2,1700000001\n")
    reading = Reading(columns={"item_id": "id"})
    catalog = read_catalog(items, reading=reading, rejected=RejectedRows())
    events = read_interactions(log, catalog, reading=reading, rejected=RejectedRows())
    assert catalog.item_ids[events.item].tolist() == ["3", "2"]
    assert catalog.own_names == {"id": "item_id", "name": "title"}


def test_woocommerce_names_are_known() -> None:
    present = ["ID", "Type", "Name", "Short description", "Description", "Categories", "Brands"]
    assert roles("items", present) == {
        "item_id": "ID",
        "title": "Name",
        "categories": "Categories",
        "description": "Description",
        "brand": "Brands",
    }

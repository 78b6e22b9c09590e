"""The text of items as shops export them."""

from pathlib import Path

import pytest

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.filters import where_mask

SHOP = """Handle,Title,Body (HTML),Vendor,Type,Tags,Option1 Value,Variant SKU,Variant Price,\
Variant Inventory Policy,Image Src
oak-cup,Oak cup,"<p>A cup of <b>oak</b> &amp; love.</p><script>go()</script>",Oro,Cups,"new, wood",\
Small,'001-S,3.5,deny,https://x.example/1.jpg
oak-cup,,,,,,Large,'001-L,4.5,continue,
tin-pot,Tin pot,<ul><li>Light</li><li>Loud</li></ul>,Plum,Pots,loud,One size,'002,9,deny,\
https://x.example/2.jpg
tin-pot,,,,,,,,,,https://x.example/3.jpg
tin-pot,Tin pot again,,,,,,,,,
"""


def shop(folder: Path) -> tuple[Catalog, RejectedRows]:
    path = folder / "products_export.csv"
    path.write_text(SHOP)
    rejected = RejectedRows()
    return read_catalog(path, rejected=rejected), rejected


def test_a_shopify_export_is_read_without_a_mapping(tmp_path: Path) -> None:
    catalog, rejected = shop(tmp_path)
    assert catalog.item_ids.tolist() == ["oak-cup", "tin-pot"]
    assert catalog.texts() == [
        "Oak cup. Oro. Cups. A cup of oak & love. new, wood. Small, Large",
        "Tin pot. Plum. Pots. Light Loud. loud. One size",
    ]
    assert rejected.notes == [
        f"{tmp_path / 'products_export.csv'}: 2 rows repeat an item_id and have no title: "
        "variants, read as part of their product"
    ]
    assert len(rejected) == 1  # a title again is no variant


def test_columns_with_a_role_keep_their_own_names_for_filters(tmp_path: Path) -> None:
    catalog, _ = shop(tmp_path)
    catalog.save(tmp_path / "catalog.parquet")
    again = Catalog.load(tmp_path / "catalog.parquet")
    assert again.own_names["Vendor"] == "brand"
    for clause in ("Vendor=Plum", "brand=Plum", "Body (HTML)~loud", "Type in (Pots) and Title~tin"):
        mask = where_mask(again.frame, [clause], again.own_names)
        assert mask.tolist() == [False, True], clause


@pytest.mark.parametrize("price", ["", "7"])
def test_a_number_that_the_product_lacks_is_its_first_variant_s(tmp_path: Path, price: str) -> None:
    path = tmp_path / "items.csv"
    path.write_text(f"item_id,title,price\na,Pot,{price}\na,,5\na,,6\nb,Cup,1\n")
    catalog = read_catalog(path, rejected=RejectedRows())
    assert catalog.frame["price"].tolist() == [float(price or 5), 1.0]

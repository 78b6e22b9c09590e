"""Shopify's exports become our columns."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from converted import converted

SHOPIFY_PRODUCTS = """\
Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,Option1 Value,\
Option2 Name,Option2 Value,Variant SKU,Variant Inventory Policy,Variant Price,Image Src,Status
tin-cup,Tin Cup,"<p>For tea,
and camp.</p>",Elm,Home & Garden > Cups,Cup,"new, camp",true,Size,S,Colour,Red,'00123,deny,9.50,\
https://x.example/1.jpg,active
tin-cup,,,,,,,,,L,,Red,00124,deny,12.00,,
tin-cup,,,,,,,,,,,,,,,https://x.example/2.jpg,
lamp,Lamp - Oil,,Oak,,Lamp,,true,Title,Default Title,,,,continue,30,,draft
"""
SHOPIFY_ORDERS = """\
Name,Email,Financial Status,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,\
Phone,Cancelled at,Id
#1003,Ann@x.example,paid,2023-01-05 10:22:33 -0500,2,Tin Cup - L / Red,12.00,00124,,,3
#1003,,,,1,Lamp - Oil,30,,,,
#1002,bo@x.example,refunded,2023-01-04 10:00:00 -0500,1,Tin Cup - S / Red,9.50,00123,,,2
#1001,,paid,2023-01-03 10:00:00 -0500,1,Lamp - Oil,30,,+15550100,,1
#1000,cy@x.example,voided,2023-01-02 10:00:00 -0500,1,Lamp - Oil,30,,,,0
#999,cy@x.example,paid,2023-01-01 10:00:00 -0500,1,Gone Jug,30,,,,0
#998,,paid,2023-01-01 09:00:00 -0500,1,Lamp - Oil,30,,,,0
"""


def test_shopify_groups_variants_and_fills_orders(tmp_path: Path) -> None:
    files = {"products_export_1.csv": SHOPIFY_PRODUCTS, "orders_export_1.csv": SHOPIFY_ORDERS}
    found = converted("shopify", tmp_path, files)
    assert found.items == {
        "tin-cup": {
            "title": "Tin Cup",
            "categories": "Cup, Home & Garden > Cups",
            "description": "<p>For tea,\nand camp.</p>",
            "brand": "Elm",
            "tags": "new, camp",
            "options": "Size: S, L; Colour: Red",
            "price": 9.5,
            "status": "active",
        },
        "lamp": {
            "title": "Lamp - Oil",
            "categories": "Lamp",
            "brand": "Oak",
            "price": 30.0,
            "status": "draft",
        },
    }
    assert found.columns == ["user_id", "item_id", "event", "weight", "timestamp"]
    assert found.events == [
        ("ann@x.example", "tin-cup", "purchase", 2.0, "2023-01-05 15:22:33"),
        ("ann@x.example", "lamp", "purchase", 1.0, "2023-01-05 15:22:33"),
        ("bo@x.example", "tin-cup", "return", 1.0, "2023-01-04 15:00:00"),
        ("+15550100", "lamp", "purchase", 1.0, "2023-01-03 15:00:00"),
    ]
    assert sorted(found.result.notes) == [
        "1 order lines left out: cancelled or never paid (first: #1000)",
        "1 order lines left out: no customer (Email or Phone) (first: #998)",
        "1 order lines left out: of no product in the products file (first: Gone Jug)",
    ]


def test_shopifys_newer_column_names(tmp_path: Path) -> None:
    products = (
        "Title,URL handle,Description,Vendor,Product category,Type,Tags,Status,SKU,Price,"
        "Option1 name,Option1 value\nLamp,lamp,Oil.,Oak,Lamps,Lamp,,Active,L1,30,Size,S\n"
    )
    orders = "Name,Email,Created at,Lineitem name,Lineitem sku\n#1,a@x.example,2023-01-05,Lamp,\n"
    found = converted("shopify", tmp_path, {"products.csv": products, "orders.csv": orders})
    assert found.items["lamp"]["description"] == "Oil."
    assert found.items["lamp"]["options"] == "Size: S"
    assert found.events == [("a@x.example", "lamp", "purchase", None, "2023-01-05 00:00:00")] or (
        pd.isna(found.events[0][3])
    )


def test_shopify_as_parquet(tmp_path: Path) -> None:
    products = pd.DataFrame({"URL handle": ["cup"], "Title": ["Tin Cup"], "Price": [9.5]})
    orders = {"Name": ["#1"], "Created at": ["2023-01-05"], "Email": ["ann@x.example"]}
    products.to_parquet(tmp_path / "products.parquet")
    pd.DataFrame({**orders, "Lineitem name": ["Tin Cup"]}).to_parquet(tmp_path / "orders.parquet")
    names = ("products.parquet", "orders.parquet")
    files = {name: (tmp_path / name).read_bytes() for name in names}
    found = converted("shopify", tmp_path / "shop", files)
    assert found.items == {"cup": {"title": "Tin Cup", "price": 9.5}}
    assert found.events[0][:3] == ("ann@x.example", "cup", "purchase")

"""Exports of shop systems become our columns; our readers set nothing of them aside."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from converted import Tables, converted

from longtail.retrieval.errors import DataError

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


WOO_PRODUCTS = (
    "\ufeff"
    + r"""ID,Type,SKU,Name,Published,"Is featured?","Short description",Description,"In stock?",\
"Sale price","Regular price",Categories,Tags,Parent,"Attribute 1 name","Attribute 1 value(s)",\
"Meta: _wpml_word_count"
10,variable,hat,Felt Hat,1,0,"A hat.","<b>Warm</b>\n\nand grey",1,,,"Wear > Hats, Sale\, winter",\
"wool, warm",,Size,"S, L",12
11,"variation, virtual",hat-s,Felt Hat - S,1,0,,,1,18,20,,,hat,Size,S,
12,variation,,Felt Hat - L,1,0,,,1,,20,,,id:10,Size,L,
20,simple,,Oil Lamp,0,0,,,0,,30,Home,,,,,
"""
).replace("\\\n", "")


def woo(tmp_path: Path, orders: str) -> Tables:
    files = {"wc-product-export-1.csv": WOO_PRODUCTS, "orders.csv": orders}
    return converted("woocommerce", tmp_path, files)


def test_woocommerce_products_and_orders_with_a_line_a_product(tmp_path: Path) -> None:
    orders = (
        '"Order Number","Order Status","Order Date","Email (Billing)","Item #","Item Name",SKU,'
        '"Quantity (- Refund)"\n'
        "31,Completed,2023-05-03 10:22,Ann@x.example,1,Felt Hat - S,hat-s,2\n"
        ",,,,2,Oil Lamp,,1\n"
        "32,Refunded,2023-05-04 10:22,bo@x.example,1,Felt Hat - L,,1\n"
        "35,Completed,2023-05-04 11:22,bo@x.example,1,Oil Lamp,,0\n"
        "33,Cancelled,2023-05-05 10:22,bo@x.example,1,Oil Lamp,,1\n"
        "34,Completed,2023-05-05 10:22,,1,Oil Lamp,,1\n"
    )
    found = woo(tmp_path, orders)
    assert found.items == {
        "10": {
            "title": "Felt Hat",
            "categories": "Wear > Hats, Sale, winter",
            "description": "A hat. <b>Warm</b>  and grey",
            "tags": "wool, warm",
            "attributes": "Size: S, L",
            "price": 18.0,
            "in_stock": 1,
            "published": 1,
        },
        "20": {
            "title": "Oil Lamp",
            "categories": "Home",
            "price": 30.0,
            "in_stock": 0,
            "published": 0,
        },
    }
    assert found.events == [
        ("ann@x.example", "10", "purchase", 2.0, "2023-05-03 10:22:00"),
        ("ann@x.example", "20", "purchase", 1.0, "2023-05-03 10:22:00"),
        ("bo@x.example", "10", "return", 1.0, "2023-05-04 10:22:00"),
        ("bo@x.example", "20", "return", 0.0, "2023-05-04 11:22:00"),
    ]
    assert found.result.notes == [
        "1 order lines left out: no customer (first: 34)",
        "1 order lines left out: cancelled or never paid (first: 33)",
    ]


def test_woocommerce_orders_with_their_lines_in_cells(tmp_path: Path) -> None:
    orders = (
        "order_id,order_number,order_date,status,customer_id,customer_email,line_item_1,"
        "line_item_2\n"
        "5,5,2023-05-03 10:22:00,wc-completed,7,a@x.example,"
        "name:Felt Hat - S|product_id:10|sku:hat-s|quantity:1|total:18,"
        "name:Oil Lamp|product_id:20|sku:|quantity:3|total:90\n"
        "6,6,2023-05-03 10:22:00,processing,0,B@x.example,name:Felt Hat|product_id:12,\n"
    )
    assert woo(tmp_path, orders).events[:2] == [
        ("7", "10", "purchase", 1.0, "2023-05-03 10:22:00"),
        ("7", "20", "purchase", 3.0, "2023-05-03 10:22:00"),
    ]


def test_woocommerce_s_own_report_of_orders(tmp_path: Path) -> None:
    orders = (
        'Date,"Order #","N. Revenue",Status,Customer,"Customer type","Product(s)","Items sold"\n'
        '"2023-05-03 10:22:00",5,48,completed,Ann Elm,new,"1× Felt Hat - S, 2× Oil Lamp",3\n'
    )
    assert woo(tmp_path, orders).events == [
        ("ann elm", "10", "purchase", 1.0, "2023-05-03 10:22:00"),
        ("ann elm", "20", "purchase", 2.0, "2023-05-03 10:22:00"),
    ]


def test_a_woocommerce_date_of_two_readings_is_refused(tmp_path: Path) -> None:
    orders = "order_id,order_date,status,customer_id,item_name\n5,3/4/2023,completed,7,Oil Lamp\n"
    with pytest.raises(DataError, match=r"'3/4/2023' may start with the month or the day"):
        woo(tmp_path, orders)


GA4_EVENTS: tuple[dict[str, object], ...] = (
    {
        "event_name": "session_start",
        "event_timestamp": "1612137600000000",
        "user_pseudo_id": "1.2",
        "items": [],
    },
    {
        "event_name": "view_item",
        "event_timestamp": "1612137601000001",
        "user_id": None,
        "user_pseudo_id": "1.2",
        "items": [
            {
                "item_id": "C1",
                "item_name": "Tin Cup",
                "item_brand": "Elm",
                "item_variant": "(not set)",
                "item_category": "Home",
                "item_category2": "Cups",
                "price": 9.5,
            }
        ],
    },
    {
        "event_name": "purchase",
        "event_timestamp": "1612137602000000",
        "user_id": "u7",
        "user_pseudo_id": "1.2",
        "items": [
            {"item_id": "C1", "item_name": "(not set)", "quantity": "2"},
            {"item_id": "(not set)", "item_name": "Lamp"},
        ],
    },
    {
        "event_name": "begin_checkout",
        "event_timestamp": "1612137602000000",
        "user_pseudo_id": "1.2",
        "items": [{"item_id": "C1"}],
    },
)


def check_ga4(found: Tables) -> None:
    assert found.items == {
        "C1": {"title": "Tin Cup", "categories": "Home, Cups", "brand": "Elm", "price": 9.5},
        "Lamp": {"title": "Lamp"},
    }
    assert [event[:3] + event[4:] for event in found.events] == [
        ("1.2", "C1", "view", "2021-02-01 00:00:01"),
        ("u7", "C1", "purchase", "2021-02-01 00:00:02"),
        ("u7", "Lamp", "purchase", "2021-02-01 00:00:02"),
    ]
    assert found.events[1][3] == 2.0
    assert found.result.notes == [
        "1 events left out: begin_checkout says nothing of its own of an item"
    ]


def test_ga4_as_json_lines(tmp_path: Path) -> None:
    text = "".join(f"{json.dumps(event)}\n" for event in GA4_EVENTS)
    check_ga4(converted("ga4", tmp_path, {"events_20210201.json.gz": text}))


@pytest.mark.parametrize("wrapped", [False, True])
def test_ga4_as_parquet(tmp_path: Path, wrapped: bool) -> None:
    events = pd.DataFrame(GA4_EVENTS)
    events["event_timestamp"] = events["event_timestamp"].astype("int64")
    if wrapped:
        events["items"] = [{"list": [{"element": i} for i in items]} for items in events["items"]]
    events.to_parquet(tmp_path / "events.parquet")
    raw = (tmp_path / "events.parquet").read_bytes()
    # BigQuery names the parts of an export without a suffix.
    check_ga4(converted("ga4", tmp_path, {"events_20210201_000000000000": raw}))


@pytest.mark.parametrize(
    ("header", "dates"),
    [
        (
            "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country",
            ("12/1/2010 8:26", "12/14/2010 8:26"),
        ),
        (
            "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country",
            ("2010-12-01 08:26:00", "2010-12-14 08:26:00"),
        ),
        (
            "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country",
            ("01.12.2010 08:26", "14.12.2010 08:26"),
        ),
    ],
)
def test_uci_retail(tmp_path: Path, header: str, dates: tuple[str, str]) -> None:
    first, second = dates
    text = (
        f"{header}\n"
        f"536365,85123A,TIN CUP WITH \xa33 TAG,6,{first},2.55,17850,United Kingdom\n"
        f"C536379,85123A,TIN CUP WITH \xa33 TAG,-1,{second},2.55,17850.0,United Kingdom\n"
        f"536366,POST,POSTAGE,1,{second},18.0,12583,France\n"
        f"536367,85123A,?,1,{second},0.0,,United Kingdom\n"
    )
    found = converted("uciretail", tmp_path, {"data.csv": text.encode("latin-1")})
    assert found.items == {"85123A": {"title": "TIN CUP WITH \xa33 TAG", "price": 2.55}}
    assert found.events == [
        ("17850", "85123A", "purchase", 6.0, "2010-12-01 08:26:00"),
        ("17850", "85123A", "return", 1.0, "2010-12-14 08:26:00"),
    ]

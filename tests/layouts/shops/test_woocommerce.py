"""WooCommerce's exports become our columns."""

from __future__ import annotations

from pathlib import Path

import pytest
from converted import Tables, converted

from longtail.retrieval.errors import DataError

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

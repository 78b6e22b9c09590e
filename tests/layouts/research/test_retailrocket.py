"""Retailrocket's events and properties become our columns."""

from __future__ import annotations

from pathlib import Path

from converted import converted


def test_retailrocket(tmp_path: Path) -> None:
    files = {
        "events.csv": "timestamp,visitorid,event,itemid,transactionid\n"
        "1433221332117,257597,view,355908,\n1433221332118,257597,addtocart,355908,\n"
        "1433221332119,257597,transaction,7,4000\n",
        "item_properties_part1.csv": "timestamp,itemid,property,value\n"
        "1433041200000,355908,categoryid,10\n1435460400000,355908,888,1116713 960601 n277.200\n"
        "1435460400000,355908,790,n32880.000\n1435460400001,355908,6,1 n1\n",
        "item_properties_part2.csv": "timestamp,itemid,property,value\n"
        "1434041200000,355908,categoryid,30\n1434041200000,355908,available,1\n",
        "category_tree.csv": "categoryid,parentid\n30,20\n20,\n10,20\n",
    }
    found = converted("retailrocket", tmp_path, files)
    assert found.items == {
        "355908": {
            "title": "item 355908",
            "categories": "category 20 > category 30",
            "description": "1116713 960601 n277.200",
            "available": 1,
        },
        "7": {"title": "item 7"},
    }
    assert [event[2] for event in found.events] == ["view", "cart", "purchase"]
    assert found.events[0][3] == "2015-06-02 05:02:12"

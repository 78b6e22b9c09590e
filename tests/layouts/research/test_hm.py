"""H&M's articles and purchases become our columns."""

from __future__ import annotations

from pathlib import Path

from converted import converted


def test_hm_keeps_the_zero_of_its_ids(tmp_path: Path) -> None:
    files = {
        "articles.csv": "article_id,product_code,prod_name,product_type_name,index_group_name,"
        "garment_group_name,colour_group_name,detail_desc\n"
        '0108775015,0108775,Strap top,Vest top,Ladieswear,Jersey Basic,Black,"Top, with straps."\n',
        "transactions_train.csv": "t_dat,customer_id,article_id,price,sales_channel_id\n"
        "2018-09-20,000058a1,0108775015,0.0508,2\n",
        "customers.csv": "customer_id,FN,Active,club_member_status,fashion_news_frequency,age,"
        "postal_code\n000058a1,1.0,1.0,ACTIVE,NONE,49,52043\n",
    }
    found = converted("hm", tmp_path, files)
    assert found.items["0108775015"]["categories"] == "Vest top, Jersey Basic, Ladieswear"
    assert found.items["0108775015"]["description"] == "Top, with straps."
    assert found.events == [("000058a1", "0108775015", "2018-09-20 00:00:00")]
    assert found.users["000058a1"]["age"] == "49"

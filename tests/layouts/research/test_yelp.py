"""Yelp's businesses and reviews become our columns."""

from __future__ import annotations

from pathlib import Path

from converted import converted, json_lines


def test_yelp(tmp_path: Path) -> None:
    business = {
        "business_id": "b1",
        "name": "Elm Café",
        "address": "1 Way",
        "city": "Tucson",
        "state": "AZ",
        "stars": 3.5,
        "is_open": 0,
        "attributes": {"WiFi": "u'free'"},
        "categories": "Coffee & Tea, Food",
        "hours": None,
    }
    review = {"review_id": "r1", "user_id": "u1", "business_id": "b1", "stars": 1.0}
    files = {
        "yelp_academic_dataset_business.json": json_lines(business),
        "yelp_academic_dataset_review.json": json_lines({**review, "date": "2018-07-07 22:09:11"}),
        "yelp_academic_dataset_user.json": json_lines(
            {"user_id": "u1", "name": "Ann", "elite": ""}
        ),
        "yelp_academic_dataset_tip.json": json_lines({"user_id": "u1", "business_id": "b1"}),
    }
    found = converted("yelp", tmp_path, files)
    assert found.items["b1"] == {
        "title": "Elm Café",
        "categories": "Coffee & Tea, Food",
        "city": "Tucson",
        "state": "AZ",
        "average_stars": 3.5,
        "is_open": 0,
    }
    assert found.events == [("u1", "b1", 1.0, "2018-07-07 22:09:11")]

"""Layouts of research data sets become our columns; our readers set nothing of them aside."""

from __future__ import annotations

import json
from pathlib import Path

from converted import converted

GENRES_OF_CITY_LIGHT = "0|0|0|0|0|1|0|0|1|0|0|0|0|0|0|0|0|0|0"


def lines(*records: object, python: bool = False) -> str:
    """Return objects one a line, as JSON or as Python writes them."""
    return "".join(f"{record!r}\n" if python else f"{json.dumps(record)}\n" for record in records)


def test_movielens_100k(tmp_path: Path) -> None:
    files = {
        "u.item": "1|Café Light (1995)|01-Jan-1995||http://x.example/1|"
        f"{GENRES_OF_CITY_LIGHT}\n".encode("latin-1"),
        "u.data": "196\t1\t4\t881250949\n22\t1\t1\t881250950\n",
        "u1.base": "196\t1\t3\t881250949\n",
        "u.user": "196|49|M|writer|55105\n22|25|F|other|T8H1N\n",
        "README": "made up",
    }
    found = converted("movielens", tmp_path, files)
    assert found.items == {
        "1": {"title": "Café Light (1995)", "categories": "Comedy, Drama", "year": 1995}
    }
    assert found.columns == ["user_id", "item_id", "rating", "timestamp"]
    assert found.events == [
        ("196", "1", 4.0, "1997-12-04 15:55:49"),
        ("22", "1", 1.0, "1997-12-04 15:55:50"),
    ]
    assert found.users["22"] == {"age": "25", "gender": "F", "occupation": "other"}
    assert {path.name for path in found.result.unused} == {"README", "u1.base"}


def test_movielens_1m(tmp_path: Path) -> None:
    files = {
        "movies.dat": "7::Amélie's Lamp (2000)::Comedy|Romance\n".encode("latin-1"),
        "ratings.dat": "1::7::5::978300760\n",
        "users.dat": "1::F::1::10::48067\n",
    }
    found = converted("movielens", tmp_path, files)
    assert found.items["7"]["title"] == "Amélie's Lamp (2000)"
    assert found.items["7"]["categories"] == "Comedy, Romance"
    assert found.events == [("1", "7", 5.0, "2000-12-31 22:12:40")]
    assert found.users["1"] == {"age": "under 18", "gender": "F", "occupation": "K-12 student"}


def test_movielens_25m(tmp_path: Path) -> None:
    files = {
        "movies.csv": 'movieId,title,genres\n1,"Lamp, The (1995)",Adventure|Children\n'
        "2,Untold (2001),(no genres listed)\n",
        "ratings.csv": "userId,movieId,rating,timestamp\n1,1,4.5,1147880044\n1,2,0.5,1147868817\n",
        "tags.csv": "userId,movieId,tag,timestamp\n3,1,classic,1439472355\n",
        "links.csv": "movieId,imdbId,tmdbId\n1,0114709,862\n",
    }
    found = converted("movielens", tmp_path, files)
    assert found.items == {
        "1": {"title": "Lamp, The (1995)", "categories": "Adventure, Children", "year": 1995},
        "2": {"title": "Untold (2001)", "year": 2001},
    }
    assert [event[2] for event in found.events] == [4.5, 0.5]


def test_amazon_2014_is_python_literals(tmp_path: Path) -> None:
    meta = {
        "asin": "000A",
        "title": 'Harp\'s "First" Book',
        "price": 3.17,
        "related": {"also_bought": ["000B"]},
        "salesRank": {"Toys": 21},
        "brand": "Elm",
        "categories": [["Toys", "Games"], ["Toys", "Puzzles"]],
    }
    review = {
        "reviewerID": "A1",
        "asin": "000A",
        "helpful": [2, 3],
        "overall": 1.0,
        "reviewText": "no",
        "unixReviewTime": 1252800000,
    }
    files = {
        "meta_Toys.json.gz": lines(meta, python=True),
        "reviews_Toys_5.json.gz": lines(review),
    }
    found = converted("amazon2014", tmp_path, files)
    assert found.items["000A"] == {
        "title": 'Harp\'s "First" Book',
        "categories": "Toys, Games, Puzzles",
        "brand": "Elm",
        "price": 3.17,
    }
    assert found.events == [("A1", "000A", 1.0, "2009-09-13 00:00:00")]


def test_amazons_bare_ratings_name_the_user_first_in_2014_and_the_item_in_2018(
    tmp_path: Path,
) -> None:
    meta = lines({"asin": "B00X", "title": "Lamp", "category": ["Home", "Lamps"]})
    old = {"meta_Home.json": meta, "ratings_Home.csv": "A1,B00X,4.0,1252800000\n"}
    new = {"meta_Home.json": meta, "Home.csv": "B00X,A1,4.0,1252800000\n"}
    event = ("A1", "B00X", 4.0, "2009-09-13 00:00:00")
    assert converted("amazon2014", tmp_path / "old", old).events == [event]
    assert converted("amazon2018", tmp_path / "new", new).events == [event]


def test_amazon_2018(tmp_path: Path) -> None:
    metas = (
        {
            "asin": "B1",
            "title": "Tin Cup",
            "feature": ["Holds tea"],
            "description": ["A cup.", "Of tin."],
            "price": "$1,012.99",
            "brand": "Elm",
            "category": ["Home", "Cups"],
        },
        {"asin": "B2", "title": "var aPageStart = (new Date()).getTime();", "category": ["Home"]},
        {"asin": "B1", "title": "Tin Cup again"},
    )
    review = {"overall": 5.0, "reviewerID": "A1", "asin": "B1", "unixReviewTime": 1514764800}
    files = {"meta_Home.json.gz": lines(*metas), "Home_5.json.gz": lines(review)}
    found = converted("amazon2018", tmp_path, files)
    assert found.items["B1"] == {
        "title": "Tin Cup",
        "categories": "Home, Cups",
        "description": "A cup., Of tin.",
        "brand": "Elm",
        "features": "Holds tea",
        "price": 1012.99,
    }
    assert "title" not in found.items["B2"]
    assert found.result.notes == ["1 items left out: there before (the first is kept) (first: B1)"]
    assert found.events == [("A1", "B1", 5.0, "2018-01-01 00:00:00")]


def test_amazon_2023(tmp_path: Path) -> None:
    meta = {
        "main_category": "Home",
        "title": "Tin Cup",
        "average_rating": 4.1,
        "features": ["Holds tea"],
        "description": [],
        "price": "from 9.99",
        "store": "Elm",
        "categories": ["Home", "Cups"],
        "details": {"Color": "Grey"},
        "parent_asin": "B1",
    }
    review = {
        "rating": 2.0,
        "title": "Meh",
        "asin": "B1V2",
        "parent_asin": "B1",
        "user_id": "AG",
        "timestamp": 1588687728923,
    }
    files = {"meta_Home.jsonl": lines(meta), "Home.jsonl": lines(review)}
    found = converted("amazon2023", tmp_path / "reviews", files)
    assert found.items["B1"] == {
        "title": "Tin Cup",
        "categories": "Home, Cups",
        "features": "Holds tea",
        "brand": "Elm",
        "main_category": "Home",
        "price": 9.99,
    }
    assert found.events == [("AG", "B1", 2.0, "2020-05-05 14:08:48")]
    bare = "user_id,parent_asin,rating,timestamp,history\nAG,B1,2.0,1588687728923,\n"
    again = converted(
        "amazon2023", tmp_path / "bare", {"meta_Home.jsonl": lines(meta), "Home.csv": bare}
    )
    assert again.events == found.events


def test_mind_explodes_impressions_and_writes_each_history_once(tmp_path: Path) -> None:
    news = "".join(
        f"N{n}\tsports\tgolf\tTitle {n}\tAbstract {n}\thttps://x.example/{n}\t[]\t[]\n"
        for n in range(1, 6)
    )
    train = (
        "2\tU1\t11/12/2019 9:05:58 AM\tN1 N2\tN5-0 N4-1\n"
        "1\tU1\t11/11/2019 1:05:58 PM\tN1 N2\tN3-1 N4-0\n"
        "3\tU2\t11/13/2019 12:00:00 AM\t\tN1-0\n"
    )
    dev = "1\tU1\t11/15/2019 9:00:00 AM\tN1 N2 N3\tN5-1\n"
    files = {
        "MINDsmall_train/news.tsv": news,
        "MINDsmall_train/behaviors.tsv": train,
        "MINDsmall_dev/news.tsv": news,
        "MINDsmall_dev/behaviors.tsv": dev,
    }
    found = converted("mind", tmp_path, files)
    assert found.items["N1"] == {
        "title": "Title 1",
        "categories": "sports, golf",
        "description": "Abstract 1",
    }
    assert found.columns == ["user_id", "item_id", "label", "timestamp"]
    assert sorted(found.events, key=lambda event: str(event[3])) == [
        ("U1", "N1", 1, "2019-11-11 13:05:56"),
        ("U1", "N2", 1, "2019-11-11 13:05:57"),
        ("U1", "N3", 1, "2019-11-11 13:05:58"),
        ("U1", "N4", 0, "2019-11-11 13:05:58"),
        ("U1", "N5", 0, "2019-11-12 09:05:58"),
        ("U1", "N4", 1, "2019-11-12 09:05:58"),
        ("U2", "N1", 0, "2019-11-13 00:00:00"),
        ("U1", "N5", 1, "2019-11-15 09:00:00"),
    ]
    assert found.result.notes == []


def test_steam_reviews_and_libraries(tmp_path: Path) -> None:
    game = {
        "publisher": "Elm",
        "genres": ["Action", "Indie"],
        "app_name": "Lost Lamp",
        "title": "Lost Lamp",
        "url": "http://x.example/app/76",
        "release_date": "2018-01-04",
        "tags": ["Action", "Puzzle"],
        "reviews_url": "http://x.example/76",
        "specs": ["Single-player"],
        "price": 4.99,
        "early_access": False,
        "id": "76",
        "developer": "Oak",
    }
    free = {"app_name": "Free Lamp", "specs": [None], "id": "77"}
    games = lines(game, {**free, "price": "Free to Play"}, python=True).replace("{'", "{u'")
    review = {"username": "Ann", "hours": 0.1, "products": 41, "product_id": "76", "page_order": 0}
    reviews = lines({**review, "date": "2018-01-07", "text": 'it\'s "fine"'}, python=True)
    found = converted(
        "steam", tmp_path / "a", {"steam_games.json.gz": games, "steam_reviews.json.gz": reviews}
    )
    assert found.items["76"] == {
        "title": "Lost Lamp",
        "categories": "Action, Indie, Puzzle",
        "specs": "Single-player",
        "brand": "Oak",
        "publisher": "Elm",
        "price": 4.99,
        "release_date": "2018-01-04",
    }
    assert found.events == [("Ann", "76", 0.1, "2018-01-07 00:00:00")]
    owned = {"item_id": "76", "item_name": "Lost Lamp", "playtime_forever": 90}
    library = {"user_id": "765", "items_count": 1, "steam_id": "765", "items": [owned]}
    files = {
        "steam_games.json.gz": games,
        "australian_users_items.json.gz": lines(library, python=True),
    }
    assert converted("steam", tmp_path / "b", files).events == [("765", "76", 1.5)]


GOODREADS_BOOKS = lines(
    {
        "book_id": "25",
        "title": "The Lamp",
        "authors": [{"author_id": "9", "role": ""}],
        "description": "Light.",
        "publisher": "Elm House",
        "language_code": "eng",
        "publication_year": "2006",
        "num_pages": "",
        "popular_shelves": [{"count": "3", "name": "to-read"}],
    }
)
GOODREADS_GENRES = lines({"book_id": "25", "genres": {"poetry": 1, "fantasy, paranormal": 7}})


def test_goodreads_json(tmp_path: Path) -> None:
    shelved = {
        "user_id": "88",
        "book_id": "25",
        "review_id": "r",
        "is_read": True,
        "rating": 2,
        "date_added": "Thu Oct 06 20:18:58 -0700 2016",
        "read_at": "",
    }
    unread = {**shelved, "user_id": "89", "is_read": False, "rating": 0}
    files = {
        "goodreads_books_poetry.json.gz": GOODREADS_BOOKS,
        "goodreads_book_genres_initial.json.gz": GOODREADS_GENRES,
        "goodreads_book_authors.json.gz": lines({"author_id": "9", "name": "A. Made Up"}),
        "goodreads_interactions_poetry.json.gz": lines(shelved, unread),
    }
    found = converted("goodreads", tmp_path, files)
    assert found.items["25"] == {
        "title": "The Lamp",
        "categories": "fantasy, paranormal, poetry",
        "description": "Light.",
        "brand": "A. Made Up",
        "language": "eng",
        "year": 2006,
    }
    assert found.events[0] == ("88", "25", "finished", 2.0, "2016-10-07 03:18:58")
    assert found.events[1][2] == "saved"
    assert str(found.events[1][3]) == "nan"


def test_goodreads_reviews_stand_in_for_interactions(tmp_path: Path) -> None:
    review = {"user_id": "88", "book_id": "25", "rating": 5, "review_text": "Bright."}
    files = {
        "goodreads_books_poetry.json": GOODREADS_BOOKS,
        "goodreads_reviews_poetry.json": lines(
            {**review, "date_added": "Thu Oct 06 20:18:58 -0700 2016"}
        ),
    }
    event = ("88", "25", "finished", 5.0, "2016-10-07 03:18:58")
    assert converted("goodreads", tmp_path, files).events == [event]


def test_goodreads_csv_with_its_maps(tmp_path: Path) -> None:
    files = {
        "goodreads_books.json.gz": GOODREADS_BOOKS,
        "goodreads_interactions.csv": "user_id,book_id,is_read,rating,is_reviewed\n0,948,1,5,0\n",
        "book_id_map.csv": "book_id_csv,book_id\n948,25\n",
        "user_id_map.csv": "user_id_csv,user_id\n0,8842281e\n",
    }
    found = converted("goodreads", tmp_path, files)
    assert found.events == [("8842281e", "25", "finished", 5.0)]
    assert found.items["25"]["brand"] == "Elm House"


def test_lastfm_1k(tmp_path: Path) -> None:
    listens = (
        'user_000001\t2009-05-04T23:08:57Z\tf1\tThe Elms\tt1\tLamp "Live"\n'
        "user_000001\t2009-05-04T13:54:10Z\tf1\tThe Elms\t\tDark\n"
    )
    files = {
        "userid-timestamp-artid-artname-traid-traname.tsv": listens,
        "userid-profile.tsv": "#id\tgender\tage\tcountry\tregistered\n"
        "user_000001\tm\t\tJapan\tAug 13, 2006\n",
    }
    found = converted("lastfm", tmp_path, files)
    assert found.items == {
        "t1": {"title": 'Lamp "Live"', "brand": "The Elms"},
        "The Elms - Dark": {"title": "Dark", "brand": "The Elms"},
    }
    assert found.events[0] == ("user_000001", "t1", "2009-05-04 23:08:57")
    assert found.users == {"user_000001": {"gender": "m", "country": "Japan"}}


def test_lastfm_360k(tmp_path: Path) -> None:
    user = "0123456789abcdef" * 2 + "01234567"
    files = {
        "usersha1-artmbid-artname-plays.tsv": f"{user}\tf1\tthe elms\t2137\n",
        "usersha1-profile.tsv": f"{user}\tf\t22\tGermany\tFeb 1, 2007\n",
    }
    found = converted("lastfm", tmp_path, files)
    assert found.items == {"f1": {"title": "the elms"}}
    assert found.events == [(user, "f1", 2137.0)]
    assert found.users[user]["age"] == "22"


def test_lastfm_hetrec(tmp_path: Path) -> None:
    files = {
        "artists.dat": "id\tname\turl\tpictureURL\n1\tElm & Oak\thttp://x.example\t\n",
        "tags.dat": "tagID\ttagValue\n1\tmetal\n2\tcafé\n".encode("latin-1"),
        "user_artists.dat": "userID\tartistID\tweight\n2\t1\t13883\n",
        "user_taggedartists.dat": "userID\tartistID\ttagID\tday\tmonth\tyear\n"
        "2\t1\t2\t1\t4\t2009\n3\t1\t2\t1\t4\t2009\n3\t1\t1\t1\t4\t2009\n",
    }
    found = converted("lastfm", tmp_path, files)
    assert found.items == {"1": {"title": "Elm & Oak", "categories": "café, metal"}}
    assert found.events == [("2", "1", 13883.0)]


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
        "yelp_academic_dataset_business.json": lines(business),
        "yelp_academic_dataset_review.json": lines({**review, "date": "2018-07-07 22:09:11"}),
        "yelp_academic_dataset_user.json": lines({"user_id": "u1", "name": "Ann", "elite": ""}),
        "yelp_academic_dataset_tip.json": lines({"user_id": "u1", "business_id": "b1"}),
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


def test_recbole(tmp_path: Path) -> None:
    files = {
        "ml.inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
        "196\t242\t3\t881250949\n",
        "ml.item": "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
        "242\tThe Lamp\t1995\tAnimation Comedy\n",
        "ml.user": "user_id:token\tage:token\n196\t24\n",
    }
    found = converted("recbole", tmp_path, files)
    assert found.items == {
        "242": {"title": "The Lamp", "release_year": "1995", "class": "Animation, Comedy"}
    }
    assert found.events == [("196", "242", 3.0, 881250949)]
    assert found.columns == ["user_id", "item_id", "rating", "timestamp"]
    assert found.users == {"196": {"age": "24"}}


def test_a_recbole_catalog_without_a_title_is_called_by_its_words(tmp_path: Path) -> None:
    files = {
        "a.inter": "user_id:token\titem_id:token\n1\ta\n2\tb\n",
        "a.item": "item_id:token\tbrand:token\tcategories:token_seq\twords:token_seq\n"
        "a\tElm\tHome Cups\tTin cup\nb\tElm\tHome\tOil lamp\n",
    }
    found = converted("recbole", tmp_path, files)
    assert found.items["a"] == {"title": "Tin cup", "brand": "Elm", "categories": "Home, Cups"}
    assert "no column for the title; words:token_seq stands for it" in found.result.notes[0]

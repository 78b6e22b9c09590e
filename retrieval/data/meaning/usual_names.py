"""The usual names of events, and of columns whose numbers are opinions or amounts."""

from __future__ import annotations

from longtail.retrieval.data.files.columns import RATING_NAMES, plain_name
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.languages.column_names import NAMES
from longtail.retrieval.data.meaning.behaviours import MEANINGS, Meaning

# Names without case and separators (`plain_name`). The strongest is what an engine is to foresee:
# somebody wanted the item. A look is interest, a return or a dislike its contrary, and who lets
# something pass says little.
_USUAL: dict[Meaning, str] = {
    "taken": (
        "purchase purchased buy bought order ordered orderplaced transaction checkout paid "
        "pay sale conversion cart addtocart addcart addtobasket basket atc cartadd addtobag "
        "like liked love loved favorite favourite favorited fav faved heart upvote thumbsup "
        "thumbup positive save saved bookmark bookmarked wishlist addtowishlist addtolist "
        "collect share shared subscribe subscribed follow followed install installed "
        "download downloaded play played listen listened scrobble watch watched stream "
        "streamed complete completed finish finished rent rented borrow borrowed book "
        "booked booking reserve reserved apply applied recommend recommended taken add "
        "added tocart wish trial preorder renew renewed review reviewed rate rated comment "
        "commented reply replied contact contacted inquiry lead 购买 下单 支付 加购 "
        "加入购物车 收藏 喜欢 点赞 購入 カート 구매 장바구니 kauf gekauft bestellung "
        "bestellt warenkorb achat compra"
    ),
    "seen": (
        "view viewed pageview pageviewed productview productviewed viewitem itemview pv "
        "detail detailview viewproduct click clicked clickout tap open opened visit visited "
        "browse browsed selectitem selectpromotion selectcontent viewcart quickview zoom "
        "imageview search start started resume resumed pause paused progress hover preview "
        "read seen look begincheckout addpaymentinfo addshippinginfo 浏览 点击 查看 閲覧 "
        "クリック 조회 클릭 angesehen ansicht"
    ),
    "rejected": (
        "return returned refund refunded chargeback dislike disliked hate hated downvote "
        "thumbsdown thumbdown negative hide hidden block blocked notinterested unlike "
        "unfavorite unfollow ban banned blacklist unsubscribe uninstall uninstalled cancel "
        "cancelled canceled rejected 退货 退款 不喜欢 返品 환불 rückgabe retoure storniert"
    ),
    "dropped": (
        "removefromcart removecart cartremove removedfromcart removefrombasket unsave "
        "unsaved removefromwishlist removefromlist unbookmark remove removed delete deleted "
        "abandon abandoned 移出购物车"
    ),
    "shown": (
        "impression impressions imp show shown expose exposed exposure display displayed "
        "served recommendationshown viewitemlist viewpromotion skip skipped ignore ignored "
        "pass passed scroll scrolledpast 曝光 展示 跳过 노출"
    ),
}
# Our own words are names, too.
USUAL_EVENTS: dict[str, Meaning] = {
    name: meaning for meaning, names in _USUAL.items() for name in names.split()
} | {meaning: meaning for meaning in MEANINGS}
QUANTITY_NAMES = frozenset(
    {"quantity", "qty", "units", "pieces", "numitems", "itemcount", "amount", "stück", "stueck"}
    | set(NAMES["quantity"].split())
)
# How much of an item was taken, of things that can't come back.
_AMOUNTS = (
    "plays playcount playscount numplays listens listencount scrobbles hours hoursplayed playtime "
    "playtimeforever playduration playseconds secondsplayed watchtime watchseconds watchduration "
    "minuteswatched secondswatched dwelltime timespent readingtime"
)
AMOUNT_NAMES = QUANTITY_NAMES | frozenset(_AMOUNTS.split())
# Nobody reads these; whether a row counts may be what they say.
STATUS_NAMES = frozenset(
    {"status", "orderstatus", "paymentstatus", "financialstatus", "fulfillmentstatus", "state"}
    | {"returned", "isreturned", "isreturn", "refund", "refunded", "isrefund", "isrefunded"}
    | {"cancelled", "canceled", "iscancelled", "iscanceled", "outcome", "orderstate"}
    | {"stateoforder", "结果", "状态", "订单状态", "狀態", "ステータス", "상태", "bestellstatus"}
)

_OPINIONS = frozenset(f"{RATING_NAMES} {NAMES['weight']}".split())


def is_rating(column: str) -> bool:
    """Return whether a column's name says that its numbers are opinions.

    >>> is_rating("Book-Rating"), is_rating("weight"), is_rating("plays")
    (True, False, False)
    """
    return plain_name(column) in _OPINIONS


def says_rating(column: str, reading: Reading) -> bool:
    """Return whether a column's name, or who mapped it, says that its numbers are opinions."""
    mapped = [name for role, name in reading.columns.items() if role.split(".")[-1] == "rating"]
    return is_rating(column) or plain_name(column) in map(plain_name, mapped)


def usual_meaning(event: str) -> Meaning | None:
    """Return what an event of this name usually means, None for one that nobody knows.

    >>> usual_meaning("add_to_cart"), usual_meaning("PageViews"), usual_meaning("frobnicate")
    ('taken', 'seen', None)
    """
    name = plain_name(event)
    return USUAL_EVENTS.get(name) or USUAL_EVENTS.get(name.removesuffix("s"))

"""The roles that columns play, and the names under which they are found."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from longtail.retrieval.data.languages.column_names import named_also

FileKind = Literal["items", "log", "users"]


@dataclass(frozen=True)
class Role:
    """A column that we give a meaning to, and the names under which it is found.

    Attributes:
        name: our name for it; a column of this very name beats every alias.
        aliases: names that mean the same, compared without case, ``_``, ``-`` and blanks.
        last_resort: names that count only where none of the others is there; those behind a
            semicolon only where none before it is.
        required: whether a file without it can't be read.
    """

    name: str
    aliases: str = ""
    last_resort: str = ""
    required: bool = False


# Names are listed with blanks between them. An order within the user may stand for the time, but
# a real time beats it.
ORDINAL_NAMES = "pos position rankinuser order ordinal seq sequence step"
_ITEM_NAMES = (
    "itemid item iid movieid movie parentasin asin productid product articleid businessid trackid "
    "newsid songid bookid gameid appid artistid recipeid videoid listingid contentid sku isbn"
)
_TITLE_NAMES = (
    "name productname prodname itemname producttitle itemtitle headline movietitle booktitle "
    "newstitle trackname songname gamename businessname"
)
_USER_NAMES = "userid user uid reviewerid customerid visitorid memberid accountid"
_TIME_NAMES = (
    "unixreviewtime ts time datetime date tdat eventtime unixtime createdat purchasedate "
    "orderdate reviewdate clicktime eventtimestamp eventdatetime invoicedate dateadded addedat "
    "ordertime orderedat orderpurchasetimestamp purchasetime purchasetimestamp purchasedat "
    "transactiondate transactiontime interactiontime viewedat watchedat playedat listenedat "
    "ratedat clickedat timestampcreated timestampms createtime createdtime creationdate "
    "behaviortime behaviourtime actiontime fecha fechahora dateheure"
)
# A day, where the moment is there too, is the coarser one of the two.
_DAY_NAMES = "eventdate"

_EVENT_NAMES = named_also(
    "event",
    "eventtype eventname eventcategory action actiontype behavior behaviour behaviortype "
    "behaviourtype feedbacktype feedback interactiontype interaction activity activitytype",
)
_LABEL_NAMES = (
    "click clicked isclick isclicked purchase purchased ispurchased ispurchase buy bought isbuy "
    "target conversion converted isconverted like liked islike isliked cart iscart engaged "
    "isengaged"
)
# A weight under one of these names is an opinion; under another it may be an amount.
RATING_NAMES = (
    "rating ratings score stars star overall starrating userrating reviewrating bookrating "
    "reviewscore reviewstars ratingvalue ratingscore vote grade"
)
_ITEM_NAMES = named_also("item_id", _ITEM_NAMES)
_USER_NAMES = named_also("user_id", _USER_NAMES)

CATALOG_ROLES = (
    Role("item_id", _ITEM_NAMES, "id; handle", required=True),
    Role("title", named_also("title", _TITLE_NAMES), required=True),
    Role(
        "categories",
        named_also("categories", "category genres genre"),
        "maincategory; productcategory; producttype; type",
    ),
    Role(
        "description",
        named_also("description", "desc productdescription detaildesc abstract overview bodyhtml"),
        "body; shortdescription",
    ),
    Role("brand", named_also("brand", "manufacturer maker brandname brands vendor")),
)
INTERACTION_ROLES = (
    Role("user_id", _USER_NAMES, "sessionid session", required=True),
    Role("item_id", _ITEM_NAMES, "handle", required=True),
    Role("timestamp", named_also("timestamp", _TIME_NAMES), f"{_DAY_NAMES} {ORDINAL_NAMES}"),
    Role("weight", named_also("weight", RATING_NAMES)),
    Role("event", _EVENT_NAMES, "type event"),
    Role("label", _LABEL_NAMES),
    Role("split"),
)
# Mapped to a role that isn't required: read without it.
NO_COLUMN = "none"
USER_ROLES = (Role("user_id", _USER_NAMES, "id", required=True),)
ROLES: dict[FileKind, tuple[Role, ...]] = {
    "items": CATALOG_ROLES,
    "log": INTERACTION_ROLES,
    "users": USER_ROLES,
}


def plain_name(column: str) -> str:
    """Return a column name as it is compared: no case, separators, or RecBole type suffix.

    >>> plain_name("user_id:token"), plain_name("Product Name"), plain_name("unixReviewTime")
    ('userid', 'productname', 'unixreviewtime')
    """
    # Full-width letters, as in 商品ＩＤ, are the usual ones.
    column = unicodedata.normalize("NFKC", column)
    name = re.sub(r":(token|token_seq|float|float_seq)$", "", column.strip(' \ufeff\t\r"'))
    return re.sub(r"[\s_\-.()]", "", name).lower()


def is_known_name(column: str) -> bool:
    """Return whether a column of this name has a role by itself."""
    return plain_name(column) in _KNOWN_NAMES


def file_of_names(names: Sequence[str]) -> str:
    """Return which file has columns of these names: items, log or users; "" where none tells.

    >>> file_of_names(["user_id", "item_id", "weight"]), file_of_names(["id", "title"])
    ('log', 'items')
    """
    words = {role.name: _words(role) for role in (*INTERACTION_ROLES, *CATALOG_ROLES)}
    user, item, title = (
        any(plain_name(column) in words[name] for column in names)
        for name in ("user_id", "item_id", "title")
    )
    if user:
        return "log" if item else "users"
    return "items" if item and title else ""


def _words(role: Role) -> list[str]:
    return f"{plain_name(role.name)} {role.aliases} {role.last_resort}".replace(";", " ").split()


_KNOWN_NAMES = frozenset(
    word for role in (*CATALOG_ROLES, *INTERACTION_ROLES, *USER_ROLES) for word in _words(role)
)

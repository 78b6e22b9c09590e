"""Which column of a file plays which role: our names, the ecosystem's names, and mappings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from longtail.index.errors import Field
from longtail.retrieval.data.languages.column_names import named_also
from longtail.retrieval.errors import DataError


@dataclass(frozen=True)
class Role:
    """A column that we give a meaning to, and the names under which it is found.

    Attributes:
        name: our name for it; a column of this very name beats every alias.
        aliases: names that mean the same, compared without case, ``_``, ``-`` and blanks.
        last_resort: names that count only where none of the others is there.
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

_EVENT_NAMES = (
    "eventtype eventname action actiontype behavior behaviour behaviortype behaviourtype "
    "feedbacktype feedback interactiontype interaction 行为 行为类型 行動 행동 ereignis"
)
_LABEL_NAMES = (
    "click clicked isclick isclicked purchased ispurchased ispurchase bought target converted "
    "isconverted liked islike isliked"
)
_ITEM_NAMES = named_also("item_id", _ITEM_NAMES)
_USER_NAMES = named_also("user_id", _USER_NAMES)

CATALOG_ROLES = (
    Role("item_id", _ITEM_NAMES, "id", required=True),
    Role("title", named_also("title", _TITLE_NAMES), required=True),
    Role("categories", named_also("categories", "category genres genre"), "maincategory"),
    Role(
        "description",
        named_also("description", "desc productdescription detaildesc abstract overview"),
    ),
    Role("brand", named_also("brand", "manufacturer maker brandname")),
)
INTERACTION_ROLES = (
    Role("user_id", _USER_NAMES, "sessionid session", required=True),
    Role("item_id", _ITEM_NAMES, required=True),
    Role("timestamp", named_also("timestamp", _TIME_NAMES), f"{_DAY_NAMES} {ORDINAL_NAMES}"),
    Role("weight", named_also("weight", "rating score stars overall")),
    Role("event", _EVENT_NAMES, "type event"),
    Role("label", _LABEL_NAMES),
    Role("split"),
)
# Mapped to a role that isn't required: read without it.
NO_COLUMN = "none"
USER_ROLES = (Role("user_id", _USER_NAMES, "id", required=True),)
# What people call a role when they map it, beside the role's own name.
_MAPPED_NAMES = {"rating": "weight"}
_ALL_ROLES = tuple(dict.fromkeys(r.name for r in (*CATALOG_ROLES, *INTERACTION_ROLES)))


def plain_name(column: str) -> str:
    """Return a column name as it is compared: no case, separators, or RecBole type suffix.

    >>> plain_name("user_id:token"), plain_name("Product Name"), plain_name("unixReviewTime")
    ('userid', 'productname', 'unixreviewtime')
    """
    # Full-width letters, as in 商品ＩＤ, are the usual ones.
    column = unicodedata.normalize("NFKC", column)
    name = re.sub(r":(token|token_seq|float|float_seq)$", "", column.strip(' \ufeff\t\r"'))
    return re.sub(r"[\s_\-.]", "", name).lower()


def _checked(mapping: Mapping[str, str]) -> dict[str, str]:
    checked = {}
    for role, column in mapping.items():
        name = _MAPPED_NAMES.get(role, role)
        if name not in _ALL_ROLES:
            raise DataError(
                Field("column"),
                f" {role}={column}: {role!r} is not a role; map one of {', '.join(_ALL_ROLES)}",
            )
        checked[name] = column
    return checked


def find_roles(
    path: Path, present: Sequence[str], roles: Sequence[Role], mapping: Mapping[str, str]
) -> dict[str, str]:
    """Return which column of the file plays each role; roles without a column are left out.

    A mapping wins over our own name, which wins over aliases, which win over last resorts; ``none``
    reads without the role, unless a column has that name. A
    mapped item_id that this file lacks falls back to these, since one mapping serves the catalog
    and the log alike.

    Raises:
        DataError: a mapped role doesn't exist, a required role has no column, a mapped column
            isn't there, a column name occurs twice, or two columns could play the same role.
    """
    mapping = _checked(mapping)
    chosen: dict[str, str] = {}
    for role in roles:
        if mapping.get(role.name) == NO_COLUMN not in present and not role.required:
            continue
        candidates = _candidates(role, present, mapping.get(role.name))
        if len(candidates) > 1:
            raise DataError(
                f"{path}: columns {' and '.join(map(repr, candidates))} could all be {role.name}; "
                "choose with ",
                Field("column"),
                f" {role.name}={candidates[0]}",
            )
        if candidates:
            chosen[role.name] = candidates[0]
        elif role.name in mapping:
            raise DataError(
                f"{path}: no column {mapping[role.name]!r} to read {role.name} from; "
                f"found: {_listed(present)}"
            )
        elif role.required:
            raise DataError(
                f"{path}: no column for {role.name}; found: {_listed(present)}. Name it with ",
                Field("column"),
                f" {role.name}=COLUMN",
            )
    for name, column in chosen.items():
        if present.count(column) > 1:
            raise DataError(f"{path}: two columns are named {column!r}; rename one ({name})")
    return chosen


def _candidates(role: Role, present: Sequence[str], mapped: str | None) -> list[str]:
    unique = list(dict.fromkeys(present))
    if mapped is not None:
        if mapped in unique:
            return [mapped]
        if same := [c for c in unique if plain_name(c) == plain_name(mapped)]:
            return same
        if role.name != "item_id":
            return []
    if role.name in unique:
        return [role.name]
    for names in (plain_name(role.name), role.aliases, role.last_resort):
        words = names.split()
        if matches := [c for c in unique if plain_name(c) in words]:
            return matches
    return []


def _listed(present: Sequence[str]) -> str:
    shown = ", ".join(present[:30])
    return shown + (f", and {len(present) - 30} more" if len(present) > 30 else "")

"""What items of the demo shop are called and how they are described, in each of its languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Levels = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Wording:
    """The words around those of the niches; three levels are plain, good and fine.

    Attributes:
        niches: the file of the niches' words.
        series: names of series by level.
        level_sentences: what is said of a level.
        places: where makers are.
        openings, extras: first sentences, and those on what comes with an item.
        works, ships: on a maker's place, of makers in turn.
        titles: forms of a title; the last two put the material before the product.
        repeated: a title that there is already.
        joint: stands between sentences.
        blanks: whether blanks part words, which then have capitals in a title.
    """

    niches: str
    series: Levels
    level_sentences: Levels
    places: tuple[str, ...]
    openings: tuple[str, ...]
    extras: tuple[str, ...]
    works: str
    ships: str
    titles: tuple[str, ...]
    repeated: str
    joint: str
    blanks: bool


ENGLISH = Wording(
    niches="niches.txt",
    series=(
        ("Starter", "Basic", "Everyday", "Simple"),
        ("Field", "Companion", "Workshop", "Weekend"),
        ("Heritage", "Reserve", "Master", "Atelier"),
    ),
    level_sentences=(
        (
            "A fair price for a first try.",
            "No frills, and nothing missing.",
            "Good enough to find out whether you like it.",
        ),
        (
            "Meant for regular use.",
            "What we use ourselves.",
            "The middle of the range, and the one most people keep.",
        ),
        (
            "Made in small batches and checked by hand.",
            "Made to be repaired and handed on.",
            "Numbered, and signed by the person who made it.",
        ),
    ),
    places=(
        "a former mill in Ullerdale",
        "two rooms above the harbour at Penmarrow",
        "a barn outside Hexhollow",
        "an old tram depot in Veldsberg",
        "a converted chapel at Lower Thrushby",
        "a farmyard in the Marren valley",
        "a boatshed on Lake Orvan",
        "a back court in Castrel",
        "a railway arch in Norhaven",
        "the back room of a shop in Eldermouth",
    ),
    openings=(
        "{Product} in {material}, made for {use}.",
        "For {use}: {product} in {material}.",
        "Chosen for {use}, in {material}.",
        "If it is {use} you have in mind, start here. In {material}.",
        "{Product} with {use} in mind, in {material}.",
    ),
    extras=(
        "Comes with {one}.",
        "Supplied with {one} and {two}.",
        "With {one}.",
        "In the box: {one}.",
    ),
    works="{maker} works from {place}.",
    ships="{maker} ships from {place}.",
    titles=(
        "{maker} {series} {product}, {material}",
        "{maker} {product} for {use}",
        "{series} {product} by {maker}, {material}",
        "{maker} {material} {product}",
        "{maker} {series} {material} {product}",
    ),
    repeated="{title}, No. {times}",
    joint=" ",
    blanks=True,
)

CHINESE = Wording(
    niches="niches.zh.txt",
    series=(
        ("入门款", "基础款", "日常款", "简约款"),
        ("进阶款", "随行款", "工坊款", "周末款"),
        ("典藏款", "大师款", "匠心款", "限量款"),
    ),
    level_sentences=(
        ("价格实惠，适合第一次尝试。", "没有花哨，该有的都有。", "先用用看，喜不喜欢自己知道。"),
        ("适合经常使用。", "我们自己也在用。", "中间档次，大多数人最后留下的就是它。"),
        ("小批量制作，逐件手工检验。", "坏了能修，可以传下去。", "有编号，制作者亲笔签名。"),
    ),
    places=(
        "雾溪镇的旧磨坊",
        "望潮港码头边的两间屋",
        "青石岭下的谷仓",
        "柳河口的老车站",
        "南塘村的祠堂旁",
        "云盘坝的农家院",
        "镜湖边的船屋",
        "灯笼巷的后院",
        "铁桥下的桥洞",
        "半城街的店铺里间",
    ),
    openings=(
        "{material}{product}，为{use}而做。",
        "适合{use}：{material}材质的{product}。",
        "专为{use}挑选，采用{material}。",
        "想要{use}，就从这一件开始。材质为{material}。",
        "这款{product}考虑的是{use}，用的是{material}。",
    ),
    extras=("附送{one}。", "随附{one}和{two}。", "带{one}。", "盒内有{one}。"),
    works="{maker}的作坊在{place}。",
    ships="{maker}从{place}发货。",
    titles=(
        "{maker}{product} {series} {material}",
        "{maker}{product}，适合{use}",
        "{series}{product} {maker} {material}",
        "{maker}{material}{product}",
        "{maker}{series}{material}{product}",
    ),
    repeated="{title} 第{times}款",
    joint="",
    blanks=False,
)

WORDINGS: Mapping[str, Wording] = {"en": ENGLISH, "zh": CHINESE}

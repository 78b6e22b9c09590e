"""The demo shop's catalog: forty niches, each with its own makers, products and uses."""

from __future__ import annotations

import importlib.resources
from dataclasses import dataclass

import numpy as np

LEVELS = ("plain", "good", "fine")

_SERIES = (
    ("Starter", "Basic", "Everyday", "Simple"),
    ("Field", "Companion", "Workshop", "Weekend"),
    ("Heritage", "Reserve", "Master", "Atelier"),
)
_LEVEL_SENTENCES = (
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
)
_LEVEL_PRICES = (0.6, 1.0, 1.8)
_PLACES = (
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
)
_OPENINGS = (
    "{Product} in {material}, made for {use}.",
    "For {use}: {product} in {material}.",
    "Chosen for {use}, in {material}.",
    "If it is {use} you have in mind, start here. In {material}.",
    "{Product} with {use} in mind, in {material}.",
)
_EXTRAS = (
    "Comes with {one}.",
    "Supplied with {one} and {two}.",
    "With {one}.",
    "In the box: {one}.",
)


@dataclass(frozen=True)
class Product:
    """A kind of thing that a niche sells."""

    name: str
    price: float
    materials: tuple[str, ...]


@dataclass(frozen=True)
class Niche:
    """One corner of the shop and its words."""

    category: str
    makers: tuple[str, ...]
    uses: tuple[str, ...]
    products: tuple[Product, ...]
    extras: tuple[str, ...]


@dataclass(frozen=True)
class Item:
    """One article; the numbers are positions in the niche's lists, for the makers of tastes."""

    title: str
    description: str
    brand: str
    category: str
    price: float
    niche: int
    maker: int
    use: int
    product: int
    level: int


def load_niches() -> list[Niche]:
    """Return the niches of ``niches.txt``."""
    source = importlib.resources.files("longtail.demo_shop") / "niches.txt"
    lines = [x for x in source.read_text("utf-8").splitlines() if not x.startswith("#")]
    blocks = [block.splitlines() for block in "\n".join(lines).strip().split("\n\n")]
    return [_niche(block) for block in blocks]


def _niche(block: list[str]) -> Niche:
    fields = dict(line.split(": ", 1) for line in block[1:])
    products = []
    for entry in fields["products"].split("; "):
        head, _, materials = entry.partition(" = ")
        name, _, price = head.rpartition(" ")
        products.append(Product(name, float(price), tuple(materials.split(", "))))
    return Niche(
        category=block[0].strip("[]"),
        makers=tuple(fields["makers"].split(", ")),
        uses=tuple(fields["uses"].split("; ")),
        products=tuple(products),
        extras=tuple(fields["with"].split("; ")),
    )


def make_items(niches: list[Niche], n_items: int, rng: np.random.Generator) -> list[Item]:
    """Return the articles, niche after niche, no two with the same title."""
    sizes = rng.multinomial(n_items, rng.dirichlet(np.full(len(niches), 30.0)))
    titles: dict[str, int] = {}
    items = []
    for number, (niche, size) in enumerate(zip(niches, sizes, strict=True)):
        for _ in range(int(size)):
            item = _make_item(niche, number, rng)
            times = titles[item.title] = titles.get(item.title, 0) + 1
            if times > 1:
                item = Item(**{**vars(item), "title": f"{item.title}, No. {times}"})
            items.append(item)
    return items


def _make_item(niche: Niche, number: int, rng: np.random.Generator) -> Item:
    maker, use = int(rng.integers(len(niche.makers))), int(rng.integers(len(niche.uses)))
    product_at = int(rng.integers(len(niche.products)))
    level = int(rng.choice(3, p=(0.35, 0.4, 0.25)))
    product = niche.products[product_at]
    material = product.materials[int(rng.integers(len(product.materials)))]
    words = {
        "maker": niche.makers[maker],
        "series": _pick(_SERIES[level], rng),
        "product": product.name,
        "Product": product.name[0].upper() + product.name[1:],
        "material": material,
        "use": niche.uses[use],
    }
    price = product.price * _LEVEL_PRICES[level] * float(rng.lognormal(0.0, 0.12))
    return Item(
        title=_title(words, rng),
        description=_description(niche, words, level, maker, rng),
        brand=niche.makers[maker],
        category=niche.category,
        price=round(price) - 0.1 if price > 20 else round(price * 2) / 2,
        niche=number,
        maker=maker,
        use=use,
        product=product_at,
        level=level,
    )


def _title(words: dict[str, str], rng: np.random.Generator) -> str:
    forms = (
        "{maker} {series} {product}, {material}",
        "{maker} {product} for {use}",
        "{series} {product} by {maker}, {material}",
        "{maker} {material} {product}",
        "{maker} {series} {material} {product}",
    )
    # "Ox Bone Bone Folder" is what no shop would write.
    echoes = set(words["material"].split()) & set(words["product"].split())
    cased = {k: v if k == "maker" else _title_case(v) for k, v in words.items() if k != "Product"}
    return _pick(forms[:3] if echoes else forms, rng).format(**cased)


def _description(
    niche: Niche, words: dict[str, str], level: int, maker: int, rng: np.random.Generator
) -> str:
    one, two = (niche.extras[int(i)] for i in rng.choice(len(niche.extras), 2, replace=False))
    opening = _pick(_OPENINGS, rng).format(**words)
    sentences = [opening[0].upper() + opening[1:]]
    if rng.random() < 0.75:
        sentences.append(_pick(_EXTRAS, rng).format(one=one, two=two))
    if rng.random() < 0.6:
        sentences.append(_pick(_LEVEL_SENTENCES[level], rng))
    elif rng.random() < 0.4:
        # The same place for the same maker, whichever item is written first.
        place = _PLACES[sum(map(ord, words["maker"])) % len(_PLACES)]
        sentences.append(f"{words['maker']} {'works' if maker % 2 else 'ships'} from {place}.")
    return " ".join(sentences[:3])


def _title_case(words: str) -> str:
    """Return the words with capitals where a shop would put them.

    >>> _title_case("knives of high-carbon steel")
    'Knives of High-Carbon Steel'
    """
    small = ("of", "and", "on", "the", "in", "for", "from", "by", "with", "to", "at", "as", "a")
    return " ".join(
        word if word in small else "-".join(part[:1].upper() + part[1:] for part in word.split("-"))
        for word in words.split(" ")
    )


def _pick(options: tuple[str, ...], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]

"""The demo shop's catalog: forty niches, each with its own makers, products and uses."""

from __future__ import annotations

import importlib.resources
from dataclasses import dataclass, replace

import numpy as np

from longtail.demo_shop.wording import ENGLISH, Wording

LEVELS = ("plain", "good", "fine")

_LEVEL_PRICES = (0.6, 1.0, 1.8)


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


def load_niches(wording: Wording = ENGLISH) -> list[Niche]:
    """Return the niches of a language."""
    source = importlib.resources.files("longtail.demo_shop") / wording.niches
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


def make_items(
    niches: list[Niche], n_items: int, rng: np.random.Generator, wording: Wording = ENGLISH
) -> list[Item]:
    """Return the articles, niche after niche, no two with the same title."""
    sizes = rng.multinomial(n_items, rng.dirichlet(np.full(len(niches), 30.0)))
    titles: dict[str, int] = {}
    items = []
    for number, (niche, size) in enumerate(zip(niches, sizes, strict=True)):
        for _ in range(int(size)):
            item = _make_item(niche, number, rng, wording)
            times = titles[item.title] = titles.get(item.title, 0) + 1
            if times > 1:
                item = replace(item, title=wording.repeated.format(title=item.title, times=times))
            items.append(item)
    return items


def _make_item(niche: Niche, number: int, rng: np.random.Generator, wording: Wording) -> Item:
    maker, use = int(rng.integers(len(niche.makers))), int(rng.integers(len(niche.uses)))
    product_at = int(rng.integers(len(niche.products)))
    level = int(rng.choice(3, p=(0.35, 0.4, 0.25)))
    product = niche.products[product_at]
    material = product.materials[int(rng.integers(len(product.materials)))]
    words = {
        "maker": niche.makers[maker],
        "series": _pick(wording.series[level], rng),
        "product": product.name,
        "Product": product.name[0].upper() + product.name[1:],
        "material": material,
        "use": niche.uses[use],
    }
    price = product.price * _LEVEL_PRICES[level] * float(rng.lognormal(0.0, 0.12))
    return Item(
        title=_title(words, rng, wording),
        description=_description(niche, words, level, rng, wording),
        brand=niche.makers[maker],
        category=niche.category,
        price=round(price) - 0.1 if price > 20 else round(price * 2) / 2,
        niche=number,
        maker=maker,
        use=use,
        product=product_at,
        level=level,
    )


def _title(words: dict[str, str], rng: np.random.Generator, wording: Wording) -> str:
    material, product = (
        set(words[part].split() if wording.blanks else words[part])
        for part in ("material", "product")
    )
    # "Ox Bone Bone Folder" is what no shop would write.
    forms = wording.titles[:3] if material & product else wording.titles
    if wording.blanks:
        words = {k: v if k == "maker" else _title_case(v) for k, v in words.items()}
    return _pick(forms, rng).format(**words)


def _description(
    niche: Niche,
    words: dict[str, str],
    level: int,
    rng: np.random.Generator,
    wording: Wording,
) -> str:
    one, two = (niche.extras[int(i)] for i in rng.choice(len(niche.extras), 2, replace=False))
    opening = _pick(wording.openings, rng).format(**words)
    sentences = [opening[0].upper() + opening[1:]]
    if rng.random() < 0.75:
        sentences.append(_pick(wording.extras, rng).format(one=one, two=two))
    if rng.random() < 0.6:
        sentences.append(_pick(wording.level_sentences[level], rng))
    elif rng.random() < 0.4:
        # The same place for the same maker, whichever item is written first.
        place = wording.places[sum(map(ord, words["maker"])) % len(wording.places)]
        form = wording.works if niche.makers.index(words["maker"]) % 2 else wording.ships
        sentences.append(form.format(maker=words["maker"], place=place))
    return wording.joint.join(sentences[:3])


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

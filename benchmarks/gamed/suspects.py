"""Which made-up tricks `data validate` and `index add` see, and which honest items they name.

    python benchmarks/data.py suspects FOLDER [--makers COLUMN|first-word|last-sentence]

800 popular items are copied in six ways by makers that are no other's, and as many tail items
stuffed, given a hidden character, marked up; a log gets 50 buyers for one of 30 tail items. All
items of the catalog count as honest. Where no column names makers, the first word of a title or
the last sentence of a text stands for one; the copies are looked for without makers, too.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from gamed.clones import KINDS, Clones, make_clones
from gamed.tricks import BESIDE, bought, tampered
from numpy.typing import NDArray
from report.results_file import read_results, results_path, write_results

from longtail.files.input_files import InputData, make_inputs
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.dialect.reading import AS_THEY_ARE
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.popularity import HEAD, Popularity
from longtail.retrieval.data.suspects.finding import BURST, COPY, MANY_KINDS, counts
from longtail.retrieval.data.suspects.item_checks import ItemChecks
from longtail.retrieval.data.suspects.user_bursts import burst_findings
from longtail.retrieval.data.suspects.validation import suspects_of
from longtail.retrieval.progress import silent

SAMPLE, TARGETS = 800, 30
STAND_INS = ("first-word", "last-sentence")
MAKER = "maker"


def named_makers(catalog: Catalog, makers: str) -> tuple[Catalog, str]:
    """Return a catalog with a column of makers, and that column."""
    if makers not in STAND_INS:
        return catalog, makers
    titles = catalog.frame["title"].astype(str)
    if makers == "first-word":
        names = [(title.split() or [""])[0] for title in titles]
    else:
        names = [title.rstrip(". ").rpartition(". ")[2] for title in titles]
    return Catalog(catalog.frame.assign(**{MAKER: names}), catalog.template), MAKER


def measure(data: InputData, makers: str) -> dict[str, Any]:
    """Return the shares of tricks that are told, and of honest items, with and without makers."""
    rng = np.random.default_rng(0)
    catalog, maker = named_makers(data.catalog, makers)
    popularity = Popularity.from_counts(data.log.user_counts(len(catalog)), catalog.item_ids)
    popular = popularity.bucket == HEAD
    heads, tail = np.flatnonzero(popular), np.flatnonzero(~popular)
    clones = make_clones(catalog.frame, catalog.template, sampled(heads, rng), maker, rng)
    bare = Catalog(catalog.frame.drop(columns=maker), without(catalog.template, maker))
    nameless = Clones(clones.kind, clones.source, clones.items.drop(columns=maker))
    return {
        "items": len(catalog),
        "makers": makers,
        "named": honest(catalog, data.log) | {"clones": told(catalog, popular, clones)},
        "nameless": honest(bare, data.log) | {"clones": told(bare, popular, nameless)},
        "tricks": tricks(catalog, popular, sampled(tail, rng), rng)
        | {BURST: bursts(catalog, data.log, heads, tail, rng)},
    }


def sampled(rows: NDArray[np.int64], rng: np.random.Generator) -> list[int]:
    """Return 800 of these rows, or all."""
    return sorted(rng.choice(rows, min(SAMPLE, len(rows)), replace=False).tolist())


def honest(catalog: Catalog, log: Interactions) -> dict[str, Any]:
    """Return the share of the catalog's own items that is told, and of what how many."""
    found = suspects_of(catalog, log)
    return {"honest": len({f.item_id for f in found}) / len(catalog), "reasons": counts(found)}


def told(catalog: Catalog, popular: NDArray[np.bool_], clones: Clones) -> dict[str, float]:
    """Return the share of copies that are told, of all and of each kind."""
    found = ItemChecks(catalog, popular).findings(clones.items)
    ids = {f.item_id for f in found if f.reason == COPY}
    seen, kinds = clones.items["item_id"].isin(ids).to_numpy(), np.array(clones.kind)
    return {"all": float(seen.mean())} | {k: float(seen[kinds == k].mean()) for k in KINDS}


def tricks(
    catalog: Catalog, popular: NDArray[np.bool_], rows: list[int], rng: np.random.Generator
) -> dict[str, float | None]:
    """Return the share of tampered items that are told as such; None: it can't be seen here."""
    checks = ItemChecks(catalog, popular)
    shares: dict[str, float | None] = {}
    for reason, items in tampered(catalog, rows, rng):
        ids = {f.item_id for f in checks.findings(items) if f.reason == reason}
        shares[reason] = len(ids) / len(items)
    if "categories" not in catalog.frame:
        shares[MANY_KINDS] = None
    return shares


def bursts(
    catalog: Catalog,
    log: Interactions,
    heads: NDArray[np.int64],
    tail: NDArray[np.int64],
    rng: np.random.Generator,
) -> float:
    """Return for how many of 30 tail items the 50 buyers are told."""
    seen = 0
    for number in range(TARGETS):
        target, beside = int(rng.choice(tail)), BESIDE[number % len(BESIDE)]
        found = burst_findings(bought(log, target, heads, beside, rng), catalog.item_ids)
        seen += str(catalog.item_ids[target]) in {f.item_id for f in found}
    return seen / TARGETS


def without(template: str, column: str) -> str:
    """Return a template without a column.

    >>> without("{title}. {brand}. {text}", "brand")
    '{title}. {text}'
    """
    parts = [part for part in template.split(". ") if part != f"{{{column}}}"]
    return ". ".join(parts)


def main(words: list[str]) -> None:
    """Measure a folder, print the record, and write it into the results file."""
    parser = argparse.ArgumentParser("data.py suspects", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--makers", default="brand", metavar="COLUMN|first-word|last-sentence")
    parser.add_argument("--out", type=Path, default=results_path("suspects"))
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        inputs = make_inputs(
            given.folder, None, None, None, AS_THEY_ARE, Path(folder) / "rejected.csv"
        )
        record = measure(inputs.read(silent), given.makers)
    for key, value in record.items():
        sys.stdout.write(f"{key}: {value}\n")
    write_results(given.out, {**read_results(given.out), given.folder.name: record})

"""Texts a second of every backend beside sentence-transformers; write results/encoding.json.

Run:  python benchmarks/encoding.py speed FOLDER ... [--tokens 96,256] [--items 1024] [--rounds 5]

For each data folder and token limit: the same texts through `SentenceTransformer.encode` at its
defaults and through each backend, tokenising counted on both sides, in turns, with the machine's
matrix rates in every round. Medians, least and greatest of the rounds. Then the parity of each
backend, its memory, and the targets.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from report.results_file import results_path, write_results
from report.targets import not_measured, print_targets, target
from text_encoding.ceilings import Ceilings

from longtail.files.folders.find_files import find_file
from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.run.bundle import library_versions
from longtail.retrieval.towers.backends.choice import open_backend
from longtail.retrieval.towers.backends.names import BACKENDS, bfloat16_is_fast, missing
from longtail.retrieval.towers.backends.parity import ITEMS, measure_parity
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.encoding import encode_pooled
from longtail.retrieval.towers.text.weights import DEFAULT_ENCODER, resolve_encoder

RESULTS = results_path("encoding")
RIVAL = "SentenceTransformer"
CPU = torch.device("cpu")
SHARES = {"float32": 0.6, "bfloat16": 0.5, "int8": 0.4}
NOT_HERE = "this machine has no instructions for bfloat16"
NONE_PASSED = "no such backend passed the gate here"

Encode = Callable[[list[str]], NDArray[np.float32]]


def operations_a_token(tower: ItemTower) -> int:
    """Return what the linear layers of the encoder cost a token; attention comes on top."""
    # The pooler, where there is one, reads a single token, and its output isn't used.
    return 2 * sum(
        layer.weight.numel()
        for name, layer in tower.text_encoder.named_modules()
        if isinstance(layer, torch.nn.Linear) and "pooler" not in name.split(".")
    )


def rivals(tokens: int) -> dict[str, Encode]:
    """Return sentence-transformers at its defaults, in the numbers that this machine multiplies."""
    from sentence_transformers import SentenceTransformer

    def rival(dtype: torch.dtype) -> Encode:
        model = SentenceTransformer(
            resolve_encoder(DEFAULT_ENCODER).location, device="cpu", model_kwargs={"dtype": dtype}
        )
        model.max_seq_length = tokens
        return lambda texts: model.encode(texts, show_progress_bar=False)

    found = {f"{RIVAL} float32": rival(torch.float32)}
    if bfloat16_is_fast(CPU):
        found[f"{RIVAL} bfloat16"] = rival(torch.bfloat16)
    return found


def backends(tower: ItemTower) -> tuple[dict[str, Encode], dict[str, float]]:
    """Return every backend that this machine multiplies the numbers of, and its megabytes."""
    found: dict[str, Encode] = {}
    megabytes: dict[str, float] = {}
    texts = ["a few words"] * 64
    for name in BACKENDS:
        if missing(name, CPU) or ("bfloat16" in name and not bfloat16_is_fast(CPU)):
            continue
        before = resident_megabytes()
        backend = open_backend(tower, name)
        found[name] = lambda texts, backend=backend: encode_pooled(backend, tower.tokenise(texts))
        found[name](texts)
        megabytes[name] = round(resident_megabytes() - before, 1)
    return found, megabytes


def resident_megabytes() -> float:
    """Return what this process holds in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def measure(folder: Path, limit: int, given: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of one folder at one token limit."""
    tower = ItemTower.from_pretrained(DEFAULT_ENCODER, limit).eval()
    catalog = read_catalog(find_file(folder, ("items", "catalog")), rejected=RejectedRows())
    n = min(given.items, len(catalog))
    rows = np.sort(np.random.default_rng(0).choice(len(catalog), n, replace=False))
    texts = catalog.texts(rows)
    lengths = tower.tokenise(texts).lengths
    ours, megabytes = backends(tower)
    subjects = rivals(limit) | ours
    ceilings = Ceilings(given.threads)
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    vectors = {name: encode(texts[:ITEMS]) for name, encode in subjects.items()}
    for _ in range(given.rounds):
        ceilings.measure()
        for name, encode in subjects.items():
            began = time.perf_counter()
            encode(texts)
            seconds[name].append(time.perf_counter() - began)
    best, cost = ceilings.best(), operations_a_token(tower)
    found: dict[str, Any] = {}
    for name, took in seconds.items():
        number = name.rpartition(" " if name.startswith(RIVAL) else "-")[2]
        tokens_a_second = float(lengths.sum() / np.median(took))
        found[name] = {
            "items_per_second": n / float(np.median(took)),
            "least": n / max(took),
            "greatest": n / min(took),
            "tokens_per_second": tokens_a_second,
            "share_of_ceiling": 1e-9 * cost * tokens_a_second / best[number]
            if number in best
            else None,
            "seconds": took,
        }
        if name in ours:
            found[name]["megabytes"] = megabytes[name]
            found[name]["parity"] = parity(name, vectors["torch-float32"], vectors[name])
    return {
        "folder": folder.name,
        "token_limit": limit,
        "items": n,
        "mean_tokens": float(lengths.mean()),
        "operations_a_token": cost,
        "ceilings_gflops": best,
        "ceilings_raw": ceilings.rates,
        "found": found,
    }


def parity(name: str, reference: NDArray[np.float32], found: NDArray[np.float32]) -> dict[str, Any]:
    """Return what the gate says of a backend's vectors."""

    class Named:
        tokens_per_batch = workers = 1

        def __init__(self) -> None:
            self.name = name

    return measure_parity(Named(), reference, found).report()  # type: ignore[arg-type]


def targets(part: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the targets of one folder and token limit, judged."""
    found, place = part["found"], f"{part['folder']}, {part['token_limit']} tokens"
    right = {
        name: figures["items_per_second"]
        for name, figures in found.items()
        if "parity" in figures and figures["parity"]["passed"]
    }
    fastest = max(right, key=right.__getitem__)
    lines = []
    for number, least in (("float32", 3.0), ("bfloat16", 1.5)):
        rival = found.get(f"{RIVAL} {number}")
        ratio = right[fastest] / rival["items_per_second"] if rival else None
        lines.append(line(f"{place}: {fastest} to {RIVAL} {number}", ratio, least))
    for number, least in SHARES.items():
        shares = {
            name: figures["share_of_ceiling"]
            for name, figures in found.items()
            if name in right and name.endswith(f"-{number}")
        }
        value = max(shares.values()) if shares else None
        lines.append(line(f"{place}: share of the {number} ceiling", value, least))
    return lines


def line(name: str, value: float | None, least: float) -> dict[str, Any]:
    """Return one target; without a value it isn't judged."""
    if value is None:
        return not_measured(name, least, NOT_HERE if "bfloat16" in name else NONE_PASSED)
    return target(name, value, least, most=False)


def main(words: list[str]) -> None:
    """Measure, print and write."""
    arguments = argparse.ArgumentParser("encoding.py speed", description=__doc__.splitlines()[0])
    arguments.add_argument("folders", nargs="+", type=Path)
    arguments.add_argument("--tokens", default="96,256")
    arguments.add_argument("--items", type=int, default=1_024)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments.add_argument("--out", type=Path, default=RESULTS)
    given = arguments.parse_args(words)
    torch.set_num_threads(given.threads)
    parts, judged = [], []
    for folder in given.folders:
        for limit in map(int, given.tokens.split(",")):
            part = measure(folder, limit, given)
            parts.append(part)
            judged += targets(part)
            for name, figures in part["found"].items():
                share = figures["share_of_ceiling"]
                print(  # noqa: T201
                    f"{folder.name} {limit} {name}: {figures['items_per_second']:.1f} items/s "
                    f"({figures['least']:.1f} to {figures['greatest']:.1f}), "
                    f"{'no' if share is None else f'{share:.0%} of the'} ceiling"
                )
    versions = library_versions()
    for name in ("onnxruntime", "onnx", "onnxscript"):
        if not missing("onnx-int8", CPU):
            versions[name] = version(name)
    results = {
        "settings": {
            "items": given.items,
            "rounds": given.rounds,
            "threads": given.threads,
            "encoder": DEFAULT_ENCODER,
            "simd": torch.backends.cpu.get_cpu_capability(),
            "bfloat16": bfloat16_is_fast(CPU),
        },
        "versions": versions,
        "parts": parts,
        "targets": judged,
    }
    write_results(given.out, results)
    print_targets(judged)

"""How the cost of encoding grows: with the catalog's size, and with the length of histories.

Run:  python benchmarks/encoding.py growth [--sizes 1000,10000,100000,1000000] [--folder FOLDER]

Writes benchmarks/results/encoding_growth.json; `tables.py speed` draws it. Texts are made
up. The encoder is small (one layer of 128 dimensions, random weights, MiniLM's tokenizer), so that
a million texts take minutes: what is measured is what lies around the encoder, and its memory. Each
size has a process of its own. The largest is read once more, killed at a random moment and started
again; then with every hundredth text changed. Histories are read by the default user tower.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from report.markdown import rows_table
from report.results_file import results_path, write_results
from report.targets import print_targets, target
from synthetic.texts import SyntheticTexts
from text_encoding.history_lengths import histories_part, resident_mb

from longtail.retrieval.kernels.row_blocks import row_blocks
from longtail.retrieval.towers.backends.torch_backend import TorchBackend
from longtail.retrieval.towers.catalog_encoding import ITEMS_PER_CHUNK, embed_texts, text_blocks
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.weights import DEFAULT_ENCODER, resolve_encoder

RESULTS = results_path("encoding_growth")
COMMAND = Path(__file__).parent.parent / "encoding.py"
SIZES = "1000,10000,100000,1000000"
SHAPE = {"hidden_size": 128, "num_hidden_layers": 1, "num_attention_heads": 2}
MAX_TOKENS = 64
PACKAGES = ("torch", "transformers", "tokenizers", "numpy")


def save_small_encoder(folder: Path) -> None:
    """Write a small random BERT with the default encoder's tokenizer."""
    from transformers import AutoTokenizer, BertConfig, BertModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(resolve_encoder(DEFAULT_ENCODER).location)
    shape = {**SHAPE, "intermediate_size": 256, "max_position_embeddings": 128}
    BertModel(BertConfig(vocab_size=len(tokenizer), **shape)).save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))


class CountingBackend(TorchBackend):
    """PyTorch that leaves the number of texts read so far in a file, also when it is killed."""

    def __init__(self, tower: ItemTower, counter: Path) -> None:
        super().__init__(tower)
        self._counter = counter.open("ab", buffering=0)

    def pool(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the batch's vectors, as `TorchBackend` does."""
        pooled = super().pool(ids, mask)
        self._counter.write(b"." * len(ids))
        return pooled


def encode(encoder: Path, folder: Path, n: int, changed: int) -> dict[str, Any]:
    """Return what reading n texts into a folder took; the child process's whole work."""
    tower = ItemTower.from_pretrained(str(encoder), MAX_TOKENS).eval()
    backend = CountingBackend(tower, folder / "counter")
    began = time.perf_counter()
    seen: list[tuple[float, float, float]] = []

    def watch(step: str, done: int, total: int) -> None:
        if not seen or done - seen[-1][0] >= max(total // 200, 1) or done == total:
            seen.append((done, round(time.perf_counter() - began, 3), round(resident_mb(), 1)))

    blocks = text_blocks(tower, SyntheticTexts(changed=changed), n)
    found = embed_texts(tower, backend, blocks, n, folder / "cache", progress=watch)
    seconds = time.perf_counter() - began
    digest = hashlib.sha256()
    for rows in row_blocks(n):
        digest.update(found.part(rows).tobytes())
    after_a_tenth = [mb for done, _, mb in seen if done >= n / 10]
    return {
        "items": n,
        "seconds": seconds,
        "items_per_second": n / seconds,
        "read": found.read,
        "longer": found.longer,
        "peak_mb": max(mb for _, _, mb in seen),
        "growth_after_a_tenth": max(after_a_tenth) / after_a_tenth[0],
        "disk_mb": sum(p.stat().st_size for p in (folder / "cache").iterdir()) / 1e6,
        "sha256": digest.hexdigest(),
        "watched": seen,
    }


def child(encoder: Path, folder: Path, n: int, changed: int = 0) -> subprocess.Popen[bytes]:
    """Start a process of its own for `encode`; it leaves its result in the folder."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, str(COMMAND), "growth", "--child", str(n)]
    command += ["--changed", str(changed)]
    return subprocess.Popen([*command, "--encoder", str(encoder), "--folder", str(folder)])


def finished(process: subprocess.Popen[bytes], folder: Path) -> dict[str, Any]:
    """Return the result of a child that ended well."""
    if process.wait():
        raise SystemExit("a reading process failed")
    found: dict[str, Any] = json.loads((folder / "found.json").read_text())
    return found


def killed_and_resumed(
    encoder: Path, folder: Path, whole: dict[str, Any], seed: int
) -> dict[str, Any]:
    """Return what a kill at a random moment cost: texts read twice, and whether vectors differ."""
    n = whole["items"]
    process = child(encoder, folder, n)
    counter, wait = folder / "counter", np.random.default_rng(seed).uniform(0.1, 0.9) * n
    while process.poll() is None and (not counter.exists() or counter.stat().st_size < wait):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    at = counter.stat().st_size
    again = finished(child(encoder, folder, n), folder)
    return {
        "items": n,
        "killed_at": at,
        "read_after": again["read"],
        "read_twice": counter.stat().st_size - n,
        "same_vectors": again["sha256"] == whole["sha256"],
    }


def targets(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the targets, judged."""
    sizes, killed = found["sizes"], found["killed"]
    largest = sizes[-1]
    said = f"{largest['items']:,} texts"
    growth = largest["growth_after_a_tenth"]
    beyond = max(killed["read_twice"] - 2 * ITEMS_PER_CHUNK, 0)
    lines = [
        target(f"{said}: resident set over that after a tenth", growth, 1.1, most=True),
        target(f"{said}, killed: read twice beyond a chunk", beyond, 0, most=True),
        target(f"{said}, killed: same vectors", killed["same_vectors"], 1, most=False),
        target(
            f"{said}, a hundredth changed: read again, of what changed",
            found["changed"]["read"] / -(-largest["items"] // 100),
            1,
            most=True,
        ),
    ]
    if len(sizes) > 1:
        logs = np.log([[row["items"], row["seconds"]] for row in sizes])
        slope = float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0])
        lines.append(target("time grows as texts to the power", slope, 1.05, most=True))
    for row in found["histories"]:
        if row["length"] in (20, 500):
            name = f"one history of {row['length']}, {row['layers']} layers: ms"
            lines.append(target(name, row["one_ms"], 3.0, most=True))
    return lines


def main(words: list[str]) -> None:
    """Measure, print and write."""
    arguments = argparse.ArgumentParser("encoding.py growth", description=__doc__.splitlines()[0])
    arguments.add_argument("--sizes", default=SIZES)
    arguments.add_argument("--seed", type=int, default=0, help="of the moment of the kill")
    arguments.add_argument("--folder", type=Path, default=Path.cwd(), help="for the vectors")
    arguments.add_argument("--results", type=Path, default=RESULTS)
    for name, kind in (("child", int), ("changed", int), ("encoder", Path)):
        arguments.add_argument(f"--{name}", type=kind, help=argparse.SUPPRESS)
    given = arguments.parse_args(words)
    if given.child:
        made = encode(given.encoder, given.folder, given.child, given.changed)
        (given.folder / "found.json").write_text(json.dumps(made))
        return
    with tempfile.TemporaryDirectory(dir=given.folder, prefix="encoding-growth-") as temporary:
        place = Path(temporary)
        encoder = place / "encoder"
        save_small_encoder(encoder)
        sizes = []
        for size in map(int, given.sizes.split(",")):
            folder = place / str(size)
            sizes.append(finished(child(encoder, folder, size), folder))
        killed = killed_and_resumed(encoder, place / "killed", sizes[-1], given.seed)
        changed = finished(child(encoder, folder, size, changed=100), folder)
        found = {"sizes": sizes, "killed": killed, "changed": changed}
    found["histories"] = histories_part()
    lines = targets(found)
    content = {
        "subject": "encoding growth",
        "machine": {"python": platform.python_version(), "processors": os.cpu_count()},
        "settings": {
            **SHAPE,
            "max_tokens": MAX_TOKENS,
            "texts_per_chunk": ITEMS_PER_CHUNK,
            "threads": torch.get_num_threads(),
            "seed": given.seed,
        },
        "versions": {package: version(package) for package in PACKAGES},
        "targets": lines,
        "parts": found,
    }
    write_results(given.results, content)
    shown = [{k: v for k, v in row.items() if k not in ("watched", "sha256")} for row in sizes]
    tables = rows_table(shown), rows_table(found["histories"]), json.dumps(killed)
    print(*tables, "", sep="\n\n")  # noqa: T201
    print_targets(lines)

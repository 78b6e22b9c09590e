"""A run's model card: what it was trained on, how good it is, what it is for and what not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from longtail.index.files import read_json
from longtail.retrieval.data.interactions import PARTS, TEST
from longtail.retrieval.data.stored_interactions import load_interactions
from longtail.retrieval.run.bundle import verify_bundle
from longtail.retrieval.towers.text.weights import SHORT_NAMES

# As their own cards say; of other encoders nobody here knows.
LICENCES = {
    "sentence-transformers/all-MiniLM-L6-v2": "apache-2.0",
    "intfloat/multilingual-e5-small": "mit",
    "HuggingFaceTB/SmolLM2-135M-Instruct": "apache-2.0",
}
HUB_NAME = re.compile(r"[\w-]+/[\w.-]+")
COLUMNS = {
    "recall@10": "recall@10",
    "ndcg@10": "NDCG@10",
    "tail_recall@10": "tail recall@10",
    "tail_pool_recall@10": "recall@10 in the tail pool",
    "coverage@10": "coverage@10",
}

USES = """\
## Intended use

The item tower turns a text about an item into a vector. Items whose vectors are near have texts
that say the like, or are taken by the same people where it was tuned. In the whole engine it is one
of several sources of candidates, and recommends from the long tail of a catalog.

## Limits

- It knows one catalog's texts and one log's people. Elsewhere measure before use.
- Its language and its longest text are the encoder's.
- A log shows what was offered. What nobody was shown has no event, and that is
  no proof that nobody wants it.
- The numbers above are of lists ranked offline against held-out events; they measure
  nothing of what people would do.
- It isn't meant for decisions about people: credit, work, health or insurance.
"""

PEOPLE = """\
## What isn't here

Histories, popularity and evidence of the run folder are people's data and stay with its
owner. This card holds neither ids nor texts of items. Weights that were tuned on a log can still
carry traces of it.
"""


def model_card(run: Path) -> str:
    """Return the card of a run as trained, in Markdown behind a YAML header of the hub's.

    It has sizes, settings and metrics; no id of a user or an item, no item's text, and no path.

    Raises:
        BundleError, DamagedFileError, UnsupportedFormatError: see `verify_bundle`.
    """
    from huggingface_hub import ModelCardData

    manifest = verify_bundle(run)
    encoder = _encoder(manifest["config"])
    header = ModelCardData(
        library_name="sentence-transformers",
        pipeline_tag="sentence-similarity",
        tags=["longtail", "recommender-system", "two-tower", "long-tail"],
        base_model=encoder if HUB_NAME.fullmatch(encoder) else None,
    )
    body = "\n".join(_body(run, manifest, encoder))
    return f"---\n{header.to_yaml()}\n---\n\n{body}"


def _encoder(config: Mapping[str, Any]) -> str:
    """Return the encoder's hub name, or the name of its folder: the path is the owner's."""
    named = str(config["item_tower"]["encoder"])
    named = SHORT_NAMES.get(named, named)
    return named if HUB_NAME.fullmatch(named) else Path(named).name


def _body(run: Path, manifest: Mapping[str, Any], encoder: str) -> Iterator[str]:
    yield "# Item tower of a long-tail recommender\n"
    yield (
        "Trained with longtail, a two-tower retrieval engine: an item tower that reads texts, a "
        "user tower that reads histories, evidence from the log, and a relevance head.\n"
    )
    yield "## Data\n"
    yield from _data(run, manifest)
    yield "\n## Training\n"
    yield from _training(manifest, encoder)
    yield "\n## Results\n"
    yield from _results(run)
    yield f"\n{USES}\n{PEOPLE}"


def _data(run: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    log = load_interactions(run / "histories.parquet")
    pools = manifest["buckets"]
    yield "| | |\n|---|---|"
    yield f"| items | {sum(pools.values()):,} |"
    for pool, words in (("head", "popular"), ("tail", "in the tail"), ("cold", "that nobody took")):
        yield f"| items {words} | {pools.get(pool, 0):,} |"
    yield f"| users | {len(np.unique(log.user)):,} |"
    yield f"| events | {len(log):,} |"
    if log.part is not None:
        for number, part in enumerate(PARTS):
            yield f"| events of the {part} part | {int((log.part == number).sum()):,} |"
        unread = "" if (log.part == TEST).any() else "; there is no test part"
        yield f"| split | {manifest['split']}{unread} |"


def _training(manifest: Mapping[str, Any], encoder: str) -> Iterator[str]:
    config, summary = manifest["config"], manifest["summary"]
    licence = LICENCES.get(encoder, "not known; see the encoder's own card")
    yield "| | |\n|---|---|"
    yield f"| text encoder | {_cell(encoder)} |"
    yield f"| licence of the encoder | {licence} |"
    for key in ("max_tokens", "layers", "dims", "pooling"):
        if key in config["item_tower"]:
            yield f"| item_tower.{key} | {_cell(config['item_tower'][key])} |"
    kept = [str(stage["stage"]) for stage in summary.get("stages", ()) if stage.get("kept")]
    yield f"| stages that improved validation | {', '.join(kept) or 'none'} |"
    yield f"| seed | {config.get('seed', 0)} |"
    for name, version in manifest.get("versions", {}).items():
        yield f"| {name} | {version} |"


def _results(run: Path) -> Iterator[str]:
    path = run / "metrics.json"
    if not path.is_file():
        yield "Not evaluated: `longtail evaluate` wasn't run."
        return
    found = read_json(path)
    shown = [key for key in COLUMNS if any(key in row for row in found["metrics"].values())]
    users = found["settings"]["users"]
    yield f"Held-out events of {users:,} users, ranked against the whole catalog.\n"
    yield f"| recommender | {' | '.join(COLUMNS[key] for key in shown)} |"
    yield "|---" * (len(shown) + 1) + "|"
    for name, row in found["metrics"].items():
        cells = (f"{row[key]:.4f}" if row.get(key) is not None else "-" for key in shown)
        yield f"| {_cell(name)} | {' | '.join(cells)} |"


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")

"""A toy shop whose right answers are known, and a tiny random BERT to read it with.

Three taste groups of 20 items, each in four niches of five. An item's text names its group, its
niche and itself. A user has one niche and takes three or four of its five items, and now and
then what is popular in the group: so the item of the niche that a user has not taken is the
right answer. One item of each group is taken by nobody (cold).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.interactions import TEST, TRAIN, VALID, Interactions
from longtail.retrieval.data.splits import Split
from longtail.retrieval.ranking.retriever import Retriever
from longtail.training.co_taken.co_taken_settings import CoTakenSettings
from longtail.training.evidence.item_weights.item_weights_settings import ClosedFormSettings
from longtail.training.evidence.sequence_settings import SequenceSettings
from longtail.training.head.head_settings import HeadSettings
from longtail.training.settings import (
    EvidenceSettings,
    ItemTowerSettings,
    SelectionSettings,
    TrainingSettings,
    UserTowerSettings,
)
from longtail.training.stages.stage_settings import EncoderStageSettings, HistoryStageSettings

GROUPS = {
    "tea": ("oolong", "sencha", "rooibos", "matcha"),
    "tools": ("drill", "saw", "plane", "chisel"),
    "paint": ("acrylic", "gouache", "pastel", "ink"),
}
VARIANTS = ("small", "large", "spare", "gift", "fine")
GROUP_WORDS = {
    "tea": "leaves cup brew garden",
    "tools": "workshop steel wood handle",
    "paint": "colour canvas brush studio",
}
# Users by niche: the first niche of a group is what most of its people like.
USERS_PER_NICHE = (12, 7, 5, 3)
COLD = [f"{group}-{niches[3]}-fine" for group, niches in GROUPS.items()]
TEMPLATE = "{title}. {description}"
VOCABULARY = sorted(
    {word for words in GROUP_WORDS.values() for word in words.split()}
    | {niche for niches in GROUPS.values() for niche in niches}
    | set(GROUPS)
    | set(VARIANTS)
    | {".", ",", "-"}
)


def save_tiny_bert(folder: Path, *, seed: int = 0, layers: int = 2, dim: int = 32) -> Path:
    """Write a random BERT with a word-piece tokenizer of the shop's words, and return it."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *VOCABULARY]
    pieces += [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz0123456789"]
    pieces += list("abcdefghijklmnopqrstuvwxyz0123456789")
    number = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(number, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", number["[CLS]"]), ("[SEP]", number["[SEP]"])],
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=64,
    ).save_pretrained(str(folder))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        BertModel(
            BertConfig(
                vocab_size=len(pieces),
                hidden_size=dim,
                num_hidden_layers=layers,
                num_attention_heads=2,
                intermediate_size=2 * dim,
                max_position_embeddings=64,
                # Words, not their places, should tell texts apart.
                initializer_range=0.2,
            )
        ).save_pretrained(str(folder))
    return folder


def shop_catalog() -> Catalog:
    """Return the 60 items; `price` has gaps, `stock` is whole numbers, `gift` true or false."""
    lines = [
        {
            "item_id": f"{group}-{niche}-{variant}",
            "title": f"{niche} {variant}",
            "description": f"{group} {GROUP_WORDS[group]} {niche} {niche}",
            "brand": None if variant == "spare" else f"House of {group}",
            "niche": niche,
            "price": np.nan if variant == "fine" else 5.0 + 2 * VARIANTS.index(variant) + place,
            "stock": 10 * place + VARIANTS.index(variant),
            "gift": variant == "gift",
        }
        for group, niches in GROUPS.items()
        for place, niche in enumerate(niches)
        for variant in VARIANTS
    ]
    return Catalog(pd.DataFrame(lines), TEMPLATE)


def noisy_catalog(catalog: Catalog) -> Catalog:
    """Return the items under texts that say more of their variant than of their niche.

    Who takes one variant of a niche takes the others: the log says which words matter.
    """
    variant = catalog.frame["item_id"].str.rpartition("-")[2]
    title = (variant + " ") * 4 + catalog.frame["niche"]
    return Catalog(catalog.frame.assign(title=title, description=""), catalog.template)


def shop_split(catalog: Catalog, *, seed: int = 0, labels: bool = False) -> Split:
    """Return the log of 81 users: the last item of each is test, the last but one valid.

    Valid and test are items of the user's own niche. With ``labels`` every user was also shown
    an item of another group, and rejected it.
    """
    rng = np.random.default_rng(seed)
    row = {item: i for i, item in enumerate(catalog.item_ids)}
    user_ids: list[str] = []
    events: list[tuple[int, int, int, int]] = []  # user, item, part, label
    for group, niches in GROUPS.items():
        for place, niche in enumerate(niches):
            for number in range(USERS_PER_NICHE[place]):
                user = len(user_ids)
                user_ids.append(f"{niche}-fan-{number}")
                own = [row[f"{group}-{niche}-{variant}"] for variant in VARIANTS]
                own = own[:4] if place == 3 else own
                own = list(rng.permutation(own))
                popular = [row[f"{group}-{niches[0]}-{VARIANTS[0]}"]]
                start = [popular[0]] if place and rng.random() < 0.7 else []
                taken = [*start, *own]
                parts = [TRAIN] * (len(taken) - 2) + [VALID, TEST]
                events += [(user, item, part, 1) for item, part in zip(taken, parts, strict=True)]
                if labels:
                    other = [g for g in GROUPS if g != group][number % 2]
                    shown = row[f"{other}-{GROUPS[other][0]}-{VARIANTS[number % 5]}"]
                    # Shown before all else, so that the order of what was taken stays.
                    events.append((user, shown, TRAIN if number % 2 else VALID, 0))
    user, item, part, label = (np.array(column) for column in zip(*events, strict=True))
    log = Interactions(
        np.array(user_ids, dtype=object),
        user.astype(np.int32),
        item.astype(np.int32),
        1_600_000_000 + 60 * np.arange(len(user), dtype=np.int64),
        has_clock=True,
        label=label.astype(np.int8) if labels else None,
        part=part.astype(np.int8),
    )
    return Split(log, "given", ())


def without_validation(split: Split) -> Split:
    """Return the split with its validation events given to the train part."""
    part = np.where(split.part == VALID, TRAIN, split.part).astype(np.int8)
    return replace(split, interactions=replace(split.interactions, part=part))


SMALL_HEAD = HeadSettings(
    counts=True,
    tail_weights=(1.0, 2.0),
    rounds=20,
    bags=1,
    hidden=(8,),
    epochs=4,
    # The toy shop is a small log, and stands for a large one.
    prior_until=0,
)


def settings_for(bert: Path, **changes: object) -> TrainingSettings:
    """Return settings that train the shop in seconds; keywords replace whole groups."""
    small = TrainingSettings(
        seed=0,
        refit=False,
        item_tower=ItemTowerSettings(encoder=str(bert), max_tokens=24, backend="torch-float32"),
        user_tower=UserTowerSettings(max_history=8, layers=1, hidden=16, heads=2),
        co_taken=CoTakenSettings(epochs=0),
        history=HistoryStageSettings(
            epochs=2, batch_size=32, uniform_negatives=60, offsets_lr=3e-3
        ),
        encoder=EncoderStageSettings(
            epochs=1, max_steps=-1, batch_size=32, uniform_negatives=60, offsets_lr=3e-3
        ),
        # The toy shop is a small log, and stands for a large one.
        selection=SelectionSettings(popularity_weights=(0.0, 0.2, 0.5, 1.0), few_targets=0),
        behaviour=EvidenceSettings(closed_form=ClosedFormSettings(text_neighbours=10)),
        sequence=SequenceSettings(
            popularity_strengths=(0.0,), dim=16, layers=1, epochs=2, events_per_batch=64
        ),
        relevance=SMALL_HEAD,
    )
    return small.changed(**changes)


NO_STAGE = {"epochs": 0}


def answers(run: Path, split: Split) -> pd.DataFrame:
    """Return what the engine in a run folder tells the shop's first 20 users."""
    return Retriever.open(run).recommend(
        users=list(split.interactions.user_ids[:20]), k=10, pool="all", debias=0.3, explain=True
    )


def group_of(item_ids: NDArray[np.object_] | pd.Series) -> list[str]:
    """Return the taste group of each item id."""
    return [str(item).split("-")[0] for item in item_ids]

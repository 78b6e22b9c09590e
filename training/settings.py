"""All settings of a training run, one small group for each of their readers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from longtail.retrieval.run.index_build import IndexSettings
from longtail.retrieval.towers.backends.names import BackendSetting
from longtail.retrieval.towers.text.text_pieces import LongTexts
from longtail.retrieval.towers.text.weights import DEFAULT_ENCODER
from longtail.retrieval.towers.whitening import USUAL_POWER
from longtail.training.evidence.fit_item_weights import BehaviourSettings
from longtail.training.evidence.fit_sequence_tower import SequenceSettings
from longtail.training.head.fit_head import HeadSettings
from longtail.training.towers.two_tower import LossSettings
from longtail.training.trainer.trainer import StageSettings


@dataclass(frozen=True)
class DataSettings:
    """How the log becomes train, valid and test, and the catalog head, tail and cold."""

    template: str = "auto"
    split: Literal["auto", "temporal", "leave-last", "given"] = "auto"
    valid_share: float = 0.1
    test_share: float = 0.1
    bucket_rule: str = "items:0.2"


@dataclass(frozen=True)
class ItemTowerSettings:
    """The text encoder, and how item texts are read.

    Attributes:
        encoder: folder or hub name of a text encoder.
        max_tokens: the tower reads that many at once, special tokens included.
        long_texts: longer texts are ``cut`` there, or read in pieces whose vectors are averaged
            (``average``). Fine-tuning reads the first piece alone.
        whitening_power: 0 only centres, 1 whitens fully.
        backend: what reads the texts of a whole catalog. ``auto`` measures what the machine
            offers and takes the fastest that passes the parity gate; a name is taken as it is,
            through the same gate.
    """

    encoder: str = DEFAULT_ENCODER
    max_tokens: int = 96
    whitening_power: float = USUAL_POWER
    backend: BackendSetting = "auto"
    long_texts: LongTexts = "cut"


@dataclass(frozen=True)
class UserTowerSettings:
    """The user tower.

    Attributes:
        kind: ``vectors`` reads item vectors, ``text`` the last items' texts.
        max_history: past items read.
        decay, layers, hidden, heads, dropout: of the vectors tower.
        offsets: whether past items have history offsets, learned from the log.
        text_kernel, ridge: of the closed form that offsets start from.
        closed_form_limit: catalogs with more items start from shrunk neighbours (the closed form
            takes the square of the catalog in memory).
        text_tokens, shared_weights: of the text tower.
    """

    kind: Literal["vectors", "text"] = "vectors"
    max_history: int = 20
    decay: float = 0.8
    layers: int = 2
    hidden: int = 128
    heads: int = 4
    dropout: float = 0.1
    offsets: bool = True
    text_kernel: float = 1.0
    ridge: float = 20.0
    closed_form_limit: int = 20_000
    text_tokens: int = 256
    shared_weights: bool = True


@dataclass(frozen=True)
class EvidenceSettings:
    """What is learned from the log beside the towers, for the relevance head.

    Attributes:
        enabled: without it the run lives on its towers alone.
        closed_form: of the item-to-item weights with the text kernel.
        transitions_by_text_limit: larger catalogs leave out transitions between like items.
    """

    enabled: bool = True
    closed_form: BehaviourSettings = field(default_factory=BehaviourSettings)
    transitions_by_text_limit: int = 200_000


@dataclass(frozen=True)
class SelectionSettings:
    """What is tried on validation.

    Attributes:
        max_users: validation users measured at each evaluation.
        popularity_weights: weights of log p tried; the best one overall serves in the first
            stage at debias 0.
    """

    max_users: int = 5_000
    popularity_weights: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class TrainingSettings:
    """A whole training run.

    The stages run in this order, each from where the one before ended, and each is undone when
    it doesn't improve validation: ``history`` (recency, history offsets), ``encoder`` (the user
    tower's BERT stack), ``text`` (the item tower's text encoder). After them the evidence is
    fitted (``behaviour``, ``sequence``), and on all of it the head (``relevance``). ``index`` says
    how the vectors are stored and searched.

    Attributes:
        refit: fit the evidence once more, on the train and valid parts, when everything has been
            chosen. The towers, the head, and head, tail and cold stay as they are.
    """

    seed: int = 0
    refit: bool = False
    data: DataSettings = field(default_factory=DataSettings)
    item_tower: ItemTowerSettings = field(default_factory=ItemTowerSettings)
    user_tower: UserTowerSettings = field(default_factory=UserTowerSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    history: StageSettings = field(default_factory=StageSettings)
    encoder: StageSettings = field(default_factory=StageSettings)
    text: StageSettings = field(default_factory=lambda: StageSettings(epochs=0))
    selection: SelectionSettings = field(default_factory=SelectionSettings)
    behaviour: EvidenceSettings = field(default_factory=EvidenceSettings)
    sequence: SequenceSettings = field(default_factory=SequenceSettings)
    relevance: HeadSettings = field(default_factory=HeadSettings)
    index: IndexSettings = field(default_factory=IndexSettings)

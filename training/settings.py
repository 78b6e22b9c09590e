"""All settings of a training run, one group for each of their readers.

A field's type, range, meaning and default stand together, here or beside the group's reader;
docs/settings.md and `longtail settings` are made from them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from longtail.retrieval.data.cuts.split_rule import SplitRule, split_text
from longtail.retrieval.data.meaning.behaviours import Meaning
from longtail.retrieval.errors import DataError
from longtail.retrieval.run.index_build import IndexSettings
from longtail.retrieval.settings import Settings
from longtail.retrieval.towers.backends.names import BackendSetting
from longtail.retrieval.towers.item_tower import PoolingSetting
from longtail.retrieval.towers.text.prompts import OWN
from longtail.retrieval.towers.text.text_pieces import LongTexts
from longtail.retrieval.towers.text.weights import DEFAULT_ENCODER
from longtail.retrieval.towers.whitening import USUAL_POWER
from longtail.training.co_taken.co_taken_settings import CoTakenSettings
from longtail.training.evidence.item_weights.item_weights_settings import ClosedFormSettings
from longtail.training.evidence.sequence_settings import SequenceSettings
from longtail.training.evidence.user_columns.user_columns_settings import UserColumnsSettings
from longtail.training.head.head_settings import HeadSettings
from longtail.training.losses.loss_settings import LossSettings
from longtail.training.stages.stage_settings import (
    EncoderStageSettings,
    HistoryStageSettings,
    TextStageSettings,
)
from longtail.training.tracking.tracking_settings import TrackingSettings


def _known_split(text: str) -> str:
    try:
        SplitRule.of(text)
    except DataError as error:
        raise PydanticCustomError("split", "{why}", {"why": str(error)}) from error
    return text


# YAML makes a date of what looks like one.
SplitSetting = Annotated[str, BeforeValidator(split_text), AfterValidator(_known_split)]


class DataSettings(Settings):
    """How the log becomes train, valid and test, and the catalog head, tail and cold."""

    template: Annotated[
        str,
        Field(
            description="the text of an item, e.g. `{title}. {brand}`; auto: title, brand, "
            "categories, description, then the other texts"
        ),
    ] = "auto"
    split: Annotated[
        SplitSetting,
        Field(
            description="auto: the owner's, else by time, else everyone's last events; or "
            "temporal, temporal-users (users alone who are known by then), leave-last, given; or "
            "the first days of valid and test, e.g. `2024-05-01,2024-06-01` or "
            "`temporal-users:2024-06-01`"
        ),
    ] = "auto"
    valid_share: Annotated[
        float, Field(ge=0, le=0.99, description="share of the log that is the valid part")
    ] = 0.1
    test_share: Annotated[
        float, Field(ge=0, le=0.99, description="share of the log that is the test part")
    ] = 0.1
    events: Annotated[
        dict[str, Meaning],
        Field(
            description="what an event means, by its name, beside the usual names: taken, seen, "
            "rejected, dropped, had or shown, e.g. `{like: taken, peek: seen}`"
        ),
    ] = Field(default_factory=dict)
    rating: Annotated[
        dict[Literal["taken", "rejected", "none"], str] | None,
        Field(
            description="from where on a rating is liked, up to where disliked, and what is none, "
            "e.g. `{taken: '>=4', rejected: '<=2', none: '<=0'}`; null: told by the scale"
        ),
    ] = None
    positive: Annotated[
        tuple[str, ...],
        Field(description="what is taken, like `weight>=4` or `event=purchase`; as --positive"),
    ] = ()
    keep: Annotated[
        tuple[str, ...],
        Field(description="filters that rows of the log must pass; as --keep"),
    ] = ()
    bucket_rule: Annotated[
        str,
        Field(
            description="what the head is: `items:0.2` the most popular fifth of the catalog, "
            "`mass:0.8` the fewest items with that share of the events, `count:5` those of so many "
            "users"
        ),
    ] = "items:0.2"


class ItemTowerSettings(Settings):
    """The text encoder, and how item texts are read."""

    encoder: Annotated[
        str,
        Field(
            description="folder or hub name of a text encoder; multilingual is "
            "multilingual-e5-small, which reads a hundred languages"
        ),
    ] = DEFAULT_ENCODER
    layers: Annotated[
        Annotated[int, Field(ge=1)] | Literal["all"],
        Field(description="the first so many layers of the encoder read, and cost their share"),
    ] = "all"
    pooling: Annotated[
        PoolingSetting,
        Field(
            description="makes one vector of those of the tokens: their mean, the first or the "
            "last; auto: the encoder's own"
        ),
    ] = OWN
    dims: Annotated[
        Annotated[int, Field(ge=2)] | Literal["all"],
        Field(description="length of an item vector: the leading axes of the whitening"),
    ] = "all"
    prompt: Annotated[
        str, Field(description="stands before each item's text; auto: what the model's files name")
    ] = OWN
    query_prompt: Annotated[
        str, Field(description="stands before a free-text query; auto: what the model's files name")
    ] = OWN
    # Two of them mark start and end of a text.
    max_tokens: Annotated[
        int,
        Field(ge=3, description="the tower reads that many at once, special tokens included"),
    ] = 96
    whitening_power: Annotated[
        float, Field(ge=0, le=1, description="0 only centres, 1 whitens fully")
    ] = USUAL_POWER
    backend: Annotated[
        BackendSetting,
        Field(
            description="what reads the texts of a whole catalog: auto measures what the machine "
            "offers and takes the fastest that passes the parity gate, a name is taken as it is, "
            "through the same gate; torch-float32 is exact"
        ),
    ] = "auto"
    long_texts: Annotated[
        LongTexts,
        Field(
            description="longer texts are cut there, or read in pieces whose vectors are averaged, "
            "at the cost of their length; fine-tuning reads the first piece alone"
        ),
    ] = "cut"

    def of_encoder(self) -> dict[str, Any]:
        """Return what `ItemTower.from_pretrained` takes."""
        return {
            "name": self.encoder,
            "max_tokens": self.max_tokens,
            "prompt": self.prompt,
            "query_prompt": self.query_prompt,
            "layers": None if self.layers == "all" else self.layers,
            "dims": None if self.dims == "all" else self.dims,
            "pooling": self.pooling,
        }


class UserTowerSettings(Settings):
    """The user tower."""

    kind: Annotated[
        Literal["vectors", "text"],
        Field(description="vectors reads item vectors, text the last items' texts"),
    ] = "vectors"
    max_history: Annotated[
        int, Field(ge=1, description="past items read; `behaviour.max_history` is of the rest")
    ] = 20
    # Its logarithm is what trains.
    decay: Annotated[
        float,
        Field(
            ge=0.001,
            le=1,
            description="kind vectors: where the learned recency weights start, decay ** age",
        ),
    ] = 0.8
    layers: Annotated[
        int,
        Field(ge=0, description="kind vectors: layers of the BERT stack; 0 leaves it out"),
    ] = 2
    hidden: Annotated[
        int, Field(ge=1, description="kind vectors: width of the stack, a multiple of `heads`")
    ] = 128
    heads: Annotated[int, Field(ge=1, description="kind vectors: attention heads of a layer")] = 4
    dropout: Annotated[
        float, Field(ge=0, le=0.99, description="kind vectors: dropout of the stack")
    ] = 0.1
    offsets: Annotated[
        bool,
        Field(
            description="kind vectors: whether past items have history offsets, learned from the "
            "log"
        ),
    ] = True
    text_kernel: Annotated[
        float,
        Field(
            ge=0,
            description="weight of the text kernel in the closed form that offsets start from",
        ),
    ] = 1.0
    ridge: Annotated[float, Field(ge=0, description="ridge of that closed form")] = 20.0
    closed_form_limit: Annotated[
        int,
        Field(
            ge=0,
            description="catalogs with more items start from shrunk neighbours (the closed form "
            "takes the square of the catalog in memory)",
        ),
    ] = 20_000
    text_tokens: Annotated[
        int, Field(ge=3, description="kind text: tokens of a history read at once")
    ] = 256
    shared_weights: Annotated[
        bool, Field(description="kind text: whether the item tower's encoder reads histories too")
    ] = True


class SelectionSettings(Settings):
    """What is tried on validation."""

    max_users: Annotated[
        int, Field(ge=1, description="validation users measured at each evaluation")
    ] = 5_000
    popularity_weights: Annotated[
        tuple[Annotated[float, Field(ge=0)], ...],
        Field(
            description="weights of log p tried; the best one overall serves in the first stage "
            "at debias 0"
        ),
    ] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
    few_targets: Annotated[
        int,
        Field(
            ge=0,
            description="with fewer targets in the valid part than this, nothing can say whether a "
            "stage pays, and all are left out",
        ),
    ] = 200


class EvidenceSettings(Settings):
    """Item-to-item weights from the log: candidates, and evidence for the relevance head."""

    enabled: Annotated[
        bool,
        Field(description="whether evidence is fitted, sequence towers included"),
    ] = True
    max_history: Annotated[
        Annotated[int, Field(ge=1)] | Literal["auto"],
        Field(
            description="past items read, not below 20; auto: 20, 50, 200 or whole histories, by "
            "validation, where histories are that long"
        ),
    ] = "auto"
    closed_form: ClosedFormSettings = ClosedFormSettings()
    transitions_by_text_limit: Annotated[
        int,
        Field(ge=0, description="larger catalogs leave out transitions between like items"),
    ] = 200_000
    words_limit: Annotated[
        int,
        Field(
            ge=0,
            description="larger catalogs leave out what words say of behaviour, whose time grows "
            "with the square of the catalog; 0: leave it out",
        ),
    ] = 60_000


class TrainingSettings(Settings):
    """A whole training run; the defaults are what configs/cpu.yaml says.

    The stages run in this order, each from where the one before ended, and each is undone when
    it doesn't improve validation: ``co_taken`` (a tuned item tower beside the pretrained one),
    ``history`` (recency, history offsets), ``encoder`` (the user
    tower's BERT stack), ``text`` (the item tower's text encoder). After them the evidence is
    fitted (``behaviour``, ``sequence``, ``user_columns``), and on all of it the head
    (``relevance``). ``index`` says how the vectors are stored and searched,
    and ``tracking`` who is told.
    """

    # The generators of NumPy and torch take nothing else.
    seed: Annotated[
        int,
        Field(
            ge=0,
            le=2**32 - 1,
            description="the same seed, data, settings and number of threads give the same bits",
        ),
    ] = 0
    refit: Annotated[
        bool,
        Field(
            description="fit the evidence once more, on the train and valid parts, when everything "
            "has been chosen; towers, relevance head, and head, tail and cold stay as they are"
        ),
    ] = True
    data: DataSettings = DataSettings()
    item_tower: ItemTowerSettings = ItemTowerSettings()
    user_tower: UserTowerSettings = UserTowerSettings()
    loss: LossSettings = LossSettings()
    co_taken: CoTakenSettings = CoTakenSettings()
    history: HistoryStageSettings = HistoryStageSettings()
    encoder: EncoderStageSettings = EncoderStageSettings()
    text: TextStageSettings = TextStageSettings()
    selection: SelectionSettings = SelectionSettings()
    behaviour: EvidenceSettings = EvidenceSettings()
    sequence: SequenceSettings = SequenceSettings()
    user_columns: UserColumnsSettings = UserColumnsSettings()
    relevance: HeadSettings = HeadSettings()
    index: IndexSettings = IndexSettings()
    tracking: TrackingSettings = TrackingSettings()

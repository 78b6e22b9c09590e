"""One encoder tried on a sample of a catalog: what it costs and gives, or why it can't be used."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from longtail.index.errors import LongtailError
from longtail.retrieval.errors import EncoderError
from longtail.retrieval.progress import Progress
from longtail.retrieval.towers.backends.torch_backend import TorchBackend
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.encoding import encode_pooled
from longtail.retrieval.towers.text.token_coverage import TokenCoverage, token_coverage
from longtail.retrieval.towers.text.tokens import TokenTable
from longtail.retrieval.towers.text.weights import resolve_encoder
from longtail.training.encoders.candidates import EncoderCandidate
from longtail.training.encoders.catalog_sample import CatalogSample
from longtail.training.encoders.content_figures import ContentFigures, content_figures
from longtail.training.settings import ItemTowerSettings
from longtail.training.stages.stages import training_device

# Read before anything is timed, and then timed, to tell whether the sample can be read in time.
_FIRST_TEXTS = 8
_TIMED_TEXTS = 48
_BYTES_A_NUMBER = 4
_MOST_SAID = 200
# Of weights that are tried without being named.
MOST_FOUND_GB = 4.0


@dataclass(frozen=True)
class EncoderTrial:
    """What came of one candidate.

    Attributes:
        candidate: which encoder, and how much of it.
        reason: why it can't be used, one line; None: it can.
        coverage: what its tokeniser makes of the texts; None: not known.
        dims: of an item vector.
        model_bytes: of its weights in a run, in float32.
        texts_per_second: read in float32 by PyTorch, on this machine.
        figures: of content kNN on validation; None: not measured.
        unmeasured: why not.
    """

    candidate: EncoderCandidate
    reason: str | None = None
    coverage: TokenCoverage | None = None
    dims: int = 0
    model_bytes: int = 0
    texts_per_second: float = 0.0
    figures: ContentFigures | None = None
    unmeasured: str | None = None

    @property
    def vector_bytes(self) -> int:
        """Of an item's vector, as an index in float32 holds it."""
        return self.dims * _BYTES_A_NUMBER

    def hours(self, n_items: int) -> float:
        """Return how long so many texts take to read."""
        return n_items / self.texts_per_second / 3600

    @property
    def knows_the_texts(self) -> bool:
        """Whether `TokenCoverage` has nothing to warn of."""
        return self.coverage is None or self.coverage.warning(self.candidate.encoder) is None


def try_encoder(
    candidate: EncoderCandidate,
    sample: CatalogSample,
    base: ItemTowerSettings,
    *,
    most_seconds: float,
    progress: Progress,
) -> EncoderTrial:
    """Return what the encoder is worth on the sample; one that can't be used gives its reason.

    Reading the sample takes at most ``most_seconds``: an encoder that would take longer isn't
    measured on validation, and has its speed alone.
    """
    try:
        return _tried(candidate, sample, base, most_seconds, progress)
    except LongtailError as error:
        return EncoderTrial(candidate, reason=_line(error))
    # Files of other people, read by libraries that fail in their own ways: the others are tried.
    except Exception as error:
        return EncoderTrial(candidate, reason=f"{type(error).__name__}: {_line(error)}")


def _tried(
    candidate: EncoderCandidate,
    sample: CatalogSample,
    base: ItemTowerSettings,
    most_seconds: float,
    progress: Progress,
) -> EncoderTrial:
    settings = candidate.settings(base)
    if candidate.found:
        _check_size(candidate.encoder)
    tower = ItemTower.from_pretrained(**settings.of_encoder()).to(training_device()).eval()
    backend = TorchBackend(tower)
    tokens = tower.tokenise(sample.texts)
    trial = EncoderTrial(
        candidate,
        coverage=_coverage(candidate.encoder, sample.texts),
        dims=tower.dim,
        model_bytes=_BYTES_A_NUMBER * sum(weight.numel() for weight in tower.parameters()),
    )
    speed = _speed(backend, tokens)
    seconds = len(sample) / speed
    if seconds > most_seconds:
        reason = (
            f"its sample would take {seconds:,.0f} s to read; --seconds {np.ceil(seconds):.0f} "
            "measures it"
        )
        return replace(trial, texts_per_second=speed, unmeasured=reason)
    began = perf_counter()

    def named(step: str, done: int, total: int) -> None:
        progress(f"{candidate.name}: {step}", done, total)

    pooled = encode_pooled(backend, tokens, progress=named)
    speed = len(sample) / max(perf_counter() - began, 1e-9)
    tower.set_whitening(tower.whitening_of(pooled, settings.whitening_power))
    vectors = tower.project_all(pooled)
    if not np.isfinite(vectors).all():
        raise EncoderError("its vectors hold what isn't a number; its weights are damaged")
    trial = replace(trial, texts_per_second=speed)
    if not len(sample.validation):
        return replace(trial, unmeasured="no log says what people take")
    return replace(trial, figures=content_figures(vectors, sample))


def _check_size(encoder: str) -> None:
    """Refuse what nobody has asked for and that would fill the memory."""
    files = Path(resolve_encoder(encoder).location).rglob("*.safetensors")
    gigabytes = sum(file.stat().st_size for file in files) / 1e9
    if gigabytes > MOST_FOUND_GB:
        raise EncoderError(f"its weights take {gigabytes:.1f} GB; --try {encoder} tries it")


def _speed(backend: TorchBackend, tokens: TokenTable) -> float:
    """Return texts a second on a part of the sample, evenly spread over it."""
    first = tokens.take(np.arange(min(_FIRST_TEXTS, len(tokens))))
    encode_pooled(backend, first)
    rows: NDArray[np.int64] = np.unique(np.linspace(0, len(tokens) - 1, _TIMED_TEXTS).astype(int))
    part = tokens.take(rows)
    began = perf_counter()
    encode_pooled(backend, part)
    return len(part) / max(perf_counter() - began, 1e-9)


def _coverage(encoder: str, texts: list[str]) -> TokenCoverage | None:
    """Return what its tokeniser knows; None where it is of a kind that can't be asked."""
    try:
        return token_coverage(encoder, texts)
    except (LongtailError, OSError, ValueError, AttributeError):
        return None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:_MOST_SAID]

"""Backends of the text encoder: the parity gate, the choice among them, and what they return."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import longtail, train_arguments
from numpy.typing import NDArray
from toy_shop import NO_STAGE, settings_for

from longtail.console.backend_summary import reading_line
from longtail.console.index_tables import info_tables
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.splits import Split
from longtail.retrieval.errors import BackendError, ParityError
from longtail.retrieval.run.bundle import open_bundle, read_manifest
from longtail.retrieval.towers.backends import choice, names
from longtail.retrieval.towers.backends.backend import TextBackend
from longtail.retrieval.towers.backends.choice import (
    choose_backend,
    choose_for_update,
    open_backend,
    sample_rows,
)
from longtail.retrieval.towers.backends.names import BackendName, backend_of_run
from longtail.retrieval.towers.backends.parity import measure_parity, neighbour_overlap, require
from longtail.retrieval.towers.backends.torch_backend import TorchBackend
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.encoding import encode_pooled
from longtail.retrieval.towers.text.tokens import TokenTable
from longtail.training.settings import TrainingSettings
from longtail.training.train import train_engine


class Bent:
    """PyTorch's vectors, turned by noise of this strength, and a clock that it moves."""

    tokens_per_batch = 256
    workers = 1

    def __init__(
        self,
        tower: ItemTower,
        name: str,
        noise: float,
        cost: float = 1.0,
        clock: Clock | None = None,
    ) -> None:
        self.name = name
        self._inner = TorchBackend(tower)
        self._noise, self._cost, self._clock = noise, cost, clock

    def pool(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        if self._clock is not None:
            self._clock.now += self._cost * len(ids)
        found = self._inner.pool(ids, mask)
        rng = np.random.default_rng(int(ids.sum()))
        turned = found + self._noise * rng.normal(size=found.shape).astype(np.float32)
        return np.asarray(turned / np.linalg.norm(turned, axis=1, keepdims=True))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def tokens(item_tower: ItemTower, catalog: Catalog) -> TokenTable:
    return item_tower.tokenise(catalog.texts())


def parity_of(tower: ItemTower, tokens: TokenTable, backend: TextBackend):  # type: ignore[no-untyped-def]
    reference = encode_pooled(TorchBackend(tower), tokens)
    return measure_parity(backend, reference, encode_pooled(backend, tokens))


class TestGate:
    def test_the_same_vectors_pass_with_whole_marks(
        self, item_tower: ItemTower, tokens: TokenTable
    ) -> None:
        found = parity_of(item_tower, tokens, Bent(item_tower, "other-int8", 0.0))
        require(found)
        assert [found.cosine, found.cosine_min] == pytest.approx([1.0, 1.0], abs=1e-6)
        assert (found.overlap, found.items) == (1.0, len(tokens))

    def test_a_backend_that_is_wrong_is_refused_with_its_numbers(
        self, item_tower: ItemTower, tokens: TokenTable
    ) -> None:
        found = parity_of(item_tower, tokens, Bent(item_tower, "other-int8", 0.1))
        assert found.cosine_min <= found.cosine_p1 <= found.cosine < 0.99
        with pytest.raises(ParityError, match=r"other-int8.*0\.\d{4} on 60 texts.*asked 0\.99\b"):
            require(found)

    @pytest.mark.parametrize(("number", "passes"), [("int8", True), ("bfloat16", False)])
    def test_each_number_format_has_its_own_limit(
        self, item_tower: ItemTower, tokens: TokenTable, number: str, passes: bool
    ) -> None:
        found = parity_of(item_tower, tokens, Bent(item_tower, f"other-{number}", 0.012))
        assert 0.99 < found.cosine < 0.999
        assert found.passed is passes

    def test_near_vectors_in_another_order_are_refused_by_their_neighbours(self) -> None:
        # All in one narrow cone: every cosine is high, whichever text it belongs to.
        rng = np.random.default_rng(0)
        cone = (np.ones(16) + 0.05 * rng.normal(size=(300, 16))).astype(np.float32)

        class Named:
            name = "other-int8"

        found = measure_parity(Named(), cone, np.roll(cone, 1, axis=0))  # type: ignore[arg-type]
        assert found.cosine > found.cosine_limit
        assert not found.passed
        assert found.overlap == pytest.approx(100 / 299, abs=0.05)

    def test_what_is_no_number_never_passes(
        self, item_tower: ItemTower, tokens: TokenTable
    ) -> None:
        found = parity_of(item_tower, tokens, Bent(item_tower, "other-int8", np.nan))
        assert not found.passed

    def test_one_text_has_no_neighbours_to_lose(self) -> None:
        one = np.ones((1, 4), np.float32)
        assert neighbour_overlap(one, one) == 1.0


class TestChoice:
    @pytest.fixture
    def bent(self, monkeypatch: pytest.MonkeyPatch) -> Clock:
        """Let a machine have backends that are fast and wrong, fast, and slow, by our clock."""
        clock = Clock()
        kinds = {
            "torch-bfloat16": (0.3, 0.1),
            "torch-float16": (1e-3, 0.5),
            "onnx-float32": (0.0, 2.0),
        }

        def opened(tower: ItemTower, name: BackendName) -> TextBackend:
            if name not in kinds:
                raise BackendError(f"{name}: not here")
            noise, cost = kinds[name]
            return Bent(tower, name, noise, cost, clock)

        def exact(tower: ItemTower) -> TextBackend:
            return Bent(tower, "torch-float32", 0.0, 1.0, clock)

        monkeypatch.setattr(choice, "open_backend", opened)
        monkeypatch.setattr(choice, "TorchBackend", exact)
        monkeypatch.setattr(choice, "not_worth_trying", lambda name, device: None)
        monkeypatch.setattr(choice, "perf_counter", clock)
        return clock

    def test_auto_takes_the_fastest_that_passes_the_gate(
        self, item_tower: ItemTower, tokens: TokenTable, bent: Clock
    ) -> None:
        found = choose_backend(item_tower, "auto", tokens, 50_000)
        assert found.backend.name == "torch-float16"
        assert found.parity is not None
        assert found.parity.passed
        assert "cosine to float32" in found.left_out["torch-bfloat16"], "the fastest was wrong"
        assert found.left_out["onnx-int8"] == "onnx-int8: not here"
        assert found.texts_per_second["torch-float16"] == pytest.approx(2.0)

    def test_auto_keeps_float32_where_nothing_faster_is_right(
        self,
        item_tower: ItemTower,
        tokens: TokenTable,
        bent: Clock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(choice, "LEAST_GAIN", 5.0)
        found = choose_backend(item_tower, "auto", tokens, 50_000)
        assert (found.backend.name, found.parity) == ("torch-float32", None)

    def test_few_texts_are_read_exactly_without_a_measurement(
        self, item_tower: ItemTower, tokens: TokenTable, bent: Clock
    ) -> None:
        assert choose_backend(item_tower, "auto", tokens, 60).backend.name == "torch-float32"
        assert choose_for_update(item_tower, "onnx-int8", tokens, 60).parity is None
        assert bent.now == 0.0

    def test_an_encoder_that_is_to_be_trained_is_not_exported(
        self, item_tower: ItemTower, tokens: TokenTable, bent: Clock
    ) -> None:
        found = choose_backend(item_tower, "auto", tokens, 50_000, will_train=True)
        assert "trained" in found.left_out["onnx-float32"]

    def test_a_named_one_that_is_wrong_is_refused(
        self, item_tower: ItemTower, tokens: TokenTable, bent: Clock
    ) -> None:
        with pytest.raises(ParityError, match="torch-bfloat16"):
            choose_backend(item_tower, "torch-bfloat16", tokens, 60)

    def test_a_missing_library_is_one_line_that_says_how_to_get_it(
        self, item_tower: ItemTower, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(names, "ONNX_PACKAGES", ("no_such_package",))
        with pytest.raises(BackendError, match=r"pip install \"longtail\[onnx\]\"") as refused:
            open_backend(item_tower, "onnx-int8")
        assert "\n" not in str(refused.value)

    def test_auto_leaves_int8_to_those_who_name_it(self) -> None:
        assert names.not_worth_trying("onnx-int8", torch.device("cpu")) is not None
        assert names.not_worth_trying("torch-float32", torch.device("cpu")) is None

    def test_float16_is_refused_on_a_processor(self, item_tower: ItemTower) -> None:
        with pytest.raises(BackendError, match="needs a GPU"):
            open_backend(item_tower, "torch-float16")

    def test_the_sample_is_the_same_each_time_and_has_no_text_twice(self) -> None:
        rows = sample_rows(5_000)
        assert rows.tolist() == sorted(set(rows.tolist())) == sample_rows(5_000).tolist()
        assert len(rows) == 1_000
        assert sample_rows(3).tolist() == [0, 1, 2]


NAMES = ["torch-float32", "torch-bfloat16", "onnx-float32", "onnx-int8"]


@pytest.fixture(scope="module", params=NAMES)
def backend(request: pytest.FixtureRequest, tiny_bert: Path) -> TextBackend:
    """Each backend over the tower of `item_tower`, opened once: an export takes seconds."""
    if request.param.startswith("onnx"):
        for package in names.ONNX_PACKAGES:
            pytest.importorskip(package)
    return open_backend(ItemTower.from_pretrained(str(tiny_bert), max_tokens=24), request.param)


class TestEveryBackend:
    def test_vectors_have_unit_length_also_of_empty_and_one_token_texts(
        self, item_tower: ItemTower, backend: TextBackend
    ) -> None:
        tokens = item_tower.tokenise(["", "tea", "tea " * 100, "drill gift"])
        nothing = TokenTable.of([np.empty(0, np.int32), np.int32([5])], tokens.pad_id)
        for table in (tokens, nothing):
            found = encode_pooled(backend, table)
            assert found.dtype == np.float32
            assert np.linalg.norm(found, axis=1) == pytest.approx(1.0, abs=1e-3)
            exact = encode_pooled(TorchBackend(item_tower), table)
            assert np.einsum("nd,nd->n", found, exact).min() > 0.98

    def test_it_passes_the_gate(
        self, item_tower: ItemTower, tokens: TokenTable, backend: TextBackend
    ) -> None:
        found = parity_of(item_tower, tokens, backend)
        # A random encoder of 32 dimensions spreads its errors over few numbers.
        assert found.cosine >= found.cosine_limit - 0.005, str(found)

    @pytest.mark.parametrize("tokens_per_batch", [1, 64, 100_000])
    def test_vectors_do_not_depend_on_who_shares_the_batch(
        self,
        tokens: TokenTable,
        backend: TextBackend,
        tokens_per_batch: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        usual = encode_pooled(backend, tokens)
        monkeypatch.setattr(backend, "tokens_per_batch", tokens_per_batch)
        found = encode_pooled(backend, tokens)
        cosines = np.einsum("nd,nd->n", usual, found)
        # int8 is scaled by the batch's largest numbers.
        least = {"float32": 0.99999, "bfloat16": 0.999, "int8": 0.98}
        assert cosines.min() > least[backend.name.rpartition("-")[2]]


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["torch-float32", "torch-bfloat16", "torch-float16"])
def test_a_gpu_gives_the_processor_s_vectors(
    item_tower: ItemTower, tokens: TokenTable, name: BackendName
) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    expected = encode_pooled(TorchBackend(item_tower), tokens)
    backend = open_backend(item_tower.to("cuda"), name)
    require(measure_parity(backend, expected, encode_pooled(backend, tokens)))


class TestOnnx:
    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        for package in names.ONNX_PACKAGES:
            pytest.importorskip(package)

    def test_an_encoder_that_cannot_be_exported_is_one_line(
        self, item_tower: ItemTower, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(*_: object, **__: object) -> None:
            raise RuntimeError("no such operation\nin line 3")

        monkeypatch.setattr(torch.onnx, "export", fails)
        with pytest.raises(BackendError, match=r"ONNX \(no such operation in line 3\)"):
            open_backend(item_tower, "onnx-float32")

    def test_an_encoder_that_reads_its_first_token_is_read_so_and_nothing_is_left_behind(
        self,
        item_tower: ItemTower,
        tokens: TokenTable,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        item_tower.sentence_transformer[1] = Pooling(item_tower.dim_pooled, pooling_mode="cls")
        before = item_tower.fingerprint()
        assert parity_of(item_tower, tokens, open_backend(item_tower, "onnx-float32")).passed
        assert item_tower.fingerprint() == before
        assert list(tmp_path.iterdir()) == []


def test_train_refuses_a_missing_library_before_any_work(
    shop_files: Path, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "ONNX_PACKAGES", ("no_such_package",))
    words = train_arguments(tiny_bert, "item_tower.backend=onnx-int8")
    done = longtail("train", shop_files, *words, "--out", tmp_path / "run")
    assert 'pip install "longtail[onnx]"' in done.complaint
    assert list(tmp_path.iterdir()) == []


class TestRecord:
    @pytest.fixture
    def settings(self, tiny_bert: Path) -> TrainingSettings:
        return settings_for(tiny_bert, history=NO_STAGE, encoder=NO_STAGE)

    def test_the_manifest_says_what_read_the_texts_and_how_near_it_comes(
        self, catalog: Catalog, split: Split, settings: TrainingSettings, tmp_path: Path
    ) -> None:
        tower = settings.item_tower.changed(backend="torch-bfloat16")
        run = tmp_path / "run"
        train_engine(catalog, split, settings.changed(item_tower=tower), run)
        summary = read_manifest(run)["summary"]
        found = summary["text_backend"]
        assert found["backend"] == "torch-bfloat16" == backend_of_run(open_bundle(run).summary)
        assert found["parity"]["passed"] is True
        assert found["parity"]["items"] == len(catalog)
        assert 0.999 <= found["parity"]["cosine"] <= 1.0
        said = reading_line(summary)
        assert said.startswith(f"torch-bfloat16 (cosine to float32 {found['parity']['cosine']:.4f}")
        cells = [cell for column in info_tables(run)[0].columns for cell in column.cells]
        assert said in cells

    def test_a_backend_that_fails_the_gate_ends_the_training_and_leaves_nothing(
        self,
        catalog: Catalog,
        split: Split,
        settings: TrainingSettings,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        wrong = lambda tower, name: Bent(tower, name, 0.5)  # noqa: E731
        monkeypatch.setattr(choice, "open_backend", wrong)
        tower = settings.item_tower.changed(backend="torch-bfloat16")
        with pytest.raises(ParityError, match="cosine to float32"):
            train_engine(catalog, split, settings.changed(item_tower=tower), tmp_path / "run")
        assert not (tmp_path / "run").exists()

    def test_a_run_of_before_backends_is_read_exactly(self) -> None:
        assert backend_of_run({}) == "torch-float32"
        assert reading_line({}).startswith("not recorded")

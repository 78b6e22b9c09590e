"""Reading a whole catalog: once each text, in chunks, through any interruption."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from processes import LONGEST_WAIT_S, line_of, started_python, wait_until

import longtail.retrieval.towers.catalog_encoding
from longtail.retrieval.towers.backends.torch_backend import TorchBackend
from longtail.retrieval.towers.catalog_encoding import (
    PooledVectors,
    embed_texts,
    list_texts,
    text_blocks,
)
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.encoding import encode_pooled
from longtail.retrieval.towers.text.text_pieces import LongTexts

ROOT = Path(__file__).resolve().parents[2]
WORDS = ("oolong", "sencha", "rooibos", "drill", "saw", "plane", "pastel", "ink", "cup", "wood")
TEXTS = [f"{a} {b} {c}" for a in WORDS for b in WORDS for c in WORDS[:3]]


class CountingBackend(TorchBackend):
    """PyTorch that knows how many texts it has read."""

    def __init__(self, tower: ItemTower) -> None:
        super().__init__(tower)
        self.workers = 1
        self.texts = 0

    def pool(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        self.texts += len(ids)
        return super().pool(ids, mask)


Embed = Callable[..., PooledVectors]


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(longtail.retrieval.towers.catalog_encoding, "ITEMS_PER_CHUNK", 32)


@pytest.fixture
def embed(item_tower: ItemTower, tmp_path: Path, small_chunks: None) -> Embed:
    """Reads texts into one folder; the result says how many texts were read."""

    def read(
        texts: list[str], *, long_texts: LongTexts = "cut", tower: ItemTower = item_tower
    ) -> PooledVectors:
        backend = CountingBackend(tower)
        blocks = text_blocks(tower, list_texts(texts), len(texts), long_texts)
        found = embed_texts(tower, backend, blocks, len(texts), tmp_path / "cache")
        if long_texts == "cut":
            assert backend.texts == found.read
        return found

    return read


def test_the_vectors_are_those_of_the_tower_but_for_half_precision(
    embed: Embed, item_tower: ItemTower
) -> None:
    found = embed(TEXTS)
    exact = encode_pooled(TorchBackend(item_tower), item_tower.tokenise(TEXTS))
    assert found.all() == pytest.approx(exact, abs=3e-4)
    cosines = (found.all() * exact).sum(axis=1) / np.linalg.norm(found.all(), axis=1)
    assert cosines.min() > 0.99999
    assert found.projected(item_tower) == pytest.approx(item_tower.encode(TEXTS), abs=3e-4)
    assert found.part(slice(40, 90)) == pytest.approx(found.all()[40:90], abs=0)


class TestWhatIsReadAgain:
    def test_nothing_of_the_same_catalog_in_any_order(self, embed: Embed) -> None:
        before = embed(TEXTS).all()
        order = np.random.default_rng(0).permutation(len(TEXTS))
        again = embed([TEXTS[i] for i in order])
        assert again.read == 0
        assert again.all().tobytes() == before[order].tobytes()

    def test_only_texts_that_changed_or_came(self, embed: Embed) -> None:
        before = embed(TEXTS).all()
        changed = [*TEXTS, "handle steel"]
        changed[7] = "garden studio brush"
        found = embed(changed)
        assert found.read == 2
        kept = np.delete(np.arange(len(TEXTS)), 7)
        assert found.all()[kept].tobytes() == before[kept].tobytes()
        assert np.abs(found.all()[7] - before[7]).max() > 1e-3

    def test_a_text_that_many_items_have_is_read_once(self, embed: Embed) -> None:
        texts = ["cup wood", "saw", "CUP  Wood", "cup wood"] * 50
        found = embed(texts)
        assert found.read == 2, "what reads alike is one text"
        vectors = found.all().reshape(50, 4, -1)
        assert (vectors[:, 0] == vectors[:, 3]).all()
        assert (vectors[:, 0] == vectors[:, 2]).all()

    def test_everything_by_an_encoder_whose_weights_have_moved(
        self, embed: Embed, item_tower: ItemTower
    ) -> None:
        before = embed(TEXTS).all()
        with torch.no_grad():
            for parameter in item_tower.text_encoder.parameters():
                parameter.mul_(1.3)
        after = embed(TEXTS)
        assert after.read == len(TEXTS)
        assert np.abs(after.all() - before).max() > 1e-3

    def test_nothing_where_only_the_linear_layer_has_moved(
        self, embed: Embed, item_tower: ItemTower
    ) -> None:
        embed(TEXTS)
        with torch.no_grad():
            item_tower.dense.linear.bias.add_(0.1)
        assert embed(TEXTS).read == 0

    def test_everything_under_another_token_limit(self, embed: Embed, tiny_bert: Path) -> None:
        embed(TEXTS)
        other = ItemTower.from_pretrained(str(tiny_bert), 12).eval()
        assert embed(TEXTS, tower=other).read == len(TEXTS)

    def test_only_longer_texts_when_they_are_read_otherwise(self, embed: Embed) -> None:
        texts = [*TEXTS, "leaves " * 100]
        assert embed(texts).longer == 1
        assert embed(texts, long_texts="average").read == 1


class TestChunks:
    def test_a_chunk_is_there_whole_or_not_at_all(self, embed: Embed, tmp_path: Path) -> None:
        embed(TEXTS)
        chunks = list((tmp_path / "cache").iterdir())
        assert len(chunks) >= 300 // 64
        assert all(path.name.startswith("vectors-") for path in chunks)

    def test_what_a_killed_process_left_goes_but_not_what_another_writes(
        self, embed: Embed, tmp_path: Path
    ) -> None:
        embed(TEXTS)
        left, writing = (tmp_path / "cache" / f".vectors-{n}.npy.tmp" for n in range(2))
        for path in (left, writing):
            path.write_bytes(b"half a chunk")
        os.utime(left, (0, 0))
        assert embed(TEXTS).read == 0
        assert not left.exists()
        assert writing.exists()

    @pytest.mark.parametrize("harm", ["cut short", "one bit", "emptied", "something else"])
    def test_a_damaged_chunk_is_noticed_and_its_texts_are_read_again(
        self, embed: Embed, tmp_path: Path, harm: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        before = embed(TEXTS).all()
        chunk = sorted((tmp_path / "cache").iterdir())[1]
        content = bytearray(chunk.read_bytes())
        size = len(np.load(chunk))
        if harm == "cut short":
            content = content[:-100]
        elif harm == "one bit":
            content[len(content) // 2] ^= 16
        else:
            content = bytearray(b"" if harm == "emptied" else b"vectors?" * 99)
        chunk.write_bytes(content)
        with caplog.at_level(logging.WARNING, "longtail.retrieval"):
            found = embed(TEXTS)
        assert found.read == size
        assert found.all() == pytest.approx(before, abs=3e-4)
        assert f"{chunk} was damaged; its texts are read again" in caplog.text
        assert embed(TEXTS).read == 0

    def test_an_interrupted_reading_keeps_its_finished_chunks(
        self, item_tower: ItemTower, tmp_path: Path, small_chunks: None
    ) -> None:
        class Interrupted(CountingBackend):
            def pool(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
                if self.texts >= 150:
                    raise KeyboardInterrupt
                return super().pool(ids, mask)

        def read(backend: TorchBackend, folder: Path) -> PooledVectors:
            blocks = text_blocks(item_tower, list_texts(TEXTS), len(TEXTS))
            return embed_texts(item_tower, backend, blocks, len(TEXTS), folder)

        stopped = Interrupted(item_tower)
        with pytest.raises(KeyboardInterrupt):
            read(stopped, tmp_path / "stopped")
        backend = CountingBackend(item_tower)
        found = read(backend, tmp_path / "stopped")
        assert 0 <= stopped.texts + backend.texts - 300 <= 32, "at most one chunk is read twice"
        at_once = read(CountingBackend(item_tower), tmp_path / "whole")
        assert found.all().tobytes() == at_once.all().tobytes()

    def test_progress_is_told_in_items_of_the_catalog(
        self, item_tower: ItemTower, tmp_path: Path, small_chunks: None
    ) -> None:
        told: list[int] = []

        def progress(step: str, done: int, total: int) -> None:
            assert (step, total) == ("reading item texts", 600)
            told.append(done)

        blocks = text_blocks(item_tower, list_texts(TEXTS * 2), 600)
        embed_texts(
            item_tower, TorchBackend(item_tower), blocks, 600, tmp_path / "c", progress=progress
        )
        assert told == sorted(told)
        assert told[-1] == 600


READER = """
import sys
from pathlib import Path
import longtail.retrieval.towers.catalog_encoding as embedding
from longtail.retrieval.towers.backends.torch_backend import TorchBackend
from longtail.retrieval.towers.item_tower import ItemTower
embedding.ITEMS_PER_CHUNK = 16
tower = ItemTower.from_pretrained(sys.argv[1], 24)
texts = [f"{n} saw {n % 7}" for n in range(20_000)]
blocks = embedding.text_blocks(tower, embedding.list_texts(texts), len(texts))
print("reading", flush=True)
embedding.embed_texts(tower, TorchBackend(tower), blocks, len(texts), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("seed", [0, 1])
def test_a_process_that_is_killed_at_any_moment_goes_on_where_it_was(
    item_tower: ItemTower,
    tiny_bert: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    monkeypatch.setattr(longtail.retrieval.towers.catalog_encoding, "ITEMS_PER_CHUNK", 16)
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    with started_python("-c", READER, tiny_bert, killed) as process:
        assert line_of(process) == "reading"
        wait_until(lambda: len(list(killed.glob("vectors-*.npy"))) >= 5, process)
        time.sleep(float(np.random.default_rng(seed).uniform(0, 0.3)))
        process.send_signal(signal.SIGKILL)
        assert process.wait(LONGEST_WAIT_S) == -signal.SIGKILL, "it was still reading"
    done = sum(len(np.load(path)) for path in killed.glob("vectors-*.npy"))
    n = done + 100
    texts = [f"{number} saw {number % 7}" for number in range(n)]

    def read(folder: Path) -> tuple[PooledVectors, int]:
        backend = CountingBackend(item_tower)
        blocks = text_blocks(item_tower, list_texts(texts), n)
        return embed_texts(item_tower, backend, blocks, n, folder), backend.texts

    found, read_now = read(killed)
    assert read_now == 100, "what lay in finished chunks was read again"
    at_once, _ = read(whole)
    assert found.all().tobytes() == at_once.all().tobytes()


class TestMemory:
    def test_it_doesn_t_grow_with_the_catalog(
        self, item_tower: ItemTower, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Held objects, not the resident set: what a run keeps is 24 bytes a text."""
        import tracemalloc

        monkeypatch.setattr(longtail.retrieval.towers.catalog_encoding, "ITEMS_PER_CHUNK", 128)

        class Instant(CountingBackend):
            def pool(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
                return np.ones((len(ids), 512), np.float32)

        def peak(n: int) -> int:
            def texts(rows: NDArray[np.int64]) -> list[str]:
                return [f"{row} saw" for row in rows.tolist()]

            tracemalloc.start()
            blocks = text_blocks(item_tower, texts, n)
            embed_texts(item_tower, Instant(item_tower), blocks, n, tmp_path / str(n))
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            return most

        peak(256)  # what is made once, e.g. by imports
        # So far apart that what threads hold at the moment of a peak doesn't matter.
        small, large = peak(2_000), peak(34_000)
        # Threads of other tests may hold something, too; the vectors alone are 66 MB as float32.
        assert large - small < 32_000 * 64

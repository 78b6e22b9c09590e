"""Any backend over many texts: order, threads, modes, and texts at both ends of length."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from processes import LONGEST_WAIT_S

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.towers.backends.torch_backend import TorchBackend
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.encoding import encode_pooled, reading_threads
from longtail.retrieval.towers.text.text_pieces import join_pieces
from longtail.retrieval.towers.text.tokens import TokenTable

MEGABYTE = "leaves cup brew garden " * 45_000


class NamingBackend:
    """Gives each text the vector of its first and its last token, in batches of a few texts."""

    name = "naming"
    tokens_per_batch = 40

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.threads: set[int] = set()
        # All workers must be there at once, or the wait breaks.
        self._meeting = threading.Barrier(workers, timeout=LONGEST_WAIT_S)
        self._met = False

    def pool(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        self.threads.add(threading.get_ident())
        if not self._met:
            self._meeting.wait()
            self._met = True
        last = mask.sum(axis=1) - 1
        return np.stack([ids[:, 0], ids[np.arange(len(ids)), last]], axis=1).astype(np.float32)


def numbered(lengths: list[int]) -> TokenTable:
    """Return texts of these lengths whose last token is the text's number."""
    return TokenTable.of(
        [np.array([7] * (n - 1) + [i], np.int32) for i, n in enumerate(lengths)], 0
    )


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_vectors_come_in_the_order_of_the_texts(workers: int) -> None:
    lengths = np.random.default_rng(0).integers(1, 60, 300).tolist()
    backend = NamingBackend(workers)
    found = encode_pooled(backend, numbered(lengths))
    assert found[:, 1].tolist() == list(range(300))
    assert len(backend.threads) == workers


def test_workers_change_neither_the_vectors_nor_the_threads_of_the_process(
    item_tower: ItemTower, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = item_tower.tokenise(catalog.texts())
    backend = TorchBackend(item_tower)
    backend.tokens_per_batch, backend.workers = 60, 1
    alone = encode_pooled(backend, tokens)
    before = torch.get_num_threads()
    backend.workers = 3
    assert encode_pooled(backend, tokens).tobytes() == alone.tobytes()
    assert torch.get_num_threads() == before


def test_threads_of_a_caller_who_comes_again_are_used_each_time() -> None:
    class Naming(NamingBackend):
        def pool(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
            # The system gives a new thread the number of one that ended.
            there.add(threading.current_thread())
            return super().pool(ids, mask)

    there: set[threading.Thread] = set()
    backend = Naming(2)
    before = torch.get_num_threads()
    with reading_threads(backend) as threads:
        for _ in range(5):
            encode_pooled(backend, numbered([5] * 100), threads=threads)
    assert len(there) == 2
    assert torch.get_num_threads() == before
    with reading_threads(Naming(1)) as none:
        assert none is None


def test_a_failure_in_a_worker_is_the_caller_s() -> None:
    class Failing(NamingBackend):
        def pool(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
            raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        encode_pooled(Failing(2), numbered([5] * 100))


def test_there_has_to_be_a_text(item_tower: ItemTower) -> None:
    with pytest.raises(ValueError, match="no text"):
        encode_pooled(TorchBackend(item_tower), item_tower.tokenise([]))


def test_a_tower_that_trains_is_read_without_its_dropout_and_goes_on_training(
    item_tower: ItemTower, catalog: Catalog
) -> None:
    tokens = item_tower.tokenise(catalog.texts())
    quiet = encode_pooled(TorchBackend(item_tower), tokens)
    item_tower.train()
    found = encode_pooled(TorchBackend(item_tower), tokens)
    assert found.tobytes() == quiet.tobytes()
    assert all(module.training for module in item_tower.text_encoder.modules())


def test_a_backend_reads_with_the_weights_as_they_are(item_tower: ItemTower) -> None:
    tokens = item_tower.tokenise(["oolong small", "drill gift"])
    backend = TorchBackend(item_tower)
    before = encode_pooled(backend, tokens)
    with torch.no_grad():
        for parameter in item_tower.text_encoder.parameters():
            parameter.mul_(1.3)
    assert np.abs(encode_pooled(backend, tokens) - before).max() > 1e-3


def test_empty_one_word_and_very_long_texts_share_a_catalog(item_tower: ItemTower) -> None:
    texts = ["", "cup", MEGABYTE, "drill gift", ""]
    for pieces in (item_tower.pieces(texts), item_tower.pieces(texts, "average")):
        assert len(pieces) == 5
        assert pieces.longer == 1
        found = pieces.average(encode_pooled(TorchBackend(item_tower), pieces.tokens))
        assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)
        assert found[0] == pytest.approx(found[4], abs=1e-6)
        assert found[3] == pytest.approx(item_tower.encode(texts[3:4])[0], abs=1e-5)


class TestLongTexts:
    # 22 words and two special tokens are what the tower reads at once.
    WORDS = ("oolong sencha rooibos matcha drill saw plane chisel acrylic gouache pastel " * 5)[:-1]

    def test_a_text_becomes_pieces_of_the_limit_each_with_its_special_tokens(
        self, item_tower: ItemTower
    ) -> None:
        pieces = item_tower.pieces(["cup", self.WORDS, "saw"], "average")
        assert pieces.first.tolist() == [0, 1, 4, 5]
        assert pieces.tokens.lengths.tolist() == [3, 24, 24, 13, 3]
        words = self.WORDS.split()
        parts = [" ".join(words[start : start + 22]) for start in (0, 22, 44)]
        alone = item_tower.tokenise(parts)
        for place, expected in enumerate(parts):
            assert pieces.tokens[1 + place].tolist() == alone[place].tolist(), expected

    def test_the_vector_is_the_mean_of_the_pieces_by_their_tokens(
        self, item_tower: ItemTower
    ) -> None:
        pieces = item_tower.pieces([self.WORDS, "saw"], "average")
        parts = encode_pooled(TorchBackend(item_tower), pieces.tokens)
        mean = 24 * parts[0] + 24 * parts[1] + 13 * parts[2]
        found = pieces.average(parts)
        assert found[0] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)
        assert found[1] == pytest.approx(parts[3], abs=1e-6)

    def test_what_lies_behind_the_limit_counts_only_when_averaged(
        self, item_tower: ItemTower
    ) -> None:
        texts = [f"{self.WORDS} cup", f"{self.WORDS} handle"]
        found = {
            long_texts: (
                pieces := item_tower.pieces(texts, long_texts)  # type: ignore[arg-type]
            ).average(encode_pooled(TorchBackend(item_tower), pieces.tokens))
            for long_texts in ("cut", "average")
        }
        assert found["cut"][0] == pytest.approx(found["cut"][1], abs=1e-6)
        assert np.abs(found["average"][0] - found["average"][1]).max() > 1e-4

    def test_a_text_that_just_fits_is_not_longer(self, item_tower: ItemTower) -> None:
        words = self.WORDS.split()
        texts = [" ".join(words[:22]), " ".join(words[:23])]
        pieces = item_tower.pieces(texts, "average")
        assert pieces.longer == 1
        assert pieces.first.tolist() == [0, 1, 3]

    def test_beginnings_are_the_texts_cut(self, item_tower: ItemTower) -> None:
        texts = ["cup", self.WORDS, "saw", self.WORDS]
        cut = item_tower.tokenise(texts)
        pieces = item_tower.pieces(texts, "average")
        found = join_pieces([pieces.take(np.array([0, 1])), pieces.take(np.array([2, 3]))])
        assert found.beginnings().ids.tolist() == cut.ids.tolist()
        assert found.beginnings().offsets.tolist() == cut.offsets.tolist()

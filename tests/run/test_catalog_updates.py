"""A catalog that changes after training: what is kept by row, and what is known of whom."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from longtail.index.errors import DamagedFileError
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.catalog_schema import conformed
from longtail.retrieval.data.filters import where_mask
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.popularity import COLD, POOL_NAMES, Popularity
from longtail.retrieval.errors import DataError
from longtail.retrieval.features.evidence_models import EvidenceModels
from longtail.retrieval.features.item_weights import ItemWeights
from longtail.retrieval.run import catalog_updates as updates
from longtail.retrieval.run.catalog_state import CatalogState
from longtail.retrieval.run.row_mapping import RowMapping
from longtail.retrieval.run.served_run import open_run
from longtail.retrieval.towers.sequence_tower import SequenceTower, SequenceTowerShape
from longtail.retrieval.towers.user_tower import ItemSource
from longtail.retrieval.towers.vector_user_tower import VectorUserTower, VectorUserTowerShape


def shop(*ids: str) -> Catalog:
    return Catalog(
        pd.DataFrame({"item_id": ids, "title": [f"The {i}" for i in ids], "price": 1.0}), "{title}"
    )


def untouched(catalog: Catalog, counts: list[int]) -> CatalogState:
    popularity = Popularity.from_counts(np.array(counts), catalog.item_ids, "items:0.4")
    return CatalogState.of_trained(catalog, popularity)


def more(*ids: str) -> pd.DataFrame:
    return pd.DataFrame({"item_id": ids, "title": [f"New {i}" for i in ids], "price": np.nan})


def grown(state: CatalogState, trained_row: list[int], items: pd.DataFrame) -> CatalogState:
    m = len(items)
    return state.grown(
        np.array(trained_row, np.int64),
        np.zeros(m, np.int64),
        np.full(m, COLD, np.int8),
        items,
    )


class TestState:
    def test_what_is_added_comes_last_and_what_is_changed_stays_in_its_place(self) -> None:
        trained = shop("a", "b", "c")
        state = grown(untouched(trained, [5, 1, 0]), [-1, -1], more("d", "e"))
        state = state.with_items(np.array([3, 0]), more("d", "a").assign(title=["D", "A"]))
        found = state.catalog(trained)
        assert found.item_ids.tolist() == ["a", "b", "c", "d", "e"]
        assert found.frame["title"].tolist() == ["A", "The b", "The c", "D", "New e"]
        assert found.texts()[3] == "D"

    def test_a_state_without_changes_is_the_trained_catalog(self) -> None:
        trained = shop("a", "b", "c")
        found = untouched(trained, [5, 1, 0]).catalog(trained)
        pd.testing.assert_frame_equal(found.frame, trained.frame)
        assert found.removed is None

    def test_it_comes_back_from_the_disk(self, tmp_path: Path) -> None:
        trained = shop("a", "b", "c")
        state = grown(untouched(trained, [5, 1, 0]), [-1], more("d\n"))
        state.save(tmp_path)
        again = CatalogState.load(tmp_path)
        assert again is not None
        pd.testing.assert_frame_equal(again.catalog(trained).frame, state.catalog(trained).frame)
        assert again.scale == state.scale
        assert (again.counts.tolist(), again.refreshed) == ([5, 1, 0, 0], None)

    def test_a_folder_that_is_not_there_is_no_state(self, tmp_path: Path) -> None:
        assert CatalogState.load(tmp_path / "attached") is None

    @pytest.mark.parametrize("name", ["state.json", "rows.parquet", "items.parquet"])
    def test_a_part_that_is_missing_is_damage(self, tmp_path: Path, name: str) -> None:
        untouched(shop("a", "b"), [1, 0]).save(tmp_path)
        (tmp_path / name).unlink()
        with pytest.raises(DamagedFileError) as error:
            CatalogState.load(tmp_path)
        assert "longtail index rollback" in str(error.value)
        assert "\n" not in str(error.value)

    @given(st.data())
    def test_any_order_of_changes_gives_what_a_dictionary_gives(self, data: st.DataObject) -> None:
        trained = shop("a", "b", "c")
        state = untouched(trained, [2, 1, 0])
        model = [("a", "The a"), ("b", "The b"), ("c", "The c")]
        for step in range(data.draw(st.integers(0, 8))):
            kind = data.draw(st.sampled_from(["add", "change", "drop"]))
            if kind == "add":
                state = grown(state, [-1], more(f"n{step}"))
                model.append((f"n{step}", f"New n{step}"))
            elif kind == "change":
                row = data.draw(st.integers(0, len(model) - 1))
                title = f"changed in {step}"
                items = more(model[row][0]).assign(title=title)
                state = state.with_items(np.array([row]), items)
                model[row] = (model[row][0], title)
            elif len(model) > 1:
                row = data.draw(st.integers(0, len(model) - 1))
                del model[row]
                state = state.take(np.delete(np.arange(len(state)), row))
        frame = state.catalog(trained).frame
        assert list(zip(frame["item_id"], frame["title"], strict=True)) == model


class TestRemovedItems:
    def catalog(self) -> Catalog:
        frame = shop("a", "b", "a").frame
        return Catalog(frame, "{title}", np.array([True, True, False]))

    def test_the_later_row_of_an_id_is_the_one_that_is_meant(self) -> None:
        assert self.catalog().rows_of(["a", "b", "x"]).tolist() == [2, 1, -1]
        assert self.catalog().offered(["a", "b", "x"]).tolist() == [2, -1, -1]
        assert self.catalog().n_offered == 1

    def test_removed_ids_are_not_suggested(self) -> None:
        assert self.catalog().near_ids("B") == []
        assert self.catalog().near_ids("A") == ["a"]


class TestPopularity:
    COUNTS = np.array([9, 4, 4, 1, 0])
    IDS = np.array(list("abcde"), dtype=object)

    def served(self, counts: list[int], removed: list[int]) -> Popularity:
        before = Popularity.from_counts(self.COUNTS, self.IDS, "items:0.4")
        bucket = np.concatenate([before.bucket, np.full(len(counts) - 5, COLD, np.int8)])
        gone = np.isin(np.arange(len(counts)), removed)
        return Popularity.of_served(np.array(counts), bucket, gone, before.rule, before.scale)

    def test_items_that_come_and_go_leave_the_log_probabilities_of_the_others(self) -> None:
        before = Popularity.from_counts(self.COUNTS, self.IDS, "items:0.4")
        after = self.served([*self.COUNTS, 0, 0], [1])
        assert after.log_p[:5].tobytes() == before.log_p.tobytes()
        assert after.centred[:5].tobytes() == before.centred.tobytes()
        assert after.log_p[5] == after.log_p[4]

    def test_the_centre_is_the_mean_of_the_catalog(self) -> None:
        before = Popularity.from_counts(self.COUNTS, self.IDS, "items:0.4")
        assert before.centred.tobytes() == (before.log_p - before.log_p.mean()).tobytes()

    def test_a_removed_item_is_in_no_pool_and_counts_for_no_percentile(self) -> None:
        after = self.served(self.COUNTS.tolist(), [0])
        assert not after.in_pool("all")[0]
        assert after.sizes() == {"head": 1, "tail": 2, "cold": 1}
        assert (
            after.percentile[1:].tolist()
            == Popularity.from_counts(
                self.COUNTS[1:], self.IDS[1:], "items:0.4"
            ).percentile.tolist()
        )

    def test_counts_drawn_anew_are_those_of_the_items_that_are_left(self) -> None:
        after = self.served(self.COUNTS.tolist(), [0]).recounted(
            np.array([100, 0, 1, 2, 9]), self.IDS
        )
        alone = Popularity.from_counts(np.array([0, 1, 2, 9]), self.IDS[1:], "items:0.4")
        assert after.bucket[1:].tolist() == alone.bucket.tolist()
        assert after.log_p[1:].tobytes() == alone.log_p.tobytes()
        assert after.sizes() == alone.sizes()


@st.composite
def layouts(draw: st.DrawFn) -> RowMapping:
    """Rows of a trained catalog of 5, some forgotten, some new, some twice."""
    rows = draw(st.lists(st.integers(-1, 4), min_size=1, max_size=9))
    return RowMapping.of(np.array(rows, np.int64), 5)


class TestTrainedRows:
    @given(layouts(), arrays(np.float32, (5, 5), elements=st.integers(0, 3).map(float)))
    def test_weights_between_items_stay_between_the_same_items(
        self, rows: RowMapping, weights: np.ndarray
    ) -> None:
        columns = np.tile(np.arange(5, dtype=np.int32), (5, 1))
        found = rows.item_weights(ItemWeights.from_rows(columns, weights))
        dense = np.zeros((len(rows.of_served), len(rows.of_served)), np.float32)
        for i, a in enumerate(rows.of_served):
            for j, b in enumerate(rows.of_served):
                if a >= 0 and b >= 0:
                    dense[i, j] = weights[a, b]
        assert found.matrix.toarray().tolist() == dense.tolist()
        assert all(np.diff(found.matrix[i].indices).min(initial=1) > 0 for i in range(len(dense)))

    @given(layouts())
    def test_an_item_has_one_row_at_most_and_the_last_one(self, rows: RowMapping) -> None:
        known = rows.of_served[rows.of_served >= 0]
        assert len(known) == len(set(known.tolist()))
        there = rows.to_served >= 0
        assert rows.of_served[rows.to_served[there]].tolist() == np.flatnonzero(there).tolist()

    def test_events_with_forgotten_items_are_gone(self) -> None:
        log = Interactions(
            np.array(["u"], object),
            np.zeros(3, np.int32),
            np.array([0, 1, 2], np.int32),
            np.arange(3),
            True,
            part=np.array([0, 1, 2], np.int8),
        )
        found = RowMapping.of(np.array([2, -1, 0]), 3).events(log)
        assert (found.item.tolist(), found.time.tolist()) == ([2, 0], [0, 2])
        assert found.part is not None
        assert found.part.tolist() == [0, 2]

    def test_a_new_item_is_its_text_to_both_towers(self) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            user = VectorUserTower(VectorUserTowerShape(dim=4, items=2, layers=0, max_history=3))
            torch.nn.init.normal_(user.offsets)
            sequence = SequenceTower(
                SequenceTowerShape(items=2, text_dim=4, dim=4, layers=1, heads=1, max_history=3)
            ).eval()
        # Served: the second item, one that came later, the first.
        rows = RowMapping.of(np.array([1, -1, 0]), 2)
        texts = torch.eye(4)[:3]
        before = user.history_vectors(ItemSource(texts[[2, 0]], torch.arange(2)))
        moved = rows.user_tower(user)
        assert isinstance(moved, VectorUserTower)
        after = moved.history_vectors(ItemSource(texts, torch.arange(3)))
        assert torch.equal(after[[2, 0]], before)
        assert torch.equal(after[1], texts[1])
        old = sequence.item_vectors(texts[[2, 0]], torch.arange(2))
        found = rows.evidence_models(EvidenceModels({}, {"sequence": sequence})).sequences[
            "sequence"
        ]
        new = found.item_vectors(texts, torch.arange(3))
        assert torch.allclose(new[[2, 0]], old)
        assert torch.allclose(
            new[1], torch.nn.functional.normalize(sequence.from_text(texts[1]), dim=-1)
        )
        histories = Histories.from_lists([[2, 1], [1]])
        assert found.encode(histories, new.detach()).shape == (2, 4)

    def test_a_catalog_that_only_grew_shares_what_was_learned(self) -> None:
        weights = ItemWeights.from_rows(np.array([[1], [0]]), np.array([[1.0], [2.0]]))
        rows = RowMapping.of(np.array([0, 1, -1, -1]), 2)
        found = rows.item_weights(weights)
        assert found.values is weights.values
        assert found.n_items == 4
        assert found.matrix[3].indices.tolist() == []


class TestColumns:
    SHOP = pd.DataFrame(
        {
            "item_id": ["a"],
            "title": ["Tea"],
            "code": ["007"],
            "price": [2.5],
            "stock": [3],
            "gift": [True],
            "since": pd.to_datetime(["2024-01-01"]),
        }
    )

    def test_numbers_of_a_text_column_become_text(self) -> None:
        found = conformed(pd.DataFrame({"item_id": ["b"], "code": [12]}), self.SHOP)
        assert found["code"].tolist() == ["12"]

    def test_an_empty_column_is_empty_whatever_it_holds_elsewhere(self) -> None:
        found = conformed(
            pd.DataFrame({"item_id": ["b"], "price": [""], "stock": [" "], "gift": [None]}),
            self.SHOP,
        )
        assert found[["title", "price", "stock", "gift", "since"]].isna().all().all()

    def test_columns_that_are_not_given_stay_as_they_are(self) -> None:
        given = pd.DataFrame({"item_id": ["a"], "price": [9.0]})
        found = conformed(given, self.SHOP, missing=self.SHOP)
        assert found.iloc[0].to_dict() == {**self.SHOP.iloc[0].to_dict(), "price": 9.0}

    def test_truth_values_with_gaps_stay_truth_values(self) -> None:
        shop = pd.DataFrame({"item_id": ["a", "b"], "gift": pd.Series([True, None], dtype=object)})
        for columns in ({"gift": [True]}, {}):
            found = conformed(pd.DataFrame({"item_id": ["c"], **columns}), shop)
            whole = pd.concat([shop, found], ignore_index=True)
            assert where_mask(whole, ["gift=true"]).tolist() == [True, False, bool(columns)]

    def test_large_integers_stay_exact_when_an_item_lacks_them(self) -> None:
        shop = pd.DataFrame({"item_id": ["a", "b"], "seller": [2**60, 2**60 + 1]})
        for columns in ({}, {"seller": [2**60 + 2]}):
            found = conformed(pd.DataFrame({"item_id": ["c"], **columns}), shop)
            whole = pd.concat([shop, found], ignore_index=True)
            clause = f"seller={2**60 + 1}"
            assert where_mask(whole, [clause]).tolist() == [False, True, False]

    def test_days_in_text_are_days_of_a_column_of_dates(self) -> None:
        found = conformed(pd.DataFrame({"item_id": ["b"], "since": ["2024-05-01"]}), self.SHOP)
        assert found["since"].tolist() == [pd.Timestamp(2024, 5, 1)]

    @pytest.mark.parametrize(
        ("column", "cell", "held"),
        [("price", "cheap", "numbers"), ("gift", 1, "truth values"), ("since", "now", "dates")],
    )
    def test_another_kind_of_value_is_refused(self, column: str, cell: object, held: str) -> None:
        with pytest.raises(DataError, match=f"column '{column}' holds {held}"):
            conformed(pd.DataFrame({"item_id": ["b"], column: [cell]}), self.SHOP)


class TestModel:
    """Random changes of the toy shop against a plain dictionary."""

    @settings(
        max_examples=60,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(st.data())
    def test_catalog_and_index_are_what_a_dictionary_says(
        self, trained_run: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
    ) -> None:
        served = open_run(trained_run)
        frame = served.bundle.catalog.frame
        first = served.index.vectors(np.arange(60))
        model = {
            item_id: (title, vector.tolist())
            for item_id, title, vector in zip(frame["item_id"], frame["title"], first, strict=True)
        }
        gone: list[str] = []
        rng = np.random.default_rng(data.draw(st.integers(0, 99)))
        for step in range(data.draw(st.integers(1, 7))):
            kind = data.draw(
                st.sampled_from(["add", "again", "update", "remove", "compact", "refresh", "disk"])
            )
            some = sorted(rng.choice(sorted(model), 3, replace=False).tolist())
            vectors = rng.normal(size=(3, served.index.dim)).astype(np.float32)
            if kind in ("add", "again"):
                ids = gone[-3:] if kind == "again" else [f"n{step}-{i}" for i in range(3)]
                ids = [item_id for item_id in dict.fromkeys(ids) if item_id not in model]
                if not ids:
                    continue
                items = frame.iloc[: len(ids)].assign(item_id=ids, title=f"new in {step}")
                served = updates.added(served, items, vectors[: len(ids)])
                for item_id, vector in zip(ids, vectors, strict=False):
                    model[item_id] = (f"new in {step}", vector.tolist())
            elif kind == "update":
                items = pd.DataFrame({"item_id": some, "title": f"changed in {step}"})
                change = updates.change_of(served, items)
                served = updates.changed(served, change, vectors)
                for item_id, vector in zip(some, vectors, strict=True):
                    model[item_id] = (f"changed in {step}", vector.tolist())
            elif kind == "remove":
                served = updates.removed(served, some)
                for item_id in some:
                    del model[item_id]
                gone += some
            elif kind == "compact":
                served = updates.compacted(served)
                assert served.index.n_items == len(model)
            elif kind == "refresh":
                served = updates.refreshed(served, served.bundle.log)
            else:
                run = tmp_path_factory.mktemp("model") / "run"
                shutil.copytree(trained_run, run)
                served.save(run)
                served = open_run(run)
        catalog = served.bundle.catalog
        rows = catalog.offered(list(model))
        assert (rows >= 0).all()
        assert catalog.n_offered == len(model)
        assert served.index.rows_of(list(model)).tolist() == rows.tolist()
        assert catalog.frame["title"].iloc[rows].tolist() == [title for title, _ in model.values()]
        assert served.index.vectors(rows).tolist() == [vector for _, vector in model.values()]
        popularity = served.bundle.popularity
        assert np.allclose(served.index.popularity(rows), popularity.centred[rows])
        assert sum(popularity.sizes().values()) == len(model)
        assert served.bundle.evidence_models.item_weights["closed_form"].n_items == len(catalog)


def test_bucket_names_have_an_order_that_is_stored() -> None:
    # Versions on disk hold positions in it.
    assert POOL_NAMES == ("head", "tail", "cold")

"""The run folder: whole, verified, movable, and refused when it isn't what was written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from processes import output_of_python

from longtail.index.errors import (
    DamagedFileError,
    ForeignIndexError,
    MissingVersionError,
    UnsupportedFormatError,
)
from longtail.index.storage.store import save_index
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.splits import Split
from longtail.retrieval.data.stored_interactions import load_interactions, save_interactions
from longtail.retrieval.errors import BundleError
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run.bundle import open_bundle, read_manifest, write_bundle
from longtail.retrieval.run.index_build import IndexSettings, build_index
from longtail.retrieval.run.sealed_json import write_sealed_json

ASK = """
import sys, warnings
warnings.simplefilter("error")
from longtail import Retriever
found = Retriever.open(sys.argv[1]).recommend(
    users=["ink-fan-0", "oolong-fan-3", "saw-fan-1"], k=12, pool="all", debias=0.4, explain=True
)
assert "longtail.training" not in sys.modules
found.to_parquet(sys.argv[2])
"""


def ask_in_a_new_process(run: Path, out: Path) -> pd.DataFrame:
    output_of_python("-c", ASK, run, out, place=out.parent)
    found = pd.read_parquet(out)
    found["because"] = [list(ids) for ids in found["because"]]
    return found


def ask_here(run: Path) -> pd.DataFrame:
    return Retriever.open(run).recommend(
        users=["ink-fan-0", "oolong-fan-3", "saw-fan-1"], k=12, pool="all", debias=0.4, explain=True
    )


class TestRoundTrip:
    def test_a_new_process_and_a_moved_folder_give_the_same_frame(
        self, run_copy: Path, tmp_path: Path
    ) -> None:
        here = ask_here(run_copy)
        moved = Path(shutil.move(run_copy, tmp_path / "elsewhere, ünder a new näme"))
        there = ask_in_a_new_process(moved, tmp_path / "found.parquet")
        pd.testing.assert_frame_equal(there, here, check_dtype=False)
        assert there["score"].to_numpy().tobytes() == here["score"].to_numpy().tobytes()

    def test_a_bundle_written_again_is_the_same_bundle(
        self, trained_run: Path, tmp_path: Path
    ) -> None:
        bundle = open_bundle(trained_run)
        (tmp_path / "again").mkdir()
        write_bundle(bundle, tmp_path / "again")
        first, again = (read_manifest(run)["files"] for run in (trained_run, tmp_path / "again"))
        changed = {
            name for name in first.keys() | again.keys() if first.get(name) != again.get(name)
        }
        # The tokenizer notes down that it has cut texts meanwhile; what it does is the same.
        assert changed <= {"item_tower/tokenizer_config.json"}

    def test_opening_changes_nothing_on_the_disk(self, run_copy: Path) -> None:
        before = {p: p.stat().st_mtime_ns for p in run_copy.rglob("*")}
        ask_here(run_copy)
        assert {p: p.stat().st_mtime_ns for p in run_copy.rglob("*")} == before

    def test_the_manifest_says_what_the_engine_is(self, trained_run: Path) -> None:
        manifest = read_manifest(trained_run)
        assert manifest["format"] == 2
        assert manifest["template"] == "{title}. {description}"
        assert manifest["bucket_rule"] == "items:0.2"
        assert sum(manifest["buckets"].values()) == 60
        assert {"torch", "transformers", "numpy"} <= set(manifest["versions"])
        assert manifest["config"]["user_tower"]["max_history"] == 8
        assert {s["stage"] for s in manifest["summary"]["stages"]} >= {"history", "encoder"}

    def test_nothing_in_it_is_pickled(self, trained_run: Path) -> None:
        names = {path.suffix for path in trained_run.rglob("*") if path.is_file()}
        assert names <= {
            ".json",
            ".safetensors",
            ".parquet",
            ".faiss",
            ".utf8",
            ".int64",
            ".txt",
            ".md",
            "",
        }
        first_bytes = [p.read_bytes()[:2] for p in trained_run.rglob("*") if p.is_file()]
        assert not [start for start in first_bytes if start[:1] == b"\x80"], "a pickle"

    def test_what_evaluation_adds_later_is_no_damage(self, run_copy: Path) -> None:
        for name in ("metrics.json", "report.html", "per_user.parquet"):
            (run_copy / name).write_text("written by evaluate")
        Retriever.open(run_copy)


class TestStoredLog:
    @pytest.mark.parametrize("optional", [True, False])
    def test_every_column_comes_back(self, tmp_path: Path, optional: bool) -> None:
        log = Interactions(
            np.array(["b", "a", "nobody's", "ü\n"], dtype=object),
            np.array([0, 0, 1, 3], np.int32),
            np.array([5, 2, 2, 9], np.int32),
            np.array([1, 2, 2**40, -3], np.int64),
            has_clock=False,
            weight=np.array([1.5, 0, 2, 3], np.float32) if optional else None,
            label=np.array([1, 0, 1, 1], np.int8) if optional else None,
            part=np.array([0, 1, 2, 0], np.int8) if optional else None,
        )
        save_interactions(log, tmp_path / "log.parquet")
        again = load_interactions(tmp_path / "log.parquet")
        assert again.user_ids.tolist() == log.user_ids.tolist()
        assert again.has_clock is False
        for name in ("user", "item", "time", "weight", "label", "part"):
            old, new = getattr(log, name), getattr(again, name)
            assert (old is None) == (new is None), name
            if old is not None:
                assert new.tolist() == old.tolist(), name
                assert new.dtype == old.dtype, name

    def test_a_log_without_events_comes_back(self, tmp_path: Path) -> None:
        nothing = np.empty(0, np.int32)
        log = Interactions(
            np.array(["a"], dtype=object), nothing, nothing, nothing.astype(np.int64), True
        )
        save_interactions(log, tmp_path / "log.parquet")
        again = load_interactions(tmp_path / "log.parquet")
        assert (len(again), again.user_ids.tolist()) == (0, ["a"])

    def test_ids_of_any_number_leave_the_footer_small(self, tmp_path: Path) -> None:
        ids = np.array([f"{n:0500d}" for n in range(3_000)], dtype=object)
        events = np.arange(10, dtype=np.int32)
        log = Interactions(ids, events + 2_900, events, events.astype(np.int64), True)
        save_interactions(log, tmp_path / "log.parquet")
        assert pq.read_metadata(tmp_path / "log.parquet").serialized_size < 20_000
        again = load_interactions(tmp_path / "log.parquet")
        assert again.user_ids.tolist() == ids.tolist()
        assert again.user.tolist() == list(range(2_900, 2_910))

    def test_a_log_of_an_earlier_version_is_read(self, tmp_path: Path) -> None:
        users = pa.DictionaryArray.from_arrays(pa.array([1, 0], pa.int32()), ["b", "a"])
        table = pa.table(
            {
                "user_id": users,
                "item_row": pa.array([7, 8], pa.int32()),
                "time": pa.array([1, 2], pa.int64()),
            }
        )
        header = {"has_clock": "false", "user_ids": '["nobody", "a", "b"]'}
        pq.write_table(table.replace_schema_metadata(header), tmp_path / "log.parquet")
        log = load_interactions(tmp_path / "log.parquet")
        assert log.user_ids[log.user].tolist() == ["a", "b"]
        assert (log.item.tolist(), log.time.tolist()) == ([7, 8], [1, 2])
        assert (len(log.user_ids), log.has_clock) == (3, False)

    def test_the_bundle_holds_the_whole_log_with_its_parts(
        self, trained_run: Path, split: Split
    ) -> None:
        stored, log = open_bundle(trained_run).log, split.interactions
        assert stored.part is not None
        assert stored.part.tolist() == split.part.tolist()
        assert stored.user.tolist() == log.user.tolist()
        assert stored.item.tolist() == log.item.tolist()


def flip_one_byte(path: Path, place: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 0x01
    path.write_bytes(bytes(content))


class TestDamage:
    def test_one_altered_byte_in_any_file_is_found(self, run_copy: Path) -> None:
        files = [path for path in sorted(run_copy.rglob("*")) if path.is_file()]
        assert len(files) > 15
        for path in files:
            whole = path.read_bytes()
            if not whole:
                continue
            flip_one_byte(path)
            with pytest.raises(DamagedFileError) as error:
                Retriever.open(run_copy)
            assert "\n" not in str(error.value)
            path.write_bytes(whole)
        Retriever.open(run_copy)

    def test_one_altered_byte_anywhere_in_the_manifest_is_found(self, run_copy: Path) -> None:
        path = run_copy / "manifest.json"
        whole = path.read_bytes()
        for place in np.random.default_rng(0).choice(len(whole), 400, replace=False):
            damaged = bytearray(whole)
            damaged[place] ^= 0x01
            path.write_bytes(bytes(damaged))
            with pytest.raises(DamagedFileError):
                read_manifest(run_copy)

    @pytest.mark.parametrize(
        "name", ["catalog.parquet", "item_tower/modules.json", "index/CURRENT"]
    )
    def test_a_missing_file_is_found(self, run_copy: Path, name: str) -> None:
        (run_copy / name).unlink()
        with pytest.raises((DamagedFileError, MissingVersionError)) as error:
            Retriever.open(run_copy)
        assert "\n" not in str(error.value)

    def test_a_file_cut_off_in_the_middle_is_found(self, run_copy: Path) -> None:
        path = run_copy / "user_tower" / "model.safetensors"
        path.write_bytes(path.read_bytes()[:100])
        with pytest.raises(DamagedFileError, match=r"has 100 bytes"):
            Retriever.open(run_copy)


class TestRefusal:
    def test_a_newer_format_asks_for_an_upgrade(self, run_copy: Path) -> None:
        path = run_copy / "manifest.json"
        manifest = {**json.loads(path.read_text()), "format": 3}
        path.write_text(json.dumps(manifest))
        with pytest.raises(UnsupportedFormatError, match="upgrade longtail"):
            Retriever.open(run_copy)

    def test_a_format_too_old_asks_for_another_training(self, run_copy: Path) -> None:
        path = run_copy / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "format": 1}))
        with pytest.raises(UnsupportedFormatError, match="train the run again"):
            Retriever.open(run_copy)

    def test_a_folder_without_manifest_is_no_run_folder(
        self, run_copy: Path, tmp_path: Path
    ) -> None:
        (run_copy / "manifest.json").unlink()
        for folder in (run_copy, tmp_path / "not there"):
            with pytest.raises(BundleError, match=r"no run folder .*longtail train"):
                Retriever.open(folder)

    def test_a_folder_in_the_middle_of_training_says_how_to_go_on(self, tmp_path: Path) -> None:
        (tmp_path / ".run.work").mkdir()
        with pytest.raises(BundleError, match="again with resume"):
            Retriever.open(tmp_path / "run")

    def test_the_index_of_another_tower_is_refused(self, run_copy: Path) -> None:
        bundle = open_bundle(run_copy)
        with torch.no_grad():
            bundle.item_tower.dense.linear.bias[0] += 0.5
        vectors = np.random.default_rng(0).normal(size=(60, 32)).astype(np.float32)
        save_index(build_index(bundle, vectors, IndexSettings()), run_copy / "index")
        with pytest.raises(ForeignIndexError) as error:
            Retriever.open(run_copy)
        assert "longtail index build" in str(error.value)
        assert "\n" not in str(error.value)

    def test_a_manifest_that_points_out_of_the_folder_is_refused(self, run_copy: Path) -> None:
        path = run_copy / "manifest.json"
        manifest = json.loads(path.read_text())
        manifest.pop("sha256")
        manifest["files"]["../secret"] = {"size": 1, "sha256": "0" * 64}
        write_sealed_json(path, manifest)
        with pytest.raises(DamagedFileError, match="outside it"):
            Retriever.open(run_copy)

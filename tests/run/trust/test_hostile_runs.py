"""Run folders that somebody altered and sealed again: refused in one line, nothing executed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sentence_transformers
import torch
from command_line import longtail

from longtail.index.errors import DamagedFileError, LongtailError
from longtail.index.files import record_files
from longtail.retrieval.errors import ModelNotFoundError
from longtail.retrieval.run.bundle import LATER_FILES, open_bundle, read_manifest
from longtail.retrieval.run.sealed_json import write_sealed_json
from longtail.retrieval.run.served_run import open_run
from longtail.retrieval.towers.item_tower import ItemTower

EVIL = """
from pathlib import Path
Path(__file__).with_name("executed").touch()
"""


def seal(run: Path, **entries: Any) -> None:
    """Make the manifest right for what lies in the folder now."""
    manifest = {**read_manifest(run), **entries}
    del manifest["sha256"]
    if "files" not in entries:
        records = record_files(run, leave_out=LATER_FILES)
        manifest["files"] = {name: asdict(record) for name, record in records.items()}
    write_sealed_json(run / "manifest.json", manifest)


def edit(path: Path, change: Callable[[Any], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def module_is(place: int, **entries: str) -> Callable[[Path], None]:
    return lambda run: edit(run / "item_tower/modules.json", lambda m: m[place].update(entries))


def setting(name: str, **entries: Any) -> Callable[[Path], None]:
    return lambda run: edit(run / "item_tower" / name, lambda settings: settings.update(entries))


def pickled(name: str) -> Callable[[Path], None]:
    def write(run: Path) -> None:
        (run / "item_tower" / name).with_name("model.safetensors").unlink()
        torch.save({"a": torch.zeros(1)}, run / "item_tower" / name)

    return write


def written(name: str, content: bytes) -> Callable[[Path], None]:
    def write(run: Path) -> None:
        (run / name).write_bytes(content)

    return write


def file_beside(name: str, content: str) -> Callable[[Path], None]:
    return written(name, content.encode())


# Of the item tower: no library is asked.
TOWERS = {
    "a module of its own": module_is(2, type="evil.Evil"),
    "a module of torch": module_is(2, type="torch.hub.load"),
    "a module of the library's internals": module_is(
        2, type="sentence_transformers.base.model.torch"
    ),
    "another module of the library": module_is(
        2, type="sentence_transformers.sentence_transformer.modules.Router"
    ),
    "a module elsewhere": module_is(1, path="../../../../tmp"),
    "a module at the root": module_is(1, path="/etc"),
    "a module without a folder": module_is(3, path=""),
    "one module more": lambda run: edit(
        run / "item_tower/modules.json", lambda modules: modules.append(modules[-1])
    ),
    "no modules": lambda run: (run / "item_tower/modules.json").unlink(),
    "modules that are none": file_beside("item_tower/modules.json", '{"a": 1}'),
    "an activation to call": setting("3_Dense/config.json", activation_function="torch.hub.load"),
    "code of its own": setting("config.json", auto_map={"AutoModel": "evil.Evil"}),
    "code for its tokenizer": setting(
        "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.Evil", None]}
    ),
    "trust asked for": setting("sentence_bert_config.json", model_args={"trust_remote_code": True}),
    "a method to call": setting(
        "sentence_bert_config.json", modality_config={"text": {"method": "save_pretrained"}}
    ),
    "a file of code": file_beside("item_tower/evil.py", EVIL),
    "an adapter": file_beside("item_tower/adapter_config.json", '{"peft_type": "LORA"}'),
    "layers without end": setting("config.json", num_hidden_layers=10**9),
    "pickled weights": pickled("pytorch_model.bin"),
    "a pickled layer": pickled("3_Dense/pytorch_model.bin"),
    "weights elsewhere": file_beside(
        "item_tower/model.safetensors.index.json", '{"weight_map": {"a": "../../x.safetensors"}}'
    ),
}


@pytest.mark.parametrize("alter", TOWERS.values(), ids=TOWERS)
def test_a_tower_of_other_make_is_refused_before_a_library_is_asked(
    alter: Callable[[Path], None], run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run_copy / "item_tower/executed").unlink(missing_ok=True)
    alter(run_copy)
    seal(run_copy)
    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", None)
    with pytest.raises(DamagedFileError) as refused:
        open_bundle(run_copy)
    assert "\n" not in str(refused.value)
    assert not (run_copy / "item_tower/executed").exists()


def events_of_row(row: int) -> Callable[[Path], None]:
    def write(run: Path) -> None:
        path = run / "histories.parquet"
        table = pq.read_table(path)
        rows = table["item_row"].to_pylist()
        place = table.column_names.index("item_row")
        altered = pa.array([row, *rows[1:]], pa.int32())
        table = table.set_column(place, "item_row", altered)
        pq.write_table(table.replace_schema_metadata(table.schema.metadata), path)

    return write


CONTENTS = {
    "rows beyond the catalog": events_of_row(2**31 - 1),
    "rows before the catalog": events_of_row(-5),
    "a header of weights without end": written(
        "evidence/next.safetensors", (2**60).to_bytes(8, "little") + b"{}"
    ),
    "a table that is none": written("catalog.parquet", b"PAR1 nonsense PAR1"),
    "settings that are none": written("user_tower/config.json", b"[1, 2"),
    "settings without end": written("user_tower/config.json", b"[" * 100_000),
    "another model": setting("config.json", model_type="evilmodel"),
    "a network of another width": lambda run: edit(
        run / "user_tower/config.json", lambda c: c["shape"].update(hidden=10**9)
    ),
    # Each of its matrices would take 10 GB.
    "a network of gigabytes": lambda run: edit(
        run / "user_tower/config.json", lambda c: c["shape"].update(hidden=50_000, heads=1)
    ),
    "a network of layers without end": lambda run: edit(
        run / "evidence/sequence_0/config.json", lambda c: c.update(layers=10**9)
    ),
    "evidence elsewhere": lambda run: edit(
        run / "evidence/sources.json", lambda c: c["behaviours"].append("../../../../etc/hostname")
    ),
    "evidence of fewer columns": lambda run: edit(
        run / "relevance_head/config.json", lambda c: c["names"].pop()
    ),
}


@pytest.mark.parametrize("alter", CONTENTS.values(), ids=CONTENTS)
def test_content_of_another_shape_is_refused(alter: Callable[[Path], None], run_copy: Path) -> None:
    alter(run_copy)
    seal(run_copy)
    with pytest.raises(LongtailError) as refused:
        open_bundle(run_copy)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "entries",
    [
        {"files": {}},
        {"files": {"catalog.parquet": {"size": 1, "sha256": "0"}}},
        {"files": {"/etc/passwd": {"size": 1, "sha256": "0" * 64}}},
        {"files": {"a/../../etc/passwd": {"size": 1, "sha256": "0" * 64}}},
        {"files": {"n" * 5_000: {"size": 1, "sha256": "0" * 64}}},
        {"files": {"n/" * 3_000: {"size": 1, "sha256": "0" * 64}}},
        {"files": {"a\0b": {"size": 1, "sha256": "0" * 64}}},
        {"files": {"a\nb": {"size": 1, "sha256": "0" * 64}}},
        {"files": {"\ud800": {"size": 1, "sha256": "0" * 64}}},
        {"files": {"": {"size": 1, "sha256": "0" * 64}}},
        {"files": {".": {"size": 1, "sha256": "0" * 64}}},
        {"files": {str(i): {"size": 1, "sha256": "0" * 64} for i in range(20_000)}},
        {"files": []},
        {"serving": {"temperature": 0.1, "extra": 1}},
        {"serving": None},
        {"item_tower": "0" * 64},
        {"bucket_rule": "items:1e999"},
    ],
    ids=lambda entries: str(entries)[:60],
)
def test_a_manifest_that_says_something_else_is_refused(
    entries: dict[str, Any], run_copy: Path
) -> None:
    seal(run_copy, **entries)
    with pytest.raises(LongtailError) as refused:
        open_run(run_copy)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 500


UNLISTED = [
    "item_tower/adapter_config.json",
    "item_tower/added_tokens.json",
    "item_tower/3_Dense/notes.txt",
    "item_tower/5_Dense/config.json",
    "item_tower/pair.json",
    "user_tower/x.safetensors",
    "relevance_head/unknown/scorer_9/trees.txt",
    "evidence/other.safetensors",
    "users/columns.json",
    "clock.safetensors",
    "index/v0001/attached/state.json",
    "index/v0001/tail.removed.int64",
]


@pytest.mark.parametrize("name", UNLISTED)
def test_an_unlisted_file_is_refused_wherever_it_would_be_read(name: str, run_copy: Path) -> None:
    path = run_copy / name
    assert not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    with pytest.raises(DamagedFileError, match="not among the files") as refused:
        open_run(run_copy)
    assert str(path) in str(refused.value)


def test_verify_names_an_unlisted_file_and_what_lies_elsewhere_is_the_owners(
    run_copy: Path,
) -> None:
    (run_copy / "notes.txt").write_text("ours")
    (run_copy / "reports").mkdir()
    (run_copy / "reports" / "may.html").write_text("ours")
    assert longtail("index", "verify", run_copy).code == 0
    (run_copy / "item_tower" / "adapter_config.json").write_text("{}")
    done = longtail("index", "verify", run_copy)
    assert "adapter_config.json is not among the files" in done.complaint


def test_a_linked_folder_within_is_refused(run_copy: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (run_copy / "item_tower" / "6_Dense").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DamagedFileError, match="6_Dense is not among the files"):
        open_bundle(run_copy)


def test_every_bit_that_flips_is_noticed(run_copy: Path) -> None:
    """One bit of every file of the run, in its middle, one file after another."""
    files = sorted(path for path in run_copy.rglob("*") if path.is_file() and path.stat().st_size)
    refused = 0
    for path in files:
        content = path.read_bytes()
        place = len(content) // 2
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        with pytest.raises(LongtailError):
            open_run(run_copy)
        refused += 1
        path.write_bytes(content)
    assert refused == len(files) > 30
    open_run(run_copy)


def test_an_encoder_with_a_module_of_its_own_is_not_run(tiny_bert: Path, tmp_path: Path) -> None:
    encoder = shutil.copytree(tiny_bert, tmp_path / "encoder")
    (encoder / "modules.json").write_text('[{"idx": 0, "name": "0", "path": "", "type": "evil.E"}]')
    with pytest.raises(ModelNotFoundError, match=r"a module of type evil\.E"):
        ItemTower.from_pretrained(str(encoder), max_tokens=8)

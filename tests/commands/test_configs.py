"""Every shipped configuration loads; a wrong one is refused with the key that is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from longtail.settings.settings_file import SettingsError, load_settings
from longtail.settings.settings_ranges import RANGES, RANGES_OF_KEYS
from longtail.training.settings import TrainingSettings

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
LISTS = ("popularity_weights", "popularity_strengths", "tail_weights", "relevance.hidden")
SHIPPED = sorted([*CONFIGS.rglob("*.yaml"), *CONFIGS.rglob("*.yml")])


def test_there_are_configurations() -> None:
    assert "cpu.yaml" in [path.name for path in SHIPPED]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_shipped_configuration_loads(path: Path) -> None:
    assert load_settings(path) != TrainingSettings()


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_no_file_an_empty_one_and_empty_groups_are_the_defaults(tmp_path: Path) -> None:
    for path in (None, write(tmp_path, ""), write(tmp_path, "history:\nloss:\n  # all out\n")):
        assert load_settings(path) == TrainingSettings()


def test_an_override_wins_over_the_file_and_keeps_the_rest(tmp_path: Path) -> None:
    path = write(tmp_path, "seed: 3\nhistory:\n  epochs: 2\n  batch_size: 16\n")
    found = load_settings(path, ["history.epochs=0.5", "user_tower.kind=text", "seed=4"])
    assert (found.seed, found.history.epochs, found.history.batch_size) == (4, 0.5, 16)
    assert found.user_tower.kind == "text"


def test_numbers_in_scientific_notation_and_lists_are_understood() -> None:
    # YAML 1.1 reads 1e-3 as a string.
    found = load_settings(None, ["history.offsets_lr=1e-3", "selection.popularity_weights=[0,.5]"])
    assert found.history.offsets_lr == 0.001
    assert found.selection.popularity_weights == (0.0, 0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("histori: {epochs: 1}", "unknown setting histori; did you mean history?"),
        ("history: {epoch: 1}", "unknown setting history.epoch; did you mean history.epochs?"),
        ("zzz: 1", "unknown setting zzz; known: seed, refit, data"),
        ("7: 1", "unknown setting 7; known: "),
        ("history: 5", "setting history is a group, and 5 is a value"),
        ("history: {epochs: many}", r"setting history\.epochs: .*valid number.*given: 'many'"),
        ("seed: [1]", r"setting seed: .*valid integer.*given: \[1\]"),
        ("relevance: {counts: perhaps}", r"setting relevance\.counts: .*given: 'perhaps'"),
        ("user_tower: {kind: rnn}", "setting user_tower.kind: .*'vectors' or 'text'.*'rnn'"),
        ("data: {split: random}", r"setting data\.split: "),
        ("selection: {popularity_weights: [0, x]}", r"setting selection\.popularity_weights\.1: "),
        ("user_tower: {decay: 0}", "setting user_tower.decay is 0; it must be between 0.001 and 1"),
        ("selection: {popularity_weights: []}", "popularity_weights is empty"),
        ("history: {report_to: [nobody]}", r"history\.report_to: 'nobody' is no tracker"),
        ("data: {bucket_rule: 'top:5'}", r"data\.bucket_rule: bucket rule 'top:5' is not one of"),
        ("history: {batch_size: 0}", "setting history.batch_size is 0; it must be at least 1"),
        ("history: {epochs: -1}", "setting history.epochs is -1; it must be at least 0"),
        ("history: {epochs: .nan}", "setting history.epochs is nan; it must be at least 0"),
        ("data: {test_share: 1.5}", "setting data.test_share is 1.5; it must be between 0 and"),
        ("user_tower: {hidden: 10}", r"multiple of user_tower\.heads \(4\)"),
        ("sequence: {dim: 30, heads: 4}", r"sequence\.dim is 30; .* sequence\.heads \(4\)"),
        ("sequence: {popularity_strengths: [0, 1, 1.0]}", "popularity_strengths holds 1 twice"),
        ("sequence: {layers: 0}", "setting sequence.layers is 0; it must be at least 1"),
        ("relevance: {tail_weights: []}", "relevance.tail_weights is empty; try"),
        ("relevance: {tail_weights: [1, 0]}", "relevance.tail_weights is 0; it must be at least"),
        ("relevance: {folds: 1}", "setting relevance.folds is 1; it must be at least 2"),
        ("relevance: {epochs: 0}", "setting relevance.epochs is 0; it must be at least 1"),
        ("relevance: {debias_price: 2}", "relevance.debias_price is 2; it must be between 0 and"),
        ("relevance: {scorer: tree}", r"setting relevance\.scorer: .*given: 'tree'"),
        ("relevance: {retrieved: 9}", "unknown setting relevance.retrieved; "),
        ("behaviour: {enabled: perhaps}", r"setting behaviour\.enabled: .*given: 'perhaps'"),
        ("behaviour: {closed_form: 5}", "setting behaviour.closed_form is a group, and 5 is"),
        (
            "behaviour: {closed_form: {keep: 1}}",
            r"unknown setting behaviour\.closed_form\.keep; did you mean "
            r"behaviour\.closed_form\.kept\?",
        ),
        (
            "behaviour: {closed_form: {ridge: 0}}",
            "setting behaviour.closed_form.ridge is 0; it must be at least 1",
        ),
        ("- a\n- b", "holds no table of settings, but list"),
        ("just words", "holds no table of settings, but str"),
        ("a: [1", "can't be read as YAML"),
        ("a:\tb: c", "can't be read as YAML"),
    ],
)
def test_a_wrong_configuration_is_one_line_that_names_the_key(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        load_settings(write(tmp_path, text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("history.epochs", "is not key=value"),
        ("=3", "is not key=value"),
        ("seed.x=1", "unknown setting|is a value"),
        ("history.epochs=[1", r"'\[1' can't be read as YAML"),
        ("history.=1", r"unknown setting history\."),
    ],
)
def test_a_wrong_override_is_one_line(override: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        load_settings(None, ["seed=1", override])
    assert "\n" not in str(caught.value)


def test_a_text_setting_is_taken_as_it_is_typed() -> None:
    for text in ("{title}. {brand}", "'{title}. {brand}'"):
        assert load_settings(None, [f"data.template={text}"]).data.template == "{title}. {brand}"
    assert load_settings(None, ["item_tower.encoder=0123"]).item_tower.encoder == "0123"


def test_a_file_that_is_not_there_or_not_text_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no configuration file"):
        load_settings(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"seed: \xe9")
    with pytest.raises(SettingsError, match="can't be read as YAML"):
        load_settings(tmp_path / "latin.yaml")


def whole_keys(groups: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for name, value in groups.items():
        yield f"{path}{name}"
        if isinstance(value, dict):
            yield from whole_keys(value, f"{path}{name}.")


def test_every_range_belongs_to_a_setting() -> None:
    keys = set(whole_keys(asdict(TrainingSettings())))
    assert RANGES.keys() <= {key.rpartition(".")[2] for key in keys}
    assert RANGES_OF_KEYS.keys() <= keys


def numbers(groups: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for name, value in groups.items():
        first = value[0] if isinstance(value, tuple) and value else value
        if isinstance(value, dict):
            yield from numbers(value, f"{path}{name}.")
        elif isinstance(first, int | float) and not isinstance(first, bool):
            yield f"{path}{name}"


@pytest.mark.parametrize("key", list(numbers(asdict(TrainingSettings()))))
def test_every_number_has_a_range(key: str) -> None:
    inner = "[-7]" if key.endswith(LISTS) else "-7"
    with pytest.raises(SettingsError, match=f"^setting {key} is -7; it must be "):
        load_settings(None, [f"{key}={inner}"])

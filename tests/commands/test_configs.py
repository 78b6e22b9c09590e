"""Every shipped configuration loads; a wrong one is refused with the key that is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from longtail.retrieval.settings import Settings
from longtail.settings.described import DescribedSetting, described, group_of
from longtail.settings.errors import SettingsError
from longtail.settings.settings_file import load_settings
from longtail.settings.shipped import FOLDER, name_for_this_machine, shipped_names
from longtail.training.settings import TrainingSettings
from longtail.training.stages.stage_settings import EncoderStageSettings, TextStageSettings
from longtail.training.stages.stages import STAGES

DESCRIBED = described(TrainingSettings())
KEYS = [setting.key for setting in DESCRIBED]
NUMBERS = [s for s in DESCRIBED if s.range.startswith(("at least", "between"))]
TEXT_ALONE = sorted(TextStageSettings.model_fields.keys() - EncoderStageSettings.model_fields)
IDLE = [(stage, key) for stage in ("history", "encoder") for key in TEXT_ALONE]
IDLE.append(("history", "user_tower_lr"))


@pytest.mark.parametrize("name", shipped_names())
def test_a_shipped_configuration_loads_by_name_and_by_path(name: str) -> None:
    assert load_settings(name) == load_settings(FOLDER / f"{name}.yaml")


def test_the_defaults_are_those_of_two_cores() -> None:
    assert load_settings("cpu") == load_settings(None) == TrainingSettings()


@pytest.mark.parametrize("name", sorted({*shipped_names()} - {"cpu"}))
def test_a_shipped_configuration_holds_only_what_differs_from_cpu(name: str) -> None:
    written = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    assert written.pop("extends") == "cpu"
    usual = {setting.key: setting.value for setting in described(load_settings("cpu"))}
    idle = []
    for setting in described(load_settings(name)):
        group, _, key = setting.key.rpartition(".")
        named = key in (written.get(group, {}) if group else written)
        idle += [setting.key] if named and setting.value == usual[setting.key] else []
    # What a reader looks for first is named, also where it is the same.
    assert set(idle) <= {"text.fresh_texts"}


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_what_is_trained_for_good_is_refitted(name: str) -> None:
    assert load_settings(name).refit


@pytest.mark.parametrize("cuda", [True, False])
def test_the_shipped_file_for_a_machine(cuda: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: cuda)
    assert name_for_this_machine() == ("gpu" if cuda else "cpu")


class TestExtends:
    def files(self, folder: Path, **texts: str) -> Path:
        for name, text in texts.items():
            (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        return folder / f"{next(iter(texts))}.yaml"

    def test_a_file_lies_over_the_one_that_it_extends(self, tmp_path: Path) -> None:
        (tmp_path / "below").mkdir()
        self.files(tmp_path / "below", base="extends: demo\nhistory: {patience: 7}\nseed: 5")
        mine = self.files(
            tmp_path, mine="extends: below/base.yaml\nhistory: {epochs: 9}\nencoder:\nseed: 6\n"
        )
        chosen = load_settings(mine, ["history.batch_size=8"])
        assert (chosen.seed, chosen.sequence.dim, chosen.encoder.max_steps) == (6, 64, 40)
        stage = chosen.history
        assert (stage.epochs, stage.patience, stage.batch_size) == (9, 7, 8)

    def test_a_list_is_replaced_whole(self, tmp_path: Path) -> None:
        mine = self.files(tmp_path, mine="extends: cpu\nrelevance: {tail_weights: [4]}")
        assert load_settings(mine).relevance.tail_weights == (4.0,)

    @pytest.mark.parametrize(
        ("texts", "message"),
        [
            ({"a": "extends: a.yaml"}, "in a circle: .*a.yaml extends .*a.yaml"),
            ({"a": "extends: b.yaml", "b": "extends: a.yaml"}, "a.yaml extends .*b.yaml extends"),
            ({"a": "extends: c.yaml"}, "a.yaml extends c.yaml: no configuration file .*cpu, demo"),
            ({"a": "extends: cpuu"}, "a.yaml extends cpuu: no configuration file .*cpu, demo"),
            ({"a": "extends: [cpu]"}, r"extends is \['cpu'\]; it must be a name or a path"),
            ({"a": "extends: b.yaml", "b": "histori: 1"}, "did you mean history?"),
            ({"a": "extends: b.yaml", "b": "a: [1"}, "b.yaml can't be read as YAML"),
            ({"a": "extends: cpu\nhistory: 5"}, "setting history is a group, and 5 is a value"),
        ],
    )
    def test_what_can_not_be_extended_is_one_line(
        self, texts: dict[str, str], message: str, tmp_path: Path
    ) -> None:
        with pytest.raises(SettingsError, match=message) as caught:
            load_settings(self.files(tmp_path, **texts))
        assert "\n" not in str(caught.value)

    def test_a_folder_named_like_a_shipped_file_hides_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "demo").mkdir()
        self.files(tmp_path, cpu="seed: 7")
        assert load_settings("demo").sequence.dim == 64
        assert load_settings("cpu").seed == 0
        assert load_settings("./cpu.yaml").seed == 7


@pytest.mark.parametrize(("stage", "key"), IDLE)
def test_a_setting_that_does_nothing_in_a_stage_is_refused_there(stage: str, key: str) -> None:
    usual = getattr(TrainingSettings().text, key)
    with pytest.raises(
        SettingsError, match=rf"setting {stage}\.{key} would do nothing: .* text\.{key}$"
    ) as caught:
        load_settings(None, [f"{stage}.{key}={json.dumps(usual)}"])
    assert ("encoder." in str(caught.value)) == (stage == "encoder" or key == "user_tower_lr")


def test_what_training_chooses_by_itself_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"first_order would do nothing: training tries 0,"):
        load_settings(None, ["behaviour.closed_form.first_order=1"])


@pytest.mark.parametrize("setting", DESCRIBED, ids=lambda setting: setting.key)
def test_every_setting_says_its_range_and_what_it_is_for(setting: DescribedSetting) -> None:
    assert setting.range
    assert setting.meaning


def test_every_group_says_what_it_is() -> None:
    def groups(kind: type[Settings]) -> list[type[Settings]]:
        below = [group_of(info) for info in kind.model_fields.values()]
        return [kind, *(deep for group in below if group for deep in groups(group))]

    assert [kind for kind in groups(TrainingSettings) if not kind.__doc__] == []
    assert set(STAGES) <= set(TrainingSettings.model_fields)


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_no_file_an_empty_one_and_empty_groups_are_the_defaults(tmp_path: Path) -> None:
    for path in (None, write(tmp_path, ""), write(tmp_path, "history:\nloss:\n  # all out\n")):
        assert load_settings(path) == TrainingSettings()


def test_an_override_wins_over_the_file_and_keeps_the_rest(tmp_path: Path) -> None:
    path = write(tmp_path, "seed: 3\nhistory:\n  epochs: 2\n  batch_size: 16\n")
    chosen = load_settings(path, ["history.epochs=0.5", "user_tower.kind=text", "seed=4"])
    assert (chosen.seed, chosen.history.epochs, chosen.history.batch_size) == (4, 0.5, 16)
    assert chosen.user_tower.kind == "text"


def test_numbers_in_scientific_notation_and_lists_are_understood() -> None:
    # YAML 1.1 reads 1e-3 as a string.
    chosen = load_settings(None, ["history.offsets_lr=1e-3", "selection.popularity_weights=[0,.5]"])
    assert chosen.history.offsets_lr == 0.001
    assert chosen.selection.popularity_weights == (0.0, 0.5)


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


def test_two_stages_that_train_the_same_encoder_are_refused() -> None:
    with pytest.raises(SettingsError, match="set one of them to 0"):
        load_settings("cpu", ["text.epochs=1"])
    assert load_settings("cpu", ["text.epochs=1", "co_taken.epochs=0"]).text.epochs == 1
    # A text user tower leaves the other stage out by itself.
    assert load_settings("cpu", ["text.epochs=1", "user_tower.kind=text"]).text.epochs == 1


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


@pytest.mark.parametrize("setting", NUMBERS, ids=lambda setting: setting.key)
def test_a_number_out_of_its_range_is_refused(setting: DescribedSetting) -> None:
    several = isinstance(setting.value, tuple)
    for number in ("-7", ".inf", ".nan"):
        shown = f"{float(number.replace('.', '')):g}"
        with pytest.raises(
            SettingsError, match=f"^setting {setting.key} is {shown}; it must be {setting.range}$"
        ):
            load_settings(None, [f"{setting.key}={f'[{number}]' if several else number}"])


def test_every_number_has_a_range() -> None:
    first = {
        s.key: s.value[0] if isinstance(s.value, tuple) and s.value else s.value for s in DESCRIBED
    }
    numbers = {
        key
        for key, value in first.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    assert numbers == {s.key for s in NUMBERS if not isinstance(s.value, str)}

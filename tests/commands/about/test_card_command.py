"""`longtail card`: the hub can read it, it tells on nobody, and only the item tower is uploaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from command_line import longtail
from huggingface_hub import ModelCard
from sentence_transformers import SentenceTransformer

from longtail.card.model_card import model_card
from longtail.card.push import PushError, push_item_tower
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.splits import Split
from longtail.retrieval.run.bundle import verify_bundle


class Unreachable(Exception):  # noqa: N818
    """Like the errors of HTTP libraries, it is no `OSError`."""


class StandInHub:
    """Keeps what would be uploaded."""

    def __init__(self, kept: Path, error: Exception | None = None) -> None:
        self.kept, self.error = kept, error
        self.private: bool | None = None

    def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> str:
        if self.error is not None:
            raise self.error
        assert exist_ok
        self.private = private
        return f"https://hub.example/{repo_id}"

    def upload_folder(self, *, repo_id: str, folder_path: Path, commit_message: str) -> None:
        assert repo_id == "shop/tower"
        assert commit_message
        folder_path.rename(self.kept)
        folder_path.mkdir()


def test_the_hub_s_own_library_reads_the_card(cli_run: Path) -> None:
    done = longtail("card", cli_run)
    assert (done.code, done.err) == (0, "")
    card = ModelCard(done.out)
    assert card.data.library_name == "sentence-transformers"
    assert card.data.pipeline_tag == "sentence-similarity"
    for heading in ("Data", "Training", "Results", "Intended use", "Limits"):
        assert f"\n## {heading}\n" in card.text


def test_the_card_has_the_sizes_of_the_data(trained_run: Path, split: Split) -> None:
    card = model_card(trained_run)
    assert "| items | 60 |" in card
    assert f"| users | {len(set(split.interactions.user)):,} |" in card
    assert f"| events | {len(split.interactions):,} |" in card
    assert f"| events of the test part | {len(split.test):,} |" in card
    assert "Not evaluated" in card


def test_the_card_has_the_table_of_an_evaluation(run_copy: Path) -> None:
    done = longtail("evaluate", run_copy, "--baselines", "popularity", "-k", "10", "--no-tune")
    assert done.code == 0, done.err
    rows = [line.split(" | ") for line in model_card(run_copy).splitlines()]
    names = {row[0].removeprefix("| ") for row in rows if len(row) > 3}
    assert {"longtail", "popularity", "recommender"} <= names
    # The run is as whole as before.
    verify_bundle(run_copy)


def test_the_card_tells_on_nobody(run_copy: Path, catalog: Catalog, split: Split) -> None:
    assert longtail("evaluate", run_copy, "--baselines", "none", "-k", "5").code == 0
    words = set(model_card(run_copy).replace("|", " ").split())
    assert words.isdisjoint([*split.interactions.user_ids, *catalog.item_ids])
    text = model_card(run_copy)
    assert [each for each in catalog.texts() if each in text] == []
    # The encoder came from a folder, whose place is the owner's.
    assert str(run_copy.parent) not in text
    assert "/tiny-bert" not in text
    assert "tiny-bert" in text


def test_a_card_in_a_file_is_the_card_on_the_screen(trained_run: Path, tmp_path: Path) -> None:
    done = longtail("card", trained_run, "--out", tmp_path / "README.md")
    assert (done.code, done.out) == (0, "")
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == model_card(trained_run)


def test_the_item_tower_and_the_card_are_uploaded_and_nothing_else(
    trained_run: Path, tmp_path: Path
) -> None:
    hub = StandInHub(tmp_path / "kept")
    address = push_item_tower(trained_run, "the card", "shop/tower", hub=hub)
    assert (address, hub.private) == ("https://hub.example/shop/tower", True)
    kept = {path.relative_to(hub.kept) for path in hub.kept.rglob("*") if path.is_file()}
    tower = trained_run / "item_tower"
    own = {path.relative_to(tower) for path in tower.rglob("*") if path.is_file()}
    assert kept == own | {Path("README.md")}
    assert (hub.kept / "README.md").read_text(encoding="utf-8") == "the card"
    assert SentenceTransformer(str(hub.kept)).encode("a lamp").shape


@pytest.mark.parametrize(
    "error",
    [Unreachable("no\nroute"), OSError("no\nroute"), ValueError("no\nroute")],
    ids=lambda error: type(error).__name__,
)
def test_a_hub_that_does_not_answer_is_one_line(
    trained_run: Path, tmp_path: Path, error: Exception
) -> None:
    hub: Any = StandInHub(tmp_path / "kept", error)
    with pytest.raises(PushError, match=r"shop/tower wasn't written .*\(no route\); check the net"):
        push_item_tower(trained_run, "the card", "shop/tower", hub=hub)


def test_a_push_without_a_network_says_one_line_after_the_card(
    trained_run: Path,
) -> None:
    # Tests run with HF_HUB_OFFLINE=1.
    done = longtail("card", trained_run, "--push", "shop/tower")
    assert "offline mode is enabled" in done.complaint
    assert done.out == model_card(trained_run)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    assert "is no run folder" in longtail("card", tmp_path).complaint

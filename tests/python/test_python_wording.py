"""What to do next is said in arguments, not in a command's options."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import longtail
from longtail.files.run_folder import RunExistsError
from longtail.index.errors import Field
from longtail.python.wording import in_python
from longtail.retrieval.errors import DataError

ITEMS = pd.DataFrame({"item_id": ["a", "b"], "title": ["tea", "pot"]})


def test_a_column_is_named_by_a_mapping() -> None:
    with pytest.raises(DataError, match=r"Name it with columns=\{'title': 'COLUMN'\}"):
        longtail.Shop(ITEMS.rename(columns={"title": "what it is"}))


@pytest.mark.parametrize(
    ("role", "said"),
    [
        (" 'timestamp=order date (UTC)'", "={'timestamp': 'order date (UTC)'}"),
        (" rating=none", "={'rating': 'none'}"),
        (" for one of them", " for one of them"),
    ],
)
def test_roles_are_keys(role: str, said: str) -> None:
    assert in_python([Field("column"), role]) == ("columns", said)


def test_options_are_arguments_and_commands_stay() -> None:
    said = "--resume goes on with it, --overwrite starts over; `longtail train --out RUN`, --x"
    assert in_python([said]) == (
        "resume=True goes on with it, overwrite=True starts over; `longtail train --out RUN`, --x",
    )


def test_a_run_that_is_there_is_replaced_with_an_argument(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(RunExistsError, match="another folder with out, or give overwrite=True"):
        longtail.train(longtail.Shop(ITEMS), config="demo", out=tmp_path, progress=False)

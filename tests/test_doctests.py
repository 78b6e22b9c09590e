"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import re

import pytest
from test_architecture import FILES

NAMES = [
    name if name.split(".")[0] == "longtail" else f"longtail.{name}"
    for name, path in FILES.items()
    if re.search(r">>>(?!.*\+SKIP)", path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_of(name: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert tried > 0
    assert failed == 0

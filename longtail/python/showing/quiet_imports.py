"""Imports that would speak of themselves in a notebook."""

from __future__ import annotations

import contextlib
import importlib
import sys
import warnings


def import_bars_quietly() -> None:
    """Import tqdm, which Transformers needs, without its advice to install widgets.

    In a kernel without ipywidgets it warns once, with the path of its file; its bars are text then,
    and none of them is shown here.
    """
    if "IPython" not in sys.modules:
        return
    with warnings.catch_warnings(), contextlib.suppress(ImportError):
        warnings.filterwarnings("ignore", "IProgress not found")
        importlib.import_module("tqdm.auto")

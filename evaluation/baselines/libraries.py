"""Libraries that only some baselines need; without them those are left out."""

from __future__ import annotations

import importlib
from typing import Any

from longtail.evaluation.errors import EvaluationError


def import_library(module: str, baseline: str) -> Any:
    """Return a module of the extra ``eval``.

    Raises:
        EvaluationError: it isn't installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        library = module.partition(".")[0]
        raise EvaluationError(
            f"{baseline} needs the library {library}; install it with `pip install "
            f"'longtail[eval]'` ({error})"
        ) from error

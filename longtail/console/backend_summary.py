"""Which backend read a run's texts, for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def reading_line(summary: Mapping[str, Any]) -> str:
    """Return the backend that a run's manifest names, with what the parity gate measured.

    >>> reading_line({"text_backend": {"backend": "torch-float32", "parity": None}})
    'torch-float32'
    """
    backend = summary.get("text_backend")
    if backend is None:
        return "not recorded: the run is older than backends"
    parity = backend["parity"]
    if parity is None:
        return str(backend["backend"])
    return (
        f"{backend['backend']} (cosine to float32 {parity['cosine']:.4f} on {parity['items']:,} "
        f"texts, least {parity['cosine_min']:.4f}; {parity['overlap']:.1%} of the nearest alike)"
    )

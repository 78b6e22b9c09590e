"""A hook of MkDocs: the built site asks nothing of any other machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

# What a browser fetches by itself; a link that a reader clicks is none of it.
_IN_PAGES = (
    re.compile(
        r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\bsrc=[\"']?((?:https?:)?//[^\"'\s>]+)"
    ),
    re.compile(
        r"<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|preconnect|preload|prefetch|icon|dns-prefetch|modulepreload))"
        r"[^>]*\bhref=[\"']?((?:https?:)?//[^\"'\s>]+)"
    ),
    # The theme would fetch the library that draws them.
    re.compile(r"(class=[\"']?mermaid)"),
)
_IN_STYLES = (
    re.compile(r"url\([\"']?((?:https?:)?//[^)\"']+)"),
    re.compile(r"@import\s+[\"']((?:https?:)?//[^\"']+)"),
)


def outside_requests(site: Path) -> list[str]:
    """Return one line for each address elsewhere that a page or a style sheet fetches."""
    found = []
    for path in sorted(site.rglob("*")):
        patterns = {".html": (*_IN_PAGES, *_IN_STYLES), ".css": _IN_STYLES}.get(path.suffix, ())
        text = path.read_text(encoding="utf-8") if patterns else ""
        for pattern in patterns:
            found += [f"{path.relative_to(site)}: {match[1]}" for match in pattern.finditer(text)]
    return found


def on_post_build(config: Any) -> None:
    """End the build where a page would fetch something from elsewhere."""
    from mkdocs.exceptions import PluginError

    if found := outside_requests(Path(config["site_dir"])):
        raise PluginError("the site must not ask other machines:\n" + "\n".join(found))

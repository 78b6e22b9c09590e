"""The files of the page: read once, served from memory, under a strict content policy."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from longtail.retrieval.data.popularity import POOLS
from longtail.retrieval.ranking.rerank.rerank import MODES

STATIC = Path(__file__).parent / "static"
PAGE = "index.html"
# Made from the engine, beside the files that lie in `STATIC`.
CHOICES = "js/choices.js"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_IMPORT_MAP = re.compile(r'<script type="importmap">(.*?)</script>', re.DOTALL)


@dataclass(frozen=True)
class PageFile:
    """One file as it is sent; ``etag`` changes with its content."""

    content: bytes
    media_type: str
    etag: str


def page_files() -> dict[str, PageFile]:
    """Return every file of the page by its path: those below ``static``, and `CHOICES`.

    A request can name nothing else: paths are looked up here and never reach the disk.
    """
    contents = {CHOICES: _choices()}
    for path in sorted(STATIC.rglob("*")):
        if path.is_file() and path.suffix in MEDIA_TYPES:
            contents[path.relative_to(STATIC).as_posix()] = path.read_bytes()
    return {
        name: PageFile(
            content,
            MEDIA_TYPES[Path(name).suffix],
            f'"{hashlib.sha256(content).hexdigest()[:20]}"',
        )
        for name, content in contents.items()
    }


def _choices() -> bytes:
    """Return what a query may choose from, as the page's script: the engine's own lists."""
    # The page begins with the whole catalog.
    pools = sorted(POOLS, key=lambda pool: pool != "all")
    return (
        f"export const POOLS = {json.dumps(pools)};\nexport const MODES = {json.dumps(MODES)};\n"
    ).encode()


def content_policy(page: str) -> str:
    """Return the page's Content-Security-Policy: nothing but its own files.

    The import map, which browsers take only from within a page, is allowed by its hash.

    >>> content_policy('<script type="importmap">{}</script>').split("; ")[1]
    "script-src 'self' 'sha256-RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o='"
    """
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in _IMPORT_MAP.findall(page)
    ]
    scripts = " ".join(["'self'", *(f"'sha256-{found}'" for found in hashes)])
    return (
        f"default-src 'self'; script-src {scripts}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; object-src 'none'"
    )

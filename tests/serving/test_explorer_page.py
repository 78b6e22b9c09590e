"""The page's files: complete, ours or licensed, and sent so that nothing else can run."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from longtail.retrieval.data.popularity import POOLS
from longtail.retrieval.ranking.rerank.rerank import MODES
from longtail.serving.engine.reads import Reads
from longtail.serving.explorer.page_files import (
    CHOICES,
    PAGE,
    STATIC,
    content_policy,
    page_files,
)
from longtail.serving.explorer.router import explorer_router
from longtail.serving.limits import Limits

OWN = sorted(p for p in STATIC.rglob("*.js") if "vendor" not in p.parts)
IMPORT = re.compile(r"""(?:from|import\()\s*["']([^"']+)["']""")


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = FastAPI()
    the_page_needs_no_engine: Any = SimpleNamespace(
        reads=Reads(Limits()), registry=SimpleNamespace(when_swapped=[])
    )
    app.include_router(explorer_router(the_page_needs_no_engine))
    with TestClient(app) as found:
        yield found


def test_the_page_may_load_only_its_own_files(client: TestClient) -> None:
    response = client.get("/")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'; ")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_the_import_map_is_the_only_script_within_the_page_and_is_allowed() -> None:
    page = (STATIC / PAGE).read_text(encoding="utf-8")
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL)
    within = [(kind, text) for kind, text in scripts if text.strip()]
    [(kind, text)] = within
    assert "importmap" in kind
    found = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    assert f"'sha256-{found}'" in content_policy(page)
    assert "style=" not in page


def test_every_file_that_is_named_is_there() -> None:
    page = (STATIC / PAGE).read_text(encoding="utf-8")
    files = page_files()
    named = re.findall(r'(?:href|src)="explorer/([^"]+)"', page)
    mapped = json.loads(re.search(r'importmap">(.*?)</script>', page, re.DOTALL)[1])["imports"]  # type: ignore[index]
    named += [path.removeprefix("./explorer/") for path in mapped.values()]
    for script in OWN:
        for target in IMPORT.findall(script.read_text(encoding="utf-8")):
            if target.startswith("."):
                path = (script.parent / target).resolve()
                named.append(path.relative_to(STATIC).as_posix())
            else:
                assert target in mapped, f"{script.name} imports {target}"
    for sheet in STATIC.rglob("*.css"):
        for target in re.findall(r'url\("([^"]+)"\)', sheet.read_text(encoding="utf-8")):
            named.append((sheet.parent / target).resolve().relative_to(STATIC).as_posix())
    assert len(named) > 20
    assert not [name for name in named if name not in files]


def test_the_page_offers_what_the_engine_knows() -> None:
    script = page_files()[CHOICES].content.decode()
    lists = dict(re.findall(r"export const (\w+) = (\[.*\]);", script))
    assert sorted(json.loads(lists["POOLS"])) == sorted(POOLS)
    assert tuple(json.loads(lists["MODES"])) == MODES


@pytest.mark.parametrize("script", OWN, ids=lambda path: path.name)
def test_our_scripts_leave_escaping_to_the_library(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert word not in text
    assert not re.search(r"https?://", text)
    assert len(text.splitlines()) <= 250


def test_every_third_party_file_has_its_licence_and_its_version() -> None:
    vendor = STATIC / "vendor"
    table = (vendor / "README.md").read_text(encoding="utf-8")
    for folder in (path for path in vendor.iterdir() if path.is_dir()):
        assert list(folder.glob("LICENSE*")), folder.name
        line = next(line for line in table.splitlines() if line.startswith(f"| `{folder.name}`"))
        for file in folder.iterdir():
            assert file.name in line or file.name.startswith("LICENSE"), file.name


def colours(theme: str) -> dict[str, str]:
    """The variables of a theme in the style sheet."""
    sheet = (STATIC / "style" / "base.css").read_text(encoding="utf-8")
    selector = ":root {" if theme == "light" else ':root[data-theme="dark"] {'
    block = sheet[sheet.index(selector) :].split("}")[0]
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours (WCAG 2.2, 1.4.3)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_and_edges_stand_out_from_what_is_behind_them(theme: str) -> None:
    colour = colours(theme)
    for behind in ("paper", "raised", "faint", "wash"):
        for text in ("ink", "soft", "accent"):
            assert contrast(colour[text], colour[behind]) >= 4.5, (text, behind)
    assert contrast(colour["on-accent"], colour["accent"]) >= 4.5
    for behind in ("paper", "raised"):
        assert contrast(colour["edge"], colour[behind]) >= 3, behind


def test_a_file_that_is_still_the_same_is_not_sent_again(client: TestClient) -> None:
    first = client.get("/explorer/js/app.js")
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    again = client.get("/explorer/js/app.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "name",
    [
        "nothing.js",
        "js",
        "",
        "../router.py",
        "%2e%2e/router.py",
        "..%2Frouter.py",
        "vendor/preact/LICENSE",
        "/etc/passwd",
    ],
)
def test_nothing_but_the_pages_files_is_sent(client: TestClient, name: str) -> None:
    assert client.get(f"/explorer/{name}").status_code == 404

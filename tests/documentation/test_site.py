"""The documentation: a site that asks no other machine, and pages made from the code."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from checkout import ROOT
from processes import run_python

HOOK = ROOT / "docs" / "no_outside_requests.py"


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location(HOOK.stem, HOOK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", '<script src="https://cdn.example/x.js"></script>'),
        ("a.html", "<script src=//cdn.example/x.js></script>"),
        ("a.html", '<link rel="stylesheet" href="https://fonts.example/css">'),
        ("a.html", '<link href="https://fonts.example" rel="preconnect" crossorigin>'),
        ("a.html", '<img alt="a badge" src="http://badges.example/b.svg">'),
        ("a.html", "<style>@font-face{src:url(https://fonts.example/f.woff2)}</style>"),
        ("a.html", '<pre class="mermaid"><code>flowchart</code></pre>'),
        ("a.css", '@import "https://fonts.example/css";'),
        ("a.css", "h1{background:url('//pictures.example/a.png')}"),
    ],
)
def test_an_outside_request_is_found(
    hook: ModuleType, tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    assert len(hook.outside_requests(tmp_path)) == 1


def test_links_and_own_files_are_no_requests(hook: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<a href="https://zenodo.example">data</a><script src="assets/x.js"></script>'
        '<link rel="stylesheet" href="../assets/x.css"><link rel="canonical" href="https://x">'
    )
    (tmp_path / "a.css").write_text('i{background:url("data:image/svg+xml;utf8,<svg>")}')
    assert not hook.outside_requests(tmp_path)


@pytest.mark.slow
def test_the_site_builds_strictly(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="needs `pip install -e '.[docs]'`")
    pytest.importorskip("mkdocstrings", reason="needs `pip install -e '.[docs]'`")
    if not (ROOT / ".links" / "longtail").is_dir():
        pytest.skip("needs `make links`")
    words = ("-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path)
    done = run_python(*words, environment={"NO_MKDOCS_2_WARNING": "1"})
    assert done.code == 0, done.err
    assert "longtail.retrieval.ranking.retriever.Retriever.recommend" in (
        tmp_path / "python_api" / "index.html"
    ).read_text(encoding="utf-8")


def test_the_page_of_the_http_api_is_current() -> None:
    from longtail.http_reference import PAGE, http_page, openapi_document

    assert PAGE.read_text(encoding="utf-8") == http_page(openapi_document()), (
        "docs/http_api.md is out of date: run `python -m longtail.http_reference`"
    )

"""Files, folders and modules of the repository that README and docs name are there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from checkout import ROOT

import longtail

MADE_HERE = {"build", "demo", "dist", "runs", "site"}
FOLDERS = {
    path.name
    for path in ROOT.iterdir()
    if path.is_dir() and not path.name.startswith(".") and path.name not in MADE_HERE
}
PAGES = [
    page
    for place in (ROOT, *(ROOT / name for name in ("docs", "deploy", "benchmarks")))
    for page in sorted(place.glob("*.md") if place == ROOT else place.rglob("*.md"))
]
FENCE = re.compile(r"^ *(```+|~~~+).*?^ *\1", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(<?([^)>\s]+)>?(?:\s[^)]*)?\)")
WORD = re.compile(r"[\w.*/-]+")
# A name with one of these endings is a file of ours; other files may be a user's or a run's.
OURS = (".py", ".md", ".sh")


def words_of_code(text: str) -> Iterator[str]:
    """Yield the words in fences and in backticks."""
    fences = [found.group() for found in FENCE.finditer(text)]
    for code in (*fences, *SPAN.findall(FENCE.sub("", text))):
        for word in WORD.findall(code):
            yield word.strip(".,-")


def is_there(word: str, page: Path) -> bool:
    """Return whether a path is one of the checkout or of the page's folder; ``...`` is any."""
    pattern = word.replace("...", "**")
    found = (next(base.glob(pattern), None) for base in (ROOT, page.parent))
    return any(path is not None for path in found)


def is_somewhere(name: str) -> bool:
    places = [ROOT.glob(name), *((ROOT / folder).rglob(name) for folder in FOLDERS)]
    return any(next(found, None) for found in places)


def is_module(word: str) -> bool:
    """Return whether a dotted name is a module of ours, or something that a module may hold."""
    parts = word.removesuffix(".*").split(".")
    found = "longtail"
    for part in parts[1:]:
        spec = find_spec(f"{found}.{part}")
        if spec is None:
            # A package of ours holds modules alone, but for the outermost.
            return not is_package(found) or (found == "longtail" and part in longtail.__all__)
        found = f"{found}.{part}"
        if not is_package(found):
            return True
    return True


def is_package(name: str) -> bool:
    spec = find_spec(name)
    return spec is not None and spec.submodule_search_locations is not None


def missing(page: Path) -> Iterator[str]:
    """Yield each file, folder or module that a page names and that isn't there."""
    text = page.read_text(encoding="utf-8")
    for target in LINK.findall(text):
        path = target.partition("#")[0]
        if path and ":" not in path and not (page.parent / path).exists():
            yield target
    for word in words_of_code(text):
        top, slash, rest = word.partition("/")
        if word.startswith("longtail.") and not slash and not word.endswith(OURS):
            there = is_module(word.removesuffix(".*"))
        elif not slash and word.endswith(OURS):
            there = is_somewhere(word)
        # `index/` is also a folder of every run.
        elif top and (word.endswith(OURS) or (rest and top in FOLDERS - {"index"})):
            there = is_there(word, page)
        else:
            continue
        if not there:
            yield word


def test_what_the_pages_name_is_there() -> None:
    wrong = [
        f"{page.relative_to(ROOT)}: {word}" for page in PAGES for word in sorted({*missing(page)})
    ]
    assert not wrong, "\n".join(wrong)

"""Result files of the benchmarks: one way to write them, and pages that show what they hold."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from checkout import ROOT
from processes import output_of_python

BENCHMARKS = ROOT / "benchmarks"
RESULTS = sorted((BENCHMARKS / "results").glob("*.json"))


def in_benchmarks(folder: Path, program: str) -> str:
    """Return what a program prints that imports from a benchmarks folder."""
    code = f"import sys\nsys.path.insert(0, {str(folder)!r})\n{program}"
    return output_of_python("-W", "error", "-c", code)


def test_the_committed_files_are_as_the_one_writer_writes_them(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\n"
        "from report.results_file import read_results, write_results\n"
        f"for path in sorted(Path({str(BENCHMARKS / 'results')!r}).glob('*.json')):\n"
        f"    write_results(Path({str(tmp_path)!r}) / path.name, read_results(path))\n"
    )
    in_benchmarks(BENCHMARKS, program)
    assert RESULTS
    for path in RESULTS:
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_file_holds_every_bit_and_takes_one_line_a_record(tmp_path: Path) -> None:
    content = {
        "rows": [{"k": 10, "recall": 0.1 + 0.2}, {"k": 20, "recall": None}],
        "watched": [[1, 2.5e-300], []],
        "empty": {},
        "nested": {'a "quoted" name': {"deep": {"x": True}}},
    }
    program = (
        "import json\nfrom pathlib import Path\n"
        "from report.results_file import write_results\n"
        f"path = Path({str(tmp_path / 'folder' / 'new.json')!r})\n"
        f"write_results(path, json.loads({json.dumps(content)!r}))\n"
        "print(path.read_text(), end='')\n"
    )
    written = in_benchmarks(BENCHMARKS, program)
    assert json.loads(written) == content
    assert '  {"k": 10, "recall": 0.30000000000000004},\n' in written


def test_what_json_has_no_word_for_is_refused(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\nfrom report.results_file import write_results\n"
        f"write_results(Path({str(tmp_path / 'new.json')!r}), {{'x': float('nan')}})\n"
    )
    with pytest.raises(AssertionError, match="ValueError"):
        in_benchmarks(BENCHMARKS, program)


def test_the_tables_of_the_pages_are_those_of_the_result_files(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(BENCHMARKS, tmp_path / "benchmarks", ignore=ignored)
    (tmp_path / "docs").mkdir()
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for page in pages:
        shutil.copy(page, tmp_path / page.relative_to(ROOT))
    subjects = (
        *("quality", "retail", "arrivals", "behaviour", "index", "speed", "serve", "future_filter"),
    )
    program = "".join(f"import pages.{name}\npages.{name}.rewrite()\n" for name in subjects)
    program += "import service.soak_page\nservice.soak_page.rewrite()\n"
    in_benchmarks(tmp_path / "benchmarks", program)
    stale = [
        page.name
        for page in pages
        if (tmp_path / page.relative_to(ROOT)).read_bytes() != page.read_bytes()
    ]
    assert not stale, "run `python benchmarks/tables.py`"

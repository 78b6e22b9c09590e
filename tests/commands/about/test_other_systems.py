"""Systems without POSIX calls: the package is imported, and what can't work says so in a line."""

from __future__ import annotations

import pytest
from processes import Done, run_python

# What other libraries need of a system is theirs to say.
LIBRARIES = "import numba, pandas, sentence_transformers, transformers.trainer\n"
# What Windows lacks of the modules and calls that longtail uses.
WINDOWS = """
import os, sys
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None
for name in ("O_NONBLOCK", "O_CLOEXEC", "pread", "pwrite", "sched_getaffinity", "sysconf"):
    delattr(os, name)
"""
# macOS has them but for one, and counts memory in bytes.
MACOS = "import os, sys\ndel os.sched_getaffinity\n"
COMMAND = """
from longtail.cli import main
sys.argv = ["longtail", *{words!r}]
main()
"""
LINE = "it needs file locks that end with their process (fcntl), of Linux or macOS"


def command_on(system: str, *words: str) -> Done:
    return run_python("-c", system + COMMAND.format(words=words))


@pytest.mark.parametrize("system", [LIBRARIES + WINDOWS, MACOS], ids=["windows", "macos"])
@pytest.mark.parametrize("words", [("-h",), ("--version",), ("settings",)], ids=" ".join)
def test_what_there_is_is_said_everywhere(system: str, words: tuple[str, ...]) -> None:
    done = command_on(system, *words)
    assert done.code == 0, done.err
    assert done.out


def test_the_doctor_says_that_a_system_is_not_supported() -> None:
    done = command_on(LIBRARIES + WINDOWS, "doctor")
    assert done.code == 0, done.err
    assert "not supported: use WSL" in done.out


@pytest.mark.parametrize(
    "words",
    [("query", "run", "--user", "u"), ("train", "shop", "--out", "run"), ("index", "info", "run")],
    ids=lambda words: words[0],
)
def test_a_command_that_needs_locks_says_one_line(words: tuple[str, ...]) -> None:
    complaint = command_on(WINDOWS, *words).complaint
    assert LINE in complaint
    assert "WSL" in complaint


def test_the_package_is_imported_and_the_retriever_says_the_line() -> None:
    done = run_python("-c", WINDOWS + "import longtail; longtail.Retriever")
    assert done.code != 0
    assert done.err.splitlines()[-1].startswith("longtail.index.disk.system.UnsupportedSystemError")
    assert LINE in done.err


def test_memory_is_left_out_of_a_profile_where_nobody_counts_it() -> None:
    code = """
from pathlib import Path
import longtail.training.profile as profile
profile._STATUS = profile._CLEAR = Path("/nowhere/at/all")
measured = profile.MeasuringProfile()
with measured.section("index"):
    pass
print(sorted(measured.report()["sections"][0]))
"""
    assert run_python("-c", LIBRARIES + WINDOWS + code).out == "['name', 'seconds']\n"
    assert run_python("-c", MACOS + code).out == "['name', 'peak_bytes', 'seconds']\n"

"""Exactly one FAISS is used, and each search leaves the thread settings as they were."""

from __future__ import annotations

import sys
import threading

import pytest
from processes import run_python

from longtail.index import faiss_runtime
from longtail.index.errors import FaissInstallationError


@pytest.fixture
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faiss_runtime, "_faiss", None)


def wheels(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(faiss_runtime, "_installed", lambda: dict.fromkeys(names, "1.15.1"))


@pytest.mark.usefixtures("nothing_loaded")
def test_two_wheels_are_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    wheels(monkeypatch, "faiss-cpu", "faiss-gpu")
    with pytest.raises(FaissInstallationError, match="pip uninstall -y faiss-cpu faiss-gpu"):
        faiss_runtime.load_faiss()


@pytest.mark.usefixtures("nothing_loaded")
def test_no_wheel_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    wheels(monkeypatch)
    monkeypatch.setattr(faiss_runtime, "find_spec", lambda name: None)
    with pytest.raises(FaissInstallationError, match=r'pip install "longtail\[cpu\]"'):
        faiss_runtime.load_faiss()


@pytest.mark.usefixtures("nothing_loaded")
def test_a_wheel_that_can_not_be_imported_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    wheels(monkeypatch, "faiss-cpu")
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(FaissInstallationError, match="can't be imported") as caught:
        faiss_runtime.load_faiss()
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("nothing_loaded")
def test_the_gpu_wheel_without_its_cuda_libraries_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(name: str) -> None:
        raise RuntimeError("faiss-gpu installed but nvidia-cuda-runtime-cu12 is missing")

    wheels(monkeypatch, "faiss-gpu")
    monkeypatch.setattr(faiss_runtime.importlib, "import_module", fail)
    with pytest.raises(FaissInstallationError, match=r"cu12 is missing.*longtail\[gpu\]"):
        faiss_runtime.load_faiss()


def test_the_wheel_is_named_with_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    wheels(monkeypatch, "faiss-cpu")
    assert faiss_runtime.faiss_wheel() == "faiss-cpu 1.15.1"
    wheels(monkeypatch)
    assert faiss_runtime.faiss_wheel() is None


def test_a_search_uses_one_thread_and_gives_back_the_callers() -> None:
    faiss = faiss_runtime.load_faiss()
    before = faiss.omp_get_max_threads()
    with faiss_runtime.search_threads(1, 1_000_000, 385) as threads:
        assert threads == faiss.omp_get_max_threads() == 1
    assert faiss.omp_get_max_threads() == before


def test_a_failing_search_gives_the_threads_back_in_its_own_thread() -> None:
    faiss, seen = faiss_runtime.load_faiss(), []

    def fail() -> None:
        faiss.omp_set_num_threads(3)
        try:
            with faiss_runtime.search_threads(1, 10, 10):
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            seen.append(faiss.omp_get_max_threads())

    worker = threading.Thread(target=fail)
    worker.start()
    worker.join()
    assert seen == [3]


def test_importing_the_package_loads_neither_faiss_nor_torch() -> None:
    check = (
        "import sys, longtail.index.storage.store, longtail.index.files; "
        "raise SystemExit(any(m in sys.modules for m in ('faiss', 'torch', 'longtail.retrieval')))"
    )
    done = run_python("-c", check)
    assert done.code == 0, done.err


def test_only_readings_that_take_long_are_shared_by_threads() -> None:
    faiss = faiss_runtime.load_faiss()
    with faiss_runtime.exactly_threads(4):
        assert faiss_runtime.reading_threads(50 * 2**20) == 1
        assert faiss_runtime.reading_threads(600 * 2**20) == 2
        assert faiss_runtime.reading_threads(100 * 2**30) == 4
        with faiss_runtime.exactly_threads(2):
            assert faiss.omp_get_max_threads() == 2
        assert faiss.omp_get_max_threads() == 4


def test_the_threads_of_one_reader_are_not_those_of_another() -> None:
    faiss, seen = faiss_runtime.load_faiss(), []
    before = faiss.omp_get_max_threads()

    def other() -> None:
        with faiss_runtime.exactly_threads(7):
            seen.append(faiss.omp_get_max_threads())

    worker = threading.Thread(target=other)
    worker.start()
    worker.join()
    assert (seen, faiss.omp_get_max_threads()) == ([7], before)

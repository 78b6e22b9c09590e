"""Ctrl-C in the middle of training and of indexing: nothing half-written, and a way to go on."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import longtail, started_longtail, train_arguments
from counted_reads import count_reads
from processes import LONGEST_WAIT_S, Done, finish, wait_until

INTERRUPTED = 130
# Many small chunks, each taking its time: an interruption always falls between two of them.
SLOW_READING = (
    "import time, longtail.retrieval.towers.catalog_encoding as embedding\n"
    "embedding.ITEMS_PER_CHUNK = 4\n"
    "whole = embedding.encode_pooled\n"
    "def slow(*given, **named):\n"
    "    time.sleep(0.2)\n"
    "    return whole(*given, **named)\n"
    "embedding.encode_pooled = slow\n"
)


def interrupted_when(ready: Callable[[], bool], *words: object, first: str) -> Done:
    """Start a command, send it Ctrl-C once ``ready``, and wait for its end."""
    with started_longtail(*words, first=first) as process:
        wait_until(ready, process)
        process.send_signal(signal.SIGINT)
        return finish(process)


def said_in_one_line(done: Done) -> str:
    assert done.code == INTERRUPTED, done.err
    assert "Traceback" not in done.err
    lines = [line for line in done.err.splitlines() if line.startswith("interrupted; ")]
    assert lines == done.err.splitlines()[-1:]
    return lines[0]


def test_an_interrupted_training_leaves_no_run_and_goes_on(
    shop_files: Path, tiny_bert: Path, tmp_path: Path
) -> None:
    run, work = tmp_path / "run", tmp_path / ".run.work"
    settings = train_arguments(
        tiny_bert,
        "encoder.epochs=0",
        "history.epochs=60",
        "history.patience=1000",
        "history.evaluations_per_epoch=0.5",
    )
    words = ["train", shop_files, *settings, "--out", run]

    def has_checkpoint() -> bool:
        return any(work.glob("checkpoints/history/checkpoint-*/trainer_state.json"))

    slow_steps = (
        "import time, longtail.training.trainer.batches as batches\n"
        "whole = batches.ContrastiveCollator.__call__\n"
        "def slow(*given):\n"
        "    time.sleep(0.05)\n"
        "    return whole(*given)\n"
        "batches.ContrastiveCollator.__call__ = slow\n"
    )
    message = said_in_one_line(interrupted_when(has_checkpoint, *words, first=slow_steps))
    assert f"nothing was written to {run}; the same command with --resume goes on" in message
    assert [path.name for path in tmp_path.iterdir()] == [work.name]
    assert (
        "run `longtail train` again with --resume"
        in longtail("query", run, "--user", "u").complaint
    )

    # The work of hours isn't thrown away by the same command typed again,
    complaint = longtail(*words).complaint
    assert "--resume goes on with it, --overwrite starts over" in complaint
    # nor taken for the work of another job.
    other = longtail(*words, "--set", "seed=9", "--resume").complaint
    assert "other data or settings" in other
    assert has_checkpoint()

    newest = max(int(p.name.split("-")[1]) for p in work.glob("checkpoints/history/checkpoint-*"))
    steps: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        import longtail.training.trainer.trainer as training_loop

        # The trainer reports each step that it makes.
        report = training_loop._Report.on_step_end
        patch.setattr(
            training_loop._Report,
            "on_step_end",
            lambda self, args, state, control, **rest: (
                steps.append(state.global_step),
                report(self, args, state, control, **rest),
            )[1],
        )
        assert longtail(*words, "--resume").code == 0
    assert steps[0] == newest + 1
    assert [path.name for path in tmp_path.iterdir()] == [run.name]
    assert longtail("index", "verify", run).code == 0
    assert longtail("query", run, "--user", "saw-fan-1").code == 0


def test_an_interrupted_reading_of_texts_goes_on_from_its_vectors(
    shop_files: Path, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, vectors = tmp_path / "run", tmp_path / ".run.work" / "vectors"
    words = ["train", shop_files, *train_arguments(tiny_bert, "encoder.epochs=0"), "--out", run]

    def has_begun() -> bool:
        return len(list(vectors.glob("*.npy"))) >= 2

    said_in_one_line(interrupted_when(has_begun, *words, first=SLOW_READING))
    assert not run.exists()
    made = len(list(vectors.glob("vectors-*.npy")))
    assert 2 <= made < 15
    assert list(vectors.glob(".*")) == []

    read = count_reads(monkeypatch, texts_per_chunk=4)
    assert longtail(*words, "--resume").code == 0
    assert len(read) == 15 - made


def test_an_interrupted_index_build_leaves_the_old_index_and_goes_on(
    run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = run_copy / ".index.work"
    current = (run_copy / "index" / "CURRENT").read_bytes()
    words = ("index", "build", run_copy, "--read-texts")

    def has_begun() -> bool:
        return len(list(work.glob("*.npy"))) >= 2

    done = interrupted_when(has_begun, *words, first=SLOW_READING)
    again = f"`longtail index build {run_copy} --read-texts --resume`"
    assert again in said_in_one_line(done)
    assert (run_copy / "index" / "CURRENT").read_bytes() == current
    assert [path.name for path in (run_copy / "index").glob("*v0*")] == ["v0001"]
    assert longtail("index", "verify", run_copy).code == 0
    made = len(list(work.glob("vectors-*.npy")))

    read = count_reads(monkeypatch, texts_per_chunk=4)
    assert longtail(*words, "--resume").code == 0
    assert len(read) == 15 - made
    assert not work.exists()
    assert (run_copy / "index" / "CURRENT").read_bytes().startswith(b"v0002 ")


@pytest.mark.parametrize("step", ["write_bundle", "save_index"])
def test_an_interruption_while_the_run_is_written_leaves_nothing_half_written(
    shop_files: Path, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    import longtail.training.train as whole_training

    whole = getattr(whole_training, step)

    def interrupted(*given: object) -> None:
        whole(*given)
        raise KeyboardInterrupt

    words = ["train", shop_files, *train_arguments(tiny_bert), "--out", tmp_path / "run"]
    with monkeypatch.context() as patch:
        patch.setattr(whole_training, step, interrupted)
        said_in_one_line(longtail(*words))
    assert [path.name for path in tmp_path.iterdir()] == [".run.work"]
    assert longtail(*words, "--resume").code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("style", ["csv", "table"])
def test_a_reader_that_has_seen_enough_causes_no_traceback(run_copy: Path, style: str) -> None:
    words = ("query", run_copy, "--user", "saw-fan-1", "--format", style)
    with started_longtail(*words) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        complaint = process.stderr.read()
        assert (process.wait(LONGEST_WAIT_S), complaint) == (1, "")


def test_an_interrupted_evaluation_leaves_the_files_of_the_last(
    run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from longtail.jobs import evaluation_run

    (run_copy / "metrics.json").write_text(json.dumps({"old": True}))

    def interrupted(*given: object, **named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluation_run, "evaluate", interrupted)
    assert "no file is half-written" in said_in_one_line(run_cli("evaluate", run_copy))
    assert json.loads((run_copy / "metrics.json").read_text()) == {"old": True}


# The name `longtail` is the package inside the test above.
run_cli = longtail

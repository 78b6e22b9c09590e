"""Several processes that train together learn what one learns from the joint batch."""

from __future__ import annotations

import json
import signal
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch
from checkout import PROGRAMS
from command_line import train_arguments
from processes import Done, finish, run_python, started_python
from safetensors.torch import load_file
from toy_shop import answers
from training_together import CASES, LOST, train

from longtail.retrieval.data.splits import Split
from longtail.training.processes import ALONE, Processes


def run_together(port: int, *arguments: object) -> list[Done]:
    """Run two Python processes that train together, and return what each left."""
    place = {"WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                started_python(*arguments, environment={**place, "RANK": rank, "LOCAL_RANK": rank})
            )
            for rank in (0, 1)
        ]
        return [finish(process) for process in processes]


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def together(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes wrote that trained every case together, the second one leaving early."""
    folder = tmp_path_factory.mktemp("together")
    done = run_together(free_port(), PROGRAMS / "training_together.py", tiny_bert, folder)
    assert [found.code for found in done] == [0, LOST], done
    return folder


@pytest.mark.slow
class TestTwoProcesses:
    @pytest.mark.parametrize("case", CASES)
    def test_they_end_where_one_ends_with_the_joint_batch(
        self, case: str, together: Path, tiny_bert: Path, tmp_path: Path
    ) -> None:
        found = load_file(together / f"{case}.safetensors")
        alone = train(tiny_bert, tmp_path / "alone", case, ALONE)
        assert found.keys() == alone.keys()
        assert len(found) > 3
        for name, expected in alone.items():
            if name.endswith("key.bias"):
                # Softmax does not see it: its gradient is rounding, which Adam blows up.
                continue
            torch.testing.assert_close(found[name], expected, rtol=1e-4, atol=2e-6, msg=name)

    def test_a_gathered_row_gets_the_gradients_of_all_of_them_summed(self, together: Path) -> None:
        first, second = (load_file(together / f"gathered-{rank}.safetensors") for rank in (0, 1))
        whole = torch.arange(10.0).reshape(5, 2)
        assert first["rows"].equal(whole)
        assert second["rows"].equal(whole)
        # Once from the first process's loss, twice from the second's.
        assert torch.cat([first["gradient"], second["gradient"]]).equal(3 * whole)

    def test_one_that_waits_for_a_process_that_is_gone_says_so_in_one_line(
        self, together: Path
    ) -> None:
        said = (together / "lost.txt").read_text()
        assert "another process of this training has ended" in said
        assert "\n" not in said


@pytest.mark.slow
def test_killed_and_resumed_they_end_as_the_same_files(tiny_bert: Path, tmp_path: Path) -> None:
    ports = [free_port() for _ in range(4)]
    done = run_together(ports[0], PROGRAMS / "killed_together.py", tiny_bert, tmp_path, *ports)
    assert [found.code for found in done] == [0, 0], done
    first, second = (json.loads(found.out) for found in done)
    assert first["ends"] == [0, -signal.SIGKILL, -signal.SIGKILL, 0]
    assert second["ends"] == [0, LOST, LOST, 0]
    assert first["different"] == []
    assert first["files"] > 30
    assert first["work_is_gone"]


def torchrun(*arguments: object) -> Done:
    return run_python(
        *("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2),
        *("-m", "longtail", "train", *arguments),
    )


@pytest.mark.slow
class TestTheCommandUnderTorchrun:
    def test_it_writes_one_run_and_says_everything_once(
        self, shop_files: Path, tiny_bert: Path, split: Split, tmp_path: Path
    ) -> None:
        out = tmp_path / "run"
        done = torchrun(shop_files, *train_arguments(tiny_bert), "--out", out, "--profile")
        assert done.code == 0, done.err
        assert done.out.count("next:") == 1
        assert done.err.count("the whole training") == 1
        assert "Warning" not in done.err
        assert [path.name for path in tmp_path.iterdir()] == ["run"]
        assert len(answers(out, split)) > 20

    def test_what_is_refused_is_refused_once(
        self, shop_files: Path, tiny_bert: Path, tmp_path: Path
    ) -> None:
        done = torchrun(
            *(shop_files, *train_arguments(tiny_bert, "history.batch_size=0")),
            *("--out", tmp_path / "run"),
        )
        assert done.code == 1
        errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
        assert errors == ["error: setting history.batch_size is 0; it must be at least 1"]
        assert not list(tmp_path.iterdir())


class TestShares:
    @pytest.mark.parametrize(("n", "count"), [(8, 3), (2, 4), (7, 1), (30, 2)])
    def test_they_are_the_whole_in_order_and_differ_by_one(self, n: int, count: int) -> None:
        shares = [Processes(rank, count).share(n) for rank in range(count)]
        assert [i for share in shares for i in range(n)[share]] == list(range(n))
        sizes = [share.stop - share.start for share in shares]
        assert max(sizes) - min(sizes) <= 1

    def test_weighted_means_of_shares_are_the_whole_mean(self) -> None:
        numbers = torch.arange(7.0)
        parts = [Processes(rank, 3) for rank in range(3)]
        weighted = [numbers[p.share(7)].mean() * p.weight(7) for p in parts]
        assert torch.stack(weighted).mean() == pytest.approx(3.0)

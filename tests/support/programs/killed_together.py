"""One of two processes whose trainings are killed and resumed; run as a process of its own.

The environment says which one it is, as `torchrun` would. One training is unbroken; in the other
the first process kills itself at a step, the second finds it gone, and both begin anew with
``resume``. Each is a fork of this process, which saves it the start of Python. The first process
prints how the files of the two differ, as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path

from killed_trainings import CATALOG, SPLIT, every_stage, learned

from longtail.retrieval.run.bundle import work_folder
from longtail.training.prepare import help_train
from longtail.training.processes import ProcessLostError, joined_processes
from longtail.training.train import train_engine

LOST = 3
# One before the first checkpoint of a stage, one between two of another.
KILLS = (("history", 2), ("text", 7))


def train(bert: Path, out: Path, kill: tuple[str, int]) -> None:
    """Train, or help to, until the end or the kill."""
    settings = every_stage(bert)

    def killing(name: str, done: int, total: int) -> None:
        if (name, done) == (f"training {kill[0]}", kill[1]):
            os.kill(os.getpid(), signal.SIGKILL)

    with joined_processes() as processes:
        if processes.first:
            train_engine(
                CATALOG, SPLIT, settings, out, resume=True, progress=killing, processes=processes
            )
        else:
            help_train(CATALOG, SPLIT, settings, out, resume=True, processes=processes)


def train_in_a_fork(bert: Path, out: Path, port: str, kill: tuple[str, int] = ("", 0)) -> int:
    """Return the exit status of a training, or less than 0 for a signal."""
    child = os.fork()
    if child == 0:
        os.environ["MASTER_PORT"] = port
        try:
            train(bert, out, kill)
        except ProcessLostError:
            os._exit(LOST)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(bert: Path, folder: Path, ports: list[str]) -> None:
    """Compare a training that was killed with an unbroken one."""
    unbroken, killed = folder / "unbroken", folder / "killed"
    ends = [train_in_a_fork(bert, unbroken, ports.pop())]
    ends += [train_in_a_fork(bert, killed, ports.pop(), kill) for kill in KILLS]
    ends.append(train_in_a_fork(bert, killed, ports.pop()))
    report: dict[str, object] = {"ends": ends}
    if os.environ["RANK"] == "0":
        whole, resumed = learned(unbroken), learned(killed)
        report |= {
            "different": [k for k in {*whole, *resumed} if whole.get(k) != resumed.get(k)],
            "files": len(whole),
            "work_is_gone": not work_folder(killed).exists(),
        }
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])

"""The processes that train together, one a device, and what each of them has to do."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from longtail.index.errors import LongtailError

# The others wait while the first reads a catalog or fits a closed form. That one died they
# notice at once; this is for one that hangs.
PATIENCE = timedelta(hours=12)
_PEER_IS_GONE = re.compile(
    r"Connection (closed|reset) by (remote )?peer|Broken pipe|Socket closed|Connection refused"
    r"|NCCL error|remote process exited|Timed out waiting|recvValue failed|sendBytes failed"
)


class ProcessLostError(LongtailError):
    """Another process of the same training ended before its time."""


@dataclass(frozen=True)
class Processes:
    """This process among those that train together; the first also does all that is no step.

    A step has one joint batch, which every process builds for itself. Each one encodes its share
    of the batch's distinct texts and hands the vectors around; then it scores its share of the
    examples against all candidates. `DistributedDataParallel` takes the mean of the gradients.

    Attributes:
        rank: number of this process, from 0.
        count: number of processes.
    """

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process reads, measures and writes for all."""
        return self.rank == 0

    def share(self, n: int) -> slice:
        """Return which of n things are this process's; shares differ by one at most.

        >>> Processes(1, 3).share(8)
        slice(2, 5, None)
        """
        return slice(n * self.rank // self.count, n * (self.rank + 1) // self.count)

    def gathered(self, share: torch.Tensor, n: int) -> torch.Tensor:
        """Return the rows of all processes, [n, d], from this one's share of them.

        Differentiable: what any process's loss says about a row reaches its owner, summed.
        """
        if self.count == 1:
            return share
        rows: torch.Tensor = _Gathered.apply(share, n, self)  # type: ignore[no-untyped-call]
        return rows

    def weight(self, n: int) -> float:
        """Return the factor for the mean loss of this process's share of n examples.

        The mean of all processes' weighted losses (and so of their gradients) is the mean loss
        of the joint batch, also where shares differ.

        >>> [Processes(rank, 2).weight(3) for rank in (0, 1)]
        [0.6666666666666666, 1.3333333333333333]
        """
        share = self.share(n)
        return float(share.stop - share.start) * self.count / n

    def tell(self, content: Any) -> Any:
        """Return the first process's content (plain data) in all of them."""
        if self.count == 1:
            return content
        message = json.dumps(content).encode() if self.first else b""
        length = torch.tensor([len(message)])
        dist.broadcast(length, 0)
        text = torch.empty(int(length), dtype=torch.uint8)
        if self.first:
            text = torch.frombuffer(bytearray(message), dtype=torch.uint8)
        dist.broadcast(text, 0)
        return json.loads(text.numpy().tobytes())

    def leave(self) -> None:
        """Part from the others; all do so together, and each goes on alone."""
        if dist.is_initialized():
            dist.destroy_process_group()

    def send_(self, tensors: Iterable[torch.Tensor]) -> None:
        """Overwrite the tensors of the other processes with the first one's."""
        if self.count == 1:
            return
        for tensor in tensors:
            if tensor.numel():
                dist.broadcast(tensor.detach(), 0)


ALONE = Processes()


class _Gathered(torch.autograd.Function):
    """All processes' rows; back to each one goes the sum of the gradients of its own."""

    @staticmethod
    def forward(ctx: Any, share: torch.Tensor, n: int, processes: Processes) -> torch.Tensor:
        ctx.n, ctx.processes = n, processes
        # All parts of one length, as the collective wants them.
        longest = -(-n // processes.count)
        padded = share.new_zeros((longest, *share.shape[1:]))
        padded[: len(share)] = share
        parts = [torch.empty_like(padded) for _ in range(processes.count)]
        dist.all_gather(parts, padded)
        shares = [Processes(r, processes.count).share(n) for r in range(processes.count)]
        return torch.cat([p[: s.stop - s.start] for p, s in zip(parts, shares, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        whole = gradients[0].contiguous().clone()
        dist.all_reduce(whole)
        return whole[ctx.processes.share(ctx.n)], None, None


@contextmanager
def joined_processes() -> Iterator[Processes]:
    """Join the processes that `torchrun` started, one for each GPU; without it, be alone.

    Raises:
        ProcessLostError: another process is gone, or didn't answer for twelve hours.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield ALONE
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    # Plain data goes through the CPU also where tensors live on GPUs.
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE
    )
    try:
        yield Processes(dist.get_rank(), count)
    except RuntimeError as error:
        if not _PEER_IS_GONE.search(str(error)):
            raise
        raise ProcessLostError(
            "another process of this training has ended; what it says, or its log, tells why"
        ) from error
    # Not after an error: leaving in good order would wait for a process that is gone.
    Processes().leave()

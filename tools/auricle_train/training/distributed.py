"""The group of processes that train together, started by `torchrun`; or a single process.

In: the environment that `torchrun` sets. Out: rank, device, and sums over all processes. Each
process draws its own stream of data; they share only gradients and counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Group:
    """Rank of this process, size of the group, and device."""

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")

    @property
    def leads(self) -> bool:
        """Whether this process writes the checkpoint and the log."""
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return the module with gradients averaged over the processes."""
        if self.size == 1:
            return module
        # During CTC warm-up, other parameters have no gradients; buffers never change.
        return DistributedDataParallel(module, find_unused_parameters=True, broadcast_buffers=False)

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum over the processes."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values


@contextmanager
def joined() -> Iterator[Group]:
    """Join the process group of `torchrun`, if any; on GPUs if available."""
    local = int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Group(device=device)
        return
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Group(distributed.get_rank(), size, device)
    finally:
        distributed.destroy_process_group()


def threads_for_each() -> int:
    """Return the number of processor cores for each process on this host."""
    cores = len(os.sched_getaffinity(0))
    return max(1, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))

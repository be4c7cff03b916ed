"""The processes that train together, started by `torchrun`; a process alone is a group of one.

In: the environment that `torchrun` sets. Out: rank, device, sums over all processes. Each process
hears its own stream of data, so that nothing is shared but gradients and what is counted.
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
    """This process's place among those that train together."""

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
        # While the CTC head warms up, the rest has no gradients; buffers never change.
        return DistributedDataParallel(module, find_unused_parameters=True, broadcast_buffers=False)

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum over the processes."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values


@contextmanager
def joined() -> Iterator[Group]:
    """Join the processes that `torchrun` started, if it did; on GPUs if there are."""
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
    """Return how many processor cores each process of this host may use."""
    cores = len(os.sched_getaffinity(0))
    return max(1, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))

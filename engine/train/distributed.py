"""Several processes, on one machine or many, as torchrun starts them; one process alone needs none of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn


@dataclass(frozen=True, kw_only=True)
class Team:
    """rank: of this process; size: processes in all; device: where this one computes."""

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            dist.barrier()

    def wrapped(self, module: nn.Module) -> nn.Module:
        """`module`, its gradients averaged over the team."""
        if self.size == 1:
            return module
        return nn.parallel.DistributedDataParallel(
            module, device_ids=[self.device] if self.device.type == "cuda" else None
        )


def alone() -> Team:
    """This process by itself, on a GPU where there is one."""
    return Team(rank=0, size=1, device=torch.device("cuda" if torch.cuda.is_available() else "cpu"))


@contextmanager
def joined() -> Iterator[Team]:
    """The team that torchrun names in the environment (RANK, WORLD_SIZE, LOCAL_RANK), else this process alone.

    NCCL between GPUs, Gloo between processors.
    """
    cuda = torch.cuda.is_available()
    if "RANK" not in os.environ:
        yield alone()
        return
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Team(rank=dist.get_rank(), size=dist.get_world_size(), device=device)
    finally:
        dist.destroy_process_group()

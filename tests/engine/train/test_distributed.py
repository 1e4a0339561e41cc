"""Two processes that talk through Gloo train as one that is given both their batches."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from osdclean.engine.train.batches import Examples
from osdclean.engine.train.config import TrainConfig
from osdclean.engine.train.distributed import Team
from osdclean.engine.train.loop import Training

from .kept import rows
from .team_worker import CONFIG
from .test_training import shard

WORKER = Path(__file__).with_name("team_worker.py")


class Both:
    """Hands one process the batches of two, one after the other."""

    def __init__(self, examples: Examples) -> None:
        self._examples, self._calls = examples, 0

    def batch(self, rng: np.random.Generator, size: int, frames: int) -> dict[str, np.ndarray]:
        step, rank = divmod(self._calls, 2)
        self._calls += 1
        return self._examples.batch(np.random.default_rng([CONFIG["seed"], step, rank]), size, frames)


def test_two_processes_train_as_one_with_both_batches(tmp_path):
    shard(0).save(tmp_path / "train-0-a.npz")
    shard(1).save(tmp_path / "val-0-b.npz")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    team = []
    for rank in (0, 1):
        named = {"RANK": rank, "WORLD_SIZE": 2, "LOCAL_RANK": rank, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        env = os.environ | {name: str(value) for name, value in named.items()} | {"CUDA_VISIBLE_DEVICES": ""}
        words = [sys.executable, WORKER, tmp_path, tmp_path / "run", tmp_path / f"rank{rank}.pt"]
        team.append(subprocess.Popen(words, env=env))
    assert [p.wait(240) for p in team] == [0, 0]
    # The leader alone writes.
    assert [row["step"] for row in rows(tmp_path / "run")] == [2, 4]

    alone = Training(TrainConfig(**CONFIG, accumulate=2), Team(rank=0, size=1, device=torch.device("cpu")), None)
    both = Both(Examples(tmp_path, "train"))
    for _ in range(CONFIG["steps"]):
        alone.update(both)
    for rank in (0, 1):
        kept = torch.load(tmp_path / f"rank{rank}.pt", weights_only=True)
        for name, p in alone.network.state_dict().items():
            torch.testing.assert_close(kept[name], p, atol=1e-5, rtol=1e-3)

"""One process of a team, started by test_distributed with SHARDS, RUN, and where to leave its weights."""

import sys
from pathlib import Path

from osdclean.engine.network import NetworkConfig

CONFIG = {
    "steps": 4, "seed": 1, "stages": ((0.0, 2, 2),), "network": NetworkConfig(widths=(8, 8, 8), hidden=8), "every": 2,
    "warmup": 2, "precision": "fp32",
}  # fmt: skip


def main(shards: Path, run: Path, weights: Path) -> None:
    import torch
    from osdclean.engine.train.batches import Examples
    from osdclean.engine.train.config import TrainConfig
    from osdclean.engine.train.distributed import joined
    from osdclean.engine.train.loop import Training, fit

    torch.set_num_threads(1)
    config = TrainConfig(**CONFIG)
    with joined() as team:
        fit(config, shards, run, lambda _: None, None, None, team)
        training, examples = Training(config, team, None), Examples(shards, "train")
        while training.step < config.steps:
            training.update(examples)
        torch.save(training.network.state_dict(), weights)


if __name__ == "__main__":
    main(*(Path(word) for word in sys.argv[1:]))

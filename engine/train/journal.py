"""The journal of a training: `curve.jsonl`, one line per validation, and TensorBoard's files where it is installed."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
from torch import nn

from .. import outputs

#: The part of a network whose gradients the user's documents saw vanish: in its parameters' names.
RECURRENT = "lstm."


def gradients(network: nn.Module) -> dict[str, float]:
    """Norm of each parameter's gradient; read before it is clipped."""
    return {name: float(p.grad.norm()) for name, p in network.named_parameters() if p.grad is not None}


def recurrent_share(norms: dict[str, float]) -> float:
    """Norm of the recurrent part's gradient over that of the whole, 0..1."""
    whole = math.hypot(*norms.values())
    return math.hypot(*(v for name, v in norms.items() if RECURRENT in name)) / whole if whole else 0.0


class Journal:
    """Writes both; lines after step `begin` (of a run that was killed after its last checkpoint) are taken back."""

    def __init__(self, run: Path, begin: int) -> None:
        self._curve = run / "curve.jsonl"
        if self._curve.exists():
            rows = [line for line in self._curve.read_text().splitlines() if json.loads(line)["step"] <= begin]
            with outputs.whole(self._curve) as beside:
                beside.write_text("".join(f"{row}\n" for row in rows))
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            self._board = None
        else:
            self._board = SummaryWriter(str(run / "tensorboard"), purge_step=begin + 1)

    @property
    def has_board(self) -> bool:
        return self._board is not None

    def step(self, step: int, scalars: dict[str, float]) -> None:
        """What one step showed, by name (`loss/luma`, `rate`, `gradient/total`)."""
        if self._board is not None:
            for name, value in scalars.items():
                self._board.add_scalar(name, value, step)

    def row(self, step: int, figures: dict[str, float], picture: np.ndarray | None, caption: str) -> None:
        """A validation: figures by name, and a picture uint8 [H, W] or RGB [H, W, 3] with its caption."""
        with open(self._curve, "a") as f:
            f.write(json.dumps({"step": step, **figures}) + "\n")
        if self._board is not None:
            for name, value in figures.items():
                self._board.add_scalar(f"validation/{name}", value, step)
            if picture is not None:
                self._board.add_image(caption, picture, step, dataformats="HW" if picture.ndim == 2 else "HWC")
            self._board.flush()

    def close(self) -> None:
        if self._board is not None:
            self._board.close()

"""What training is told: one dataclass, any field of which the command line can set."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

from ..errors import ArgumentError
from ..network import NetworkConfig
from ..settings import PRECISIONS

HOLE_LOSSES = ("rms", "psnr", "l1", "charbonnier")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One training.

    steps: updates in all. seed: of the weights and of what each step draws.
    stages: (share of the steps after which it begins, frames per sequence, examples per process and update).
    accumulate: batches whose gradients are summed up for one update. truncate: frames after which the state goes on
        without its gradient, 0: never within a sequence.
    rate: of the optimiser (AdamW), reached after `warmup` steps; schedule: "cosine" to a hundredth, or "constant".
    ema: share of the averaged weights that a step keeps. clip: largest norm of the gradient.
    precision: "auto" and "bf16" compute in bfloat16, "fp16" with scaled losses (CUDA), "fp32" without either.
    hole: the loss in the hole, "rms" (root mean square of each tile), "psnr" (mean square over that of its footage's
        best candidate), "l1" or "charbonnier"; floor: miss of full scale below which little is left to gain (not l1).
    chroma, temporal, adversarial: weights of these losses beside luma's; 0 leaves one out. temporal: of the change of
        the miss along the motion. critic_rate, critic_widths: of the adversary (Adam, betas 0.5 and 0.999).
    every: steps between validations. save: steps between checkpoints.
    network: its widths; not asked where training begins with weights.
    """

    steps: int = 10_000
    seed: int = 1
    stages: tuple[tuple[float, int, int], ...] = ((0.0, 1, 24), (0.35, 2, 16), (0.75, 5, 8))
    accumulate: int = 1
    truncate: int = 0
    rate: float = 1e-3
    warmup: int = 200
    schedule: str = "cosine"
    ema: float = 0.998
    clip: float = 1.0
    precision: str = "auto"
    hole: str = "rms"
    floor: float = 0.004
    chroma: float = 0.5
    temporal: float = 0.5
    adversarial: float = 0.0
    critic_rate: float = 2e-4
    critic_widths: tuple[int, ...] = (32, 64, 128)
    every: int = 400
    save: int = 100
    network: NetworkConfig = field(default_factory=NetworkConfig)

    def __post_init__(self) -> None:
        for name, low in (("steps", 1), ("accumulate", 1), ("truncate", 0), ("every", 1), ("save", 1), ("warmup", 0)):
            if getattr(self, name) < low:
                raise ArgumentError(f"{name} must be at least {low}, passed {getattr(self, name)}")
        for name in ("rate", "floor", "clip", "critic_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise ArgumentError(f"{name} must be above 0, passed {getattr(self, name)}")
        for name in ("chroma", "temporal", "adversarial"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ArgumentError(f"{name} must be 0 or more, passed {getattr(self, name)}")
        if not 0 <= self.ema < 1:
            raise ArgumentError(f"ema must be 0 or more and below 1, passed {self.ema}")
        choices = {"schedule": ("cosine", "constant"), "precision": PRECISIONS, "hole": HOLE_LOSSES}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ArgumentError(f"{name} must be one of {', '.join(allowed)}, passed {getattr(self, name)}")
        if not self.stages or self.stages[0][0] != 0 or any(min(s[1:]) < 1 for s in self.stages):
            raise ArgumentError(
                "stages must be (share, frames, batch) with the first share 0 and at least 1 frame and example, passed "
                f"{self.stages}"
            )

    def stage(self, step: int) -> tuple[int, int]:
        """(frames, batch) at a step."""
        return [s[1:] for s in self.stages if step >= s[0] * self.steps][-1]

    def rate_at(self, step: int) -> float:
        """Share of a rate (the network's or the adversary's) that holds at a step, 0..1."""
        rising = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        if self.schedule == "constant":
            return rising
        return rising * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, step / self.steps))))


def overridden(config: TrainConfig, words: Sequence[str]) -> TrainConfig:
    """`config` with fields set as on the command line: `rate=5e-4`, `network.widths=(32,48,64)`.

    Raises ArgumentError.
    """
    for word in words:
        name, equals, text = word.partition("=")
        owner, _, inner = name.rpartition(".")
        holder = config if not owner else getattr(config, owner, None)
        names = [f.name for f in fields(holder)] if holder is not None and owner in ("", "network") else []
        if not equals or inner not in names or name == "network":
            known = [f.name for f in fields(config) if f.name != "network"]
            known += [f"network.{f.name}" for f in fields(config.network)]
            raise ArgumentError(f"a setting must be NAME=VALUE with NAME of {', '.join(known)}, passed {word}")
        before = getattr(holder, inner)
        try:
            value = text if isinstance(before, str) else ast.literal_eval(text)
            value = float(value) if isinstance(before, float) and isinstance(value, int) else value
        except (ValueError, SyntaxError):
            value = None
        if type(value) is not type(before):
            raise ArgumentError(f"{name} must be like {before!r}, passed {text}")
        try:
            config = replace(config, **({owner: replace(holder, **{inner: value})} if owner else {inner: value}))
        except (TypeError, IndexError):
            raise ArgumentError(f"{name} must be like {before!r}, passed {text}") from None
    return config

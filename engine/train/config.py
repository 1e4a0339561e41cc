"""What training is told: one dataclass per recipe, any field of which the command line can set."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from ..detect.network import DetectionConfig
from ..errors import ArgumentError
from ..network import NetworkConfig
from ..networks import published
from ..networks.recurrent_unet import RecurrentUNetConfig
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
    stages: tuple[tuple[float, int, int], ...] = ((0.0, 1, 24), (0.3, 6, 6), (0.7, 9, 4))
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
    temporal: float = 2.0
    adversarial: float = 0.0
    critic_rate: float = 2e-4
    critic_widths: tuple[int, ...] = (32, 64, 128)
    every: int = 400
    save: int = 100
    network: NetworkConfig = field(default_factory=NetworkConfig)

    def __post_init__(self) -> None:
        _check(
            self,
            least={"steps": 1, "accumulate": 1, "truncate": 0, "every": 1, "save": 1, "warmup": 0},
            positive=("rate", "floor", "clip", "critic_rate"),
            weights=("chroma", "temporal", "adversarial"),
            shares=("ema",),
            choices=(("schedule", ("cosine", "constant")), ("precision", PRECISIONS), ("hole", HOLE_LOSSES)),
        )
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
        if self.schedule == "constant":
            return min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        return cosine(step, self.steps, self.warmup)


@dataclass(frozen=True, kw_only=True)
class ClassicConfig:
    """One training of the classic recipe, in the hyper-parameters of the user's documents.

    channels, features, tanh, residual: see `RecurrentUNetConfig`.
    size: (width, height) to which all is resized; frames: per sequence; batch: sequences per process and update.
    epochs: times as many examples as there are clips; steps: updates in all, 0: so many as the epochs make.
    seed: of the weights and of what each step draws. rate: of Adam, with its own betas.
    adversarial: whether an adversary (critic_widths) is trained beside; then both learn with Adam at adversarial_rate,
        betas 0.5 and 0.999, and the network's loss is the adversary's verdict and `reconstruction` times L1.
    logo_prior: weight of `losses.logo_prior` beside the rest; 0 leaves it out.
    every: steps between validations. save: steps between checkpoints.
    """

    channels: int = 3
    features: tuple[int, ...] = (64, 128, 256, 512)
    tanh: bool = False
    residual: bool = False
    size: tuple[int, int] = (480, 270)
    frames: int = 4
    batch: int = 2
    epochs: int = 50
    steps: int = 0
    seed: int = 1
    rate: float = 1e-4
    adversarial: bool = False
    adversarial_rate: float = 2e-4
    critic_widths: tuple[int, ...] = (64, 128, 256, 512)
    reconstruction: float = 100.0
    logo_prior: float = 0.0
    every: int = 400
    save: int = 100

    def __post_init__(self) -> None:
        _check(
            self,
            least={"frames": 1, "batch": 1, "epochs": 1, "steps": 0, "seed": 0, "every": 1, "save": 1},
            positive=("rate", "adversarial_rate"),
            weights=("reconstruction", "logo_prior"),
        )
        for name in ("size", "critic_widths"):
            if not getattr(self, name) or any(type(n) is not int or n < 1 for n in getattr(self, name)):
                raise ArgumentError(f"{name} must be whole numbers of at least 1, passed {getattr(self, name)}")
        # Pooled once per level but the first; halved per layer of the adversary, whose last one needs two samples.
        least = 2 ** (len(self.network.features) - 1)
        if self.adversarial:
            least = max(least, 2 ** (len(self.critic_widths) + 1))
        if len(self.size) != 2 or min(self.size) < least:
            raise ArgumentError(f"size must be (width, height) of at least {least} each, passed {self.size}")

    @property
    def network(self) -> RecurrentUNetConfig:
        """The network's own part."""
        return RecurrentUNetConfig(
            channels=self.channels, features=self.features, tanh=self.tanh, residual=self.residual
        )

    def lasting(self, clips: int, processes: int) -> ClassicConfig:
        """The same with `steps` told: where it is 0, so many as `epochs` over `clips` take a team of `processes`."""
        return replace(self, steps=self.steps or math.ceil(self.epochs * clips / (self.batch * processes)))


class Annealed:
    """Base of settings with a rate that rises over `warmup` steps and falls, by a cosine, until `steps`."""

    steps: int
    warmup: int

    def rate_at(self, step: int) -> float:
        """Share of the rate that holds at a step, 0..1."""
        return cosine(step, self.steps, self.warmup)


@dataclass(frozen=True, kw_only=True)
class DetectorConfig(Annealed):
    """One training of the detector.

    steps: updates in all. seed: of the weights and of what each step draws. frames: of a sequence; batch: sequences per
    process and update. rate: of AdamW, reached after `warmup` steps, then a cosine to a hundredth. ema: share of the
    averaged weights that a step keeps. clip: largest norm of the gradient. overlap: weight of the overlap loss (Dice)
    beside cross-entropy. precision: "auto" and "bf16" compute in bfloat16, "fp32" does not.
    every: steps between validations. save: steps between checkpoints. network: its widths.
    """

    steps: int = 6_000
    seed: int = 1
    frames: int = 4
    batch: int = 6
    rate: float = 2e-3
    warmup: int = 200
    ema: float = 0.998
    clip: float = 1.0
    overlap: float = 0.5
    precision: str = "auto"
    every: int = 400
    save: int = 100
    network: DetectionConfig = field(default_factory=DetectionConfig)

    def __post_init__(self) -> None:
        _check(
            self,
            least={"steps": 1, "seed": 0, "frames": 1, "batch": 1, "every": 1, "save": 1, "warmup": 0},
            positive=("rate", "clip"),
            weights=("overlap",),
            shares=("ema",),
            choices=(("precision", ("auto", "bf16", "fp32")),),
        )


@dataclass(frozen=True, kw_only=True)
class PublishedConfig(Annealed):
    """One training of a published network.

    name: of the network, see `published.NETWORKS`; network: its own configuration (None: its defaults).
    steps: updates in all. seed: of the weights and of what each step draws. calls: of the network, one after the other,
    in a sequence, the state carried; batch: sequences per process and update; side: of their windows, pixels, where the
    network has no size of its own. rate: of AdamW, reached after `warmup` steps, then a cosine to a hundredth. clip:
    largest norm of the gradient. precision: "auto" and "bf16" compute in bfloat16, "fp32" does not.
    every: steps between validations. save: steps between checkpoints.
    """

    name: str = "recurrent-unet"
    steps: int = 2_000
    seed: int = 1
    calls: int = 2
    batch: int = 2
    side: int = 128
    rate: float = 5e-4
    warmup: int = 50
    clip: float = 1.0
    precision: str = "auto"
    every: int = 200
    save: int = 100
    network: Any = None

    def __post_init__(self) -> None:
        _check(
            self,
            least={
                "steps": 1, "seed": 0, "calls": 1, "batch": 1, "side": 32, "warmup": 0, "every": 1, "save": 1,
            },
            positive=("rate", "clip"),
            weights=(),
            choices=(("name", tuple(published.NETWORKS)), ("precision", ("auto", "bf16", "fp32"))),
        )  # fmt: skip
        kind = published.known(self.name).CONFIG
        if self.side % 16:
            raise ArgumentError(f"side must be a multiple of 16, passed {self.side}")
        if self.network is None:
            object.__setattr__(self, "network", kind())
        elif not isinstance(self.network, kind):
            raise ArgumentError(f"network must be a {kind.__name__}, passed {type(self.network).__name__}")


#: Any recipe's settings.
Config = TrainConfig | ClassicConfig | DetectorConfig | PublishedConfig


def _check(
    config: Config,
    least: Mapping[str, int],
    positive: Sequence[str],
    weights: Sequence[str],
    shares: Sequence[str] = (),
    choices: Sequence[tuple[str, Sequence[str]]] = (),
) -> None:
    """Raises ArgumentError where a field is not what it must be.

    least: lowest values; positive: fields above 0; weights: 0 or more; shares: 0 or more and below 1; choices: fields
    and what they may be.
    """

    def check(name: str, fits: Callable[[Any], bool], wanted: str) -> None:
        value = getattr(config, name)
        if not fits(value):
            raise ArgumentError(f"{name} must be {wanted}, passed {value}")

    for name, low in least.items():
        check(name, lambda value, low=low: value >= low, f"at least {low}")
    for name in positive:
        check(name, lambda value: 0 < value < math.inf, "above 0")
    for name in weights:
        check(name, lambda value: 0 <= value < math.inf, "0 or more")
    for name in shares:
        check(name, lambda value: 0 <= value < 1, "0 or more and below 1")
    for name, allowed in choices:
        check(name, allowed.__contains__, f"one of {', '.join(allowed)}")


def cosine(step: int, steps: int, warmup: int) -> float:
    """Share of a rate at a step: rising over `warmup`, then a cosine to a hundredth at `steps`."""
    rising = min(1.0, (step + 1) / warmup) if warmup else 1.0
    return rising * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps))))


def overridden[C: (TrainConfig, ClassicConfig, DetectorConfig, PublishedConfig)](config: C, words: Sequence[str]) -> C:
    """`config` with fields set as on the command line: `rate=5e-4`, `network.widths=(32,48,64)`.

    Raises ArgumentError.
    """
    inside = [f.name for f in fields(config) if is_dataclass(getattr(config, f.name))]
    for word in words:
        name, equals, text = word.partition("=")
        owner, _, inner = name.rpartition(".")
        holder = config if not owner else getattr(config, owner) if owner in inside else None
        names = [f.name for f in fields(holder)] if holder is not None else []
        if not equals or inner not in names or name in inside:
            known = [f.name for f in fields(config) if f.name not in inside]
            known += [f"{part}.{f.name}" for part in inside for f in fields(getattr(config, part))]
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

"""Losses of a sequence, and the adversary that some trainings add."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..network import Inputs, warp
from .config import TrainConfig
from .distributed import Team


class Truth(NamedTuple):
    """One frame: luma [K, 1, H, W], chroma [K, 2, h, w], and counted [K, 1, H, W], 1 where a miss counts (the hole, as
    far as the truth is known there)."""

    luma: Tensor
    chroma: Tensor
    counted: Tensor


class Outcome(NamedTuple):
    """total: the loss; parts: what it is the weighted sum of; made, true: [K, 3, T, H, W], the restored sequence and
    the truth (luma, chroma at luma's size), equal outside the hole."""

    total: Tensor
    parts: dict[str, Tensor]
    made: Tensor
    true: Tensor


def hole_loss(miss: Tensor, hole: Tensor, scale: Tensor, config: TrainConfig) -> Tensor:
    """Loss of a miss [K, C, H, W] (of full scale) in the hole [K, 1, H, W] as far as it counts.

    scale: [K], the mean square miss of the best candidate in the footage that a tile comes from.

    "rms": PSNR's own measure, tile by tile, so that a tile's worst samples weigh most, but a tile of grass no more than
    one of sky. "psnr": what lessens a mean of PSNRs over footage of all kinds: mean squares, each weighted by what its
    footage leaves to gain. A mean of absolute misses takes the likelier of two candidates however wrong the other case
    would be.
    """
    count = hole.sum((1, 2, 3))
    if config.hole in ("rms", "psnr"):
        square = (miss * miss * hole).sum((1, 2, 3)) / (count.clamp(min=1) * miss.shape[1])
        size = torch.sqrt(square + config.floor**2) if config.hole == "rms" else square / (scale + config.floor**2)
        return (size * count).sum() / count.sum().clamp(min=1)
    size = miss.abs() if config.hole == "l1" else torch.sqrt(miss * miss + config.floor**2)
    return (size * hole).sum() / (count.sum().clamp(min=1) * miss.shape[1])


def logo_prior(given: Tensor, made: Tensor, threshold: float = 0.04, softness: float = 0.02) -> Tensor:
    """Variance over time of the binarised change, for a mark that keeps its place: what is changed in one frame is to
    be changed in all (the user's notes on learned erasing).

    given, made: [K, T, C, H, W], 0..1, before and after. The step at `threshold` is a sigmoid, so that it has a
    gradient. For networks that see no mask; where the hole is given, only its samples can change.
    """
    changed = torch.sigmoid(((made - given).abs().amax(2) - threshold) / softness)
    return changed.var(1, correction=0).mean()


class Objective(nn.Module):
    """The network over a whole sequence: one forward pass per update, as DistributedDataParallel wants it."""

    def __init__(self, network: nn.Module, config: TrainConfig) -> None:
        super().__init__()
        self.network, self._config = network, config

    def forward(self, inputs: Sequence[Inputs], truth: Sequence[Truth], scale: Tensor) -> Outcome:
        """Loss of T frames, the state carried from one to the next; scale [K]: see `hole_loss`."""
        config = self._config
        state, before = None, None
        parts: dict[str, Tensor] = {}
        made, true = [], []

        def add(name: str, value: Tensor) -> None:
            parts[name] = parts.get(name, 0) + value / len(inputs)

        for k, (given, (luma, chroma, counted)) in enumerate(zip(inputs, truth, strict=True)):
            if config.truncate and k and k % config.truncate == 0:
                state = type(state)(*(t.detach() for t in state))
            out, state = self.network(given, state)
            miss = out[0] - luma, out[1] - chroma
            small = (F.max_pool2d(counted, counted.shape[3] // chroma.shape[3]) > 0).float()
            add("luma", hole_loss(miss[0], counted, scale, config))
            if config.chroma:
                add("chroma", hole_loss(miss[1], small, scale, config))
            if config.temporal and before is not None:
                # What was wrong here a moment ago may stay wrong; that it changes is what is seen.
                flow = F.interpolate(given.flow, luma.shape[2:], mode="bilinear", align_corners=False)
                add("temporal", hole_loss(miss[0] - warp(before, flow), counted, scale, config))
            before = miss[0]
            if config.adversarial:
                whole = [luma, F.interpolate(chroma, luma.shape[2:])]
                wrong = [miss[0] * counted, F.interpolate(miss[1] * small, luma.shape[2:])]
                true.append(torch.cat(whole, 1))
                made.append(true[-1] + torch.cat(wrong, 1))
        weights = {"luma": 1.0, "chroma": config.chroma, "temporal": config.temporal}
        total = sum(weights[name] * value for name, value in parts.items())
        return Outcome(total, parts, *(torch.stack(p, 2) if p else truth[0].luma.new_zeros(0) for p in (made, true)))


class Critic(nn.Module):
    """The adversary: 3-D convolutions over a sequence, one verdict per patch (the user's training script).

    Kernel 3x4x4, stride 1x2x2, LeakyReLU 0.2, InstanceNorm3d from the second layer on. [K, 3, T, H, W] -> logits
    [K, 1, T, h, w].
    """

    def __init__(self, widths: Sequence[int], channels: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for k, width in enumerate(widths):
            layers.append(nn.Conv3d(channels, width, (3, 4, 4), (1, 2, 2), 1))
            if k:
                layers.append(nn.InstanceNorm3d(width))
            layers.append(nn.LeakyReLU(0.2))
            channels = width
        self.layers = nn.Sequential(*layers, nn.Conv3d(channels, 1, (3, 4, 4), 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def believed(logits: Tensor, real: bool) -> Tensor:
    """Binary cross-entropy of verdicts against what they should be."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


class Adversary:
    """A critic, its optimiser (Adam, betas 0.5 and 0.999), and both sides of its game."""

    def __init__(self, widths: Sequence[int], rate: float, team: Team) -> None:
        self.critic = Critic(widths).to(team.device)
        self.optimiser = torch.optim.Adam(self.critic.parameters(), lr=rate, betas=(0.5, 0.999))
        self._judge = team.wrapped(self.critic)

    def doubt(self, made: Tensor) -> Tensor:
        """The network's loss: how far `made` [K, 3, T, H, W] is from being taken for true. The critic gets no gradient
        by it."""
        self.critic.requires_grad_(False)
        loss = believed(self.critic(made), True)
        self.critic.requires_grad_(True)
        return loss

    def learn(self, true: Tensor, made: Tensor, precision: AbstractContextManager) -> Tensor:
        """A step of the critic; returns its loss. precision: in which it computes."""
        self.optimiser.zero_grad(set_to_none=True)
        both = torch.cat([true, made.detach()])
        with precision:
            judged_true, judged_made = self._judge(both).chunk(2)
            loss = (believed(judged_true, True) + believed(judged_made, False)) / 2
        loss.backward()
        self.optimiser.step()
        return loss

    def parts(self) -> dict[str, Any]:
        """What a step of it changes, by the names under which a checkpoint holds it."""
        return {"critic": self.critic, "critic_optimiser": self.optimiser}

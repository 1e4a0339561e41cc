"""RNoT: OPN's reading of other frames, the hole filled in one shot, and region normalisation instead of gates.

Sources: the reading: Oh, Lee, Lee, Kim, "Onion-Peel Networks for Deep Video Completion", ICCV 2019 (`opn`); region
normalisation: Yu et al., "Region Normalization for Image Inpainting", AAAI 2020. Statistics over hole and rest together
shift the colours of both; here each has its own, in the encoder by the mask, in the decoder by one that it learns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ArgumentError
from .opn import Enlarged, Memory, around, shrunk
from .published import Published, State, whole


@dataclass(frozen=True, kw_only=True)
class RNoTConfig:
    """width: channels of the frames' first features, doubled in those that are read; key: channels that positions are
    compared by; blocks: residual ones before reading and after it; memory, stride: how many frames are seen on either
    side, and how far from each other.

    Raises ArgumentError.
    """

    width: int = 32
    key: int = 32
    blocks: tuple[int, int] = (4, 8)
    memory: int = 5
    stride: int = 6

    def __post_init__(self) -> None:
        whole(self, "width", "key", "memory", "stride")
        if len(self.blocks) != 2 or any(type(one) is not int or one < 1 for one in self.blocks):
            raise ArgumentError(f"blocks must be two whole numbers of at least 1, passed {self.blocks}")


#: Parameters whose first side is a setting, and how many layers come before residual blocks.
_TELLING = {"width": "encoder.0.conv.weight", "key": "memory.key.weight"}
_STEPS = {"encoder.": 3, "decoder.": 1}


def normalised(x: Tensor, region: Tensor) -> Tensor:
    """x with mean 0 and variance 1 per picture and channel, in the region and outside it each.

    x: [B, C, h, w]; region: [B, 1, h, w], 1 or 0, either of them perhaps nowhere.
    """
    # Sums over a picture leave half precision.
    whole, out = x.float(), 0
    for part in (region.float(), 1 - region.float()):
        count = part.sum((2, 3), keepdim=True).clamp(min=1)
        centred = (whole - (whole * part).sum((2, 3), keepdim=True) / count) * part
        out = out + centred * torch.rsqrt(centred.square().sum((2, 3), keepdim=True) / count + 1e-5)
    return out.to(x.dtype)


class Given(nn.Module):
    """RN-B: normalised by the hole that is given, and scaled and shifted in it and outside it each."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        # Of the hole, and of the rest.
        self.weight = nn.Parameter(torch.ones(2, channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(2, channels, 1, 1))

    def forward(self, x: Tensor, hole: Tensor) -> Tensor:
        """x: [B, C, h, w]; hole: [B, 1, h, w], 1 or 0."""
        weight, bias = (hole * of[0] + (1 - hole) * of[1] for of in (self.weight, self.bias))
        return normalised(x, hole) * weight + bias


class Learned(nn.Module):
    """RN-L: normalised by a region that it learns to see, and scaled and shifted by how much each position is of it."""

    #: From which it is of the region.
    LEAST = 0.8

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.seen = nn.Conv2d(2, 1, 3, padding=1)
        self.affine = nn.Conv2d(1, 2 * channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        seen = torch.sigmoid(self.seen(torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], 1)))
        weight, bias = self.affine(seen).chunk(2, 1)
        return normalised(x, (seen > self.LEAST).to(x.dtype)) * (1 + weight) + bias


class Step(nn.Module):
    """3x3 convolution, normalisation, ReLU. hole: of the size that comes out, where it is normalised by that."""

    def __init__(self, norm: type[Given | Learned], before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.norm = norm(after)

    def forward(self, x: Tensor, *hole: Tensor) -> Tensor:
        return torch.relu(self.norm(self.conv(x), *hole))


class Residual(nn.Module):
    """Two convolutions, the first over twice the width, each normalised, added to what it is given."""

    def __init__(self, norm: type[Given | Learned], channels: int) -> None:
        super().__init__()
        self.wide = nn.Conv2d(channels, channels, 3, padding=2, dilation=2, bias=False)
        self.first = norm(channels)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second = norm(channels)

    def forward(self, x: Tensor, *hole: Tensor) -> Tensor:
        return x + self.second(self.conv(torch.relu(self.first(self.wide(x), *hole))), *hole)


class RNoT(Published):
    """One frame per call, with those around it; its own known parts are read with theirs."""

    NAME, CONFIG = "rnot", RNoTConfig
    #: How much smaller than frames their features are.
    MULTIPLE = 4

    def __init__(self, config: RNoTConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or RNoTConfig()
        self.REACH = config.memory * config.stride
        width, wide = config.width, 2 * config.width
        before, after = config.blocks
        self.encoder = nn.ModuleList([Step(Given, 4, width), Step(Given, width, wide, 2), Step(Given, wide, wide, 2)])
        self.encoder.extend(Residual(Given, wide) for _ in range(before))
        self.memory = Memory(wide, config.key)
        self.decoder = nn.ModuleList([Step(Learned, 2 * wide, wide)])
        self.decoder.extend(Residual(Learned, wide) for _ in range(after))
        self.enlarged = Enlarged()
        self.last = nn.ModuleList([Step(Learned, wide, width), Step(Learned, width, width)])
        self.colours = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, frames: Tensor, masks: Tensor) -> Tensor:
        """frames: [B, T, 3, H, W], -1..1, the one to be restored first; masks: [B, T, 1, H, W], 1 in the hole, else 0.
        Returns that frame, [B, 3, H, W], -1..1."""
        seen = torch.cat([frames * (1 - masks), masks], 2)
        holes = [shrunk(masks, scale) for scale in (1, 2, self.MULTIPLE)]
        x = seen.flatten(0, 1)
        for layer, hole in zip(self.encoder, holes + holes[-1:] * self.config.blocks[0], strict=True):
            x = layer(x, hole.flatten(0, 1))
        x = x.unflatten(0, frames.shape[:2])
        held = self.memory.held(x, 1 - holes[-1])
        x = self.memory(x[:, 0], holes[-1][:, 0], held)
        for layer in self.decoder:
            x = layer(x)
        for layer in self.last:
            x = layer(self.enlarged(x))
        return torch.tanh(self.colours(x))

    def restore(self, frames: Tensor, masks: Tensor, count: int, state: State = None) -> tuple[Tensor, State]:
        return self(frames, masks)[:, None], None

    def sees(self, group: range, scene: range) -> list[int]:
        return around(group, scene, self.config.memory, self.config.stride)

    @classmethod
    def described(cls, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
        shapes = {k: tensors[name].shape for k, name in _TELLING.items() if name in tensors}
        told: dict[str, Any] = {k: shape[0] for k, shape in shapes.items() if len(shape) and shape[0]}
        steps = {part: {name.split(".")[1] for name in tensors if name.startswith(part)} for part in _STEPS}
        blocks = tuple(len(steps[part]) - count for part, count in _STEPS.items())
        return told | ({"blocks": blocks} if min(blocks) > 0 else {})

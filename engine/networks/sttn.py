"""STTN: frames of a scene restored together, by attention between patches of them all, of several sizes at once.

Source: Zeng, Fu, Chao, "Learning Joint Spatial-Temporal Transformations for Video Inpainting", ECCV 2020; parameters
have the names and shapes published with it, so that its weights load. `maskfree` is for what no mask tells of, as
subtitles: frames go in as they are, and every patch may be copied from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ArgumentError
from .published import Published, State, whole

#: How much smaller than frames their features are.
_SCALE = 4


@dataclass(frozen=True, kw_only=True)
class STTNConfig:
    """channels: of the features that patches are of; width: of the frames' first features; blocks: of attention; parts:
    of how many patches a side of the features is, for each head (published: of 108x60, 36x20, 18x10 and 9x5); size:
    (height, width) of frames; maskfree: whether the hole is left out of it all.

    Raises ArgumentError.
    """

    channels: int = 256
    width: int = 64
    blocks: int = 8
    parts: tuple[int, ...] = (1, 3, 6, 12)
    size: tuple[int, int] = (240, 432)
    maskfree: bool = False

    def __post_init__(self) -> None:
        whole(self, "channels", "width", "blocks")
        for name in ("parts", "size"):
            if not (values := getattr(self, name)) or any(type(one) is not int or one < 1 for one in values):
                raise ArgumentError(f"{name} must be whole numbers of at least 1, passed {values}")
        if self.channels % len(self.parts):
            raise ArgumentError(f"channels must be shared evenly by {len(self.parts)} parts, passed {self.channels}")
        step = _SCALE * math.lcm(*self.parts)
        if len(self.size) != 2 or any(side % step for side in self.size):
            raise ArgumentError(f"size must be two multiples of {step} for parts {self.parts}, passed {self.size}")


def _lrelu() -> nn.Module:
    return nn.LeakyReLU(0.2)


def _cut(x: Tensor, parts: int) -> Tensor:
    """Patches of [B, T, C, h, w]: [B, T * parts * parts, C * h * w / (parts * parts)]."""
    b, t, c, h, w = x.shape
    x = x.reshape(b, t, c, parts, h // parts, parts, w // parts)
    return x.permute(0, 1, 3, 5, 2, 4, 6).reshape(b, t * parts * parts, -1)


def _joined(patches: Tensor, parts: int, shape: torch.Size) -> Tensor:
    """What `_cut` made patches of; shape: its [B, T, C, h, w]."""
    b, t, c, h, w = shape
    x = patches.reshape(b, t, parts, parts, c, h // parts, w // parts)
    return x.permute(0, 1, 4, 2, 5, 3, 6).reshape(b, t, c, h, w)


class Attention(nn.Module):
    """Each head attends from each of its patches to those of all frames."""

    def __init__(self, channels: int, parts: tuple[int, ...]) -> None:
        super().__init__()
        self.parts = parts
        self.query_embedding = nn.Conv2d(channels, channels, 1)
        self.value_embedding = nn.Conv2d(channels, channels, 1)
        self.key_embedding = nn.Conv2d(channels, channels, 1)
        self.output_linear = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), _lrelu())

    def forward(self, x: Tensor, hole: Tensor) -> Tensor:
        """x: [B, T, C, h, w]; hole: [B, T, 1, h, w], 0..1; patches mostly of it are not attended to."""
        flat, shape = x.flatten(0, 1), x.shape[:2]
        embeddings = (self.query_embedding, self.key_embedding, self.value_embedding)
        heads = zip(*(made(flat).unflatten(0, shape).chunk(len(self.parts), 2) for made in embeddings), strict=True)
        out = []
        for parts, (query, key, value) in zip(self.parts, heads, strict=True):
            q, k, v = (_cut(one, parts) for one in (query, key, value))
            # Scaled first: so many products would leave half precision.
            scores = (q / math.sqrt(q.shape[-1])) @ k.transpose(1, 2)
            shut = (_cut(hole, parts).mean(-1) > 0.5)[:, None]
            # Not -inf: where all are shut all count alike.
            weights = scores.float().masked_fill(shut, -1e9).softmax(-1).to(v.dtype)
            out.append(_joined(weights @ v, parts, value.shape))
        return self.output_linear(torch.cat(out, 2).flatten(0, 1)).unflatten(0, shape)


class FeedForward(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = nn.Conv2d(channels, channels, 3, padding=2, dilation=2)
        self.conv = nn.Sequential(wide, _lrelu(), nn.Conv2d(channels, channels, 3, padding=1), _lrelu())

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x.flatten(0, 1)).unflatten(0, x.shape[:2])


class Block(nn.Module):
    def __init__(self, channels: int, parts: tuple[int, ...]) -> None:
        super().__init__()
        self.attention = Attention(channels, parts)
        self.feed_forward = FeedForward(channels)

    def forward(self, x: Tensor, hole: Tensor) -> Tensor:
        x = x + self.attention(x, hole)
        return x + self.feed_forward(x)


class Enlarged(nn.Module):
    """3x3 convolution of what is enlarged twice."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True))


class STTN(Published):
    """Five frames per call, with those near to them and every tenth of the scene, as published."""

    NAME, CONFIG, GROUP = "sttn", STTNConfig, 5
    #: Frames seen before and after the group; of all others, one in so many, no farther than in the clips of 100 frames
    #: that it was published for.
    NEAR, STRIDE, REACH = 5, 10, 100

    def __init__(self, config: STTNConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or STTNConfig()
        self.size = config.size
        channels, width = config.channels, config.width
        self.transformer = nn.ModuleList(Block(channels, config.parts) for _ in range(config.blocks))
        self.encoder = nn.Sequential()
        steps = ((3, width, 2), (width, width, 1), (width, 2 * width, 2), (2 * width, channels, 1))
        for before, after, stride in steps:
            self.encoder.extend([nn.Conv2d(before, after, 3, stride, padding=1), _lrelu()])
        self.decoder = nn.Sequential(
            Enlarged(channels, 2 * width),
            _lrelu(),
            nn.Conv2d(2 * width, width, 3, padding=1),
            _lrelu(),
            Enlarged(width, width),
            _lrelu(),
            nn.Conv2d(width, 3, 3, padding=1),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                # At the published width about the published 0.02.
                nn.init.normal_(layer.weight, std=layer.weight[0].numel() ** -0.5)
                nn.init.zeros_(layer.bias)

    def forward(self, frames: Tensor, masks: Tensor, count: int | None = None) -> Tensor:
        """frames: [B, T, 3, *size], -1..1, with 0 for what is not to be seen; masks: [B, T, 1, *size], 1 in the hole,
        else 0. Returns the first `count` of them (None: all) restored, [B, count, 3, *size], -1..1."""
        x = self.encoder(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
        hole = masks[..., ::_SCALE, ::_SCALE]
        for block in self.transformer:
            x = block(x, hole)
        x = x[:, :count]
        return torch.tanh(self.decoder(x.flatten(0, 1))).unflatten(0, x.shape[:2])

    def restore(self, frames: Tensor, masks: Tensor, count: int, state: State = None) -> tuple[Tensor, State]:
        if self.config.maskfree:
            masks = torch.zeros_like(masks)
        return self(frames * (1 - masks), masks, count), None

    def sees(self, group: range, scene: range) -> list[int]:
        first, last = max(group.start - self.NEAR, scene.start), min(group.stop + self.NEAR, scene.stop)
        near = [n for n in range(first, last) if n not in group]
        reach = range(max(group.start - self.REACH, scene.start), min(group.stop + self.REACH, scene.stop))
        return near + [n for n in reach if n % self.STRIDE == 0 and not first <= n < last]

    @classmethod
    def described(cls, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
        blocks = {name.split(".")[1] for name in tensors if name.startswith("transformer.")}
        told = {"blocks": len(blocks)}
        for name, layer in (("width", 0), ("channels", 6)):
            if (weight := tensors.get(f"encoder.{layer}.weight")) is not None and weight.dim():
                told[name] = weight.shape[0]
        return {name: value for name, value in told.items() if value}

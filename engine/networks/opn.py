"""OPN: the hole of one frame, filled from its border inwards, ring by ring, with what frames around it show.

Source: Oh, Lee, Lee, Kim, "Onion-Peel Networks for Deep Video Completion", ICCV 2019; narrower than there, and without
its network for temporal consistency. A ring asks, the known parts of all frames answer (asymmetric attention); what was
filled is known to the next ring.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .published import Published, State, whole


@dataclass(frozen=True, kw_only=True)
class OPNConfig:
    """width: channels of the frames' first features, doubled in those that are read (published: 64); key: channels that
    positions are compared by; rings: of the hole at most, the last of them all that is left; peel: of how many pixels a
    ring is; memory, stride: how many frames are seen on either side, and how far from each other.

    Raises ArgumentError.
    """

    width: int = 32
    key: int = 32
    rings: int = 8
    peel: int = 8
    memory: int = 5
    stride: int = 6

    def __post_init__(self) -> None:
        whole(self, *(field.name for field in fields(self)))


def around(group: range, scene: range, memory: int, stride: int) -> list[int]:
    """Every `stride`th frame before and after the group, `memory` of each at most, within the scene."""
    before = [group.start - k * stride for k in range(memory, 0, -1)]
    after = [group.stop - 1 + k * stride for k in range(1, memory + 1)]
    return [n for n in before + after if n in scene]


def shrunk(mask: Tensor, scale: int) -> Tensor:
    """A mask of 0 and 1, [..., 1, H, W], `scale` times smaller: 1 where it has any 1."""
    return F.max_pool2d(mask.flatten(0, -4), scale).unflatten(0, mask.shape[:-3])


class Memory(nn.Module):
    """What frames show at the places that are most like those that ask."""

    def __init__(self, channels: int, key: int) -> None:
        super().__init__()
        self.key = nn.Conv2d(channels, key, 3, padding=1)
        self.value = nn.Conv2d(channels, channels, 3, padding=1)
        for made in (self.key, self.value):
            # As strong as what it is given: weaker keys would all be alike.
            nn.init.normal_(made.weight, std=(9 * channels) ** -0.5)

    def held(self, x: Tensor, offered: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What `forward` reads: keys, values, and what is added where nothing is to be read. x: [B, T, C, h, w];
        offered: [B, T, 1, h, w], 1 where it may be read, else 0."""
        key, value = (made(x.flatten(0, 1)).unflatten(0, x.shape[:2]) for made in (self.key, self.value))
        # Not -inf: where nothing is offered all count alike.
        shut = ((1 - offered) * (torch.finfo(key.dtype).min / 2)).to(key.dtype)
        key, value, shut = (one.movedim(2, -1).flatten(1, 3)[:, None] for one in (key, value, shut))
        return key, value, shut.transpose(2, 3)

    def forward(self, x: Tensor, asked: Tensor, held: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """x: [B, C, h, w]; asked: [B, 1, h, w], 1 or 0. Its own values and those read, [B, 2 * C, h, w]; of these 0
        where nothing is asked."""
        key, value, shut = held
        # Positions at which none of the batch asks, and most are such, cost nothing.
        places = asked.amax((0, 1)).flatten().nonzero()[:, 0]
        query = self.key(x).flatten(2).index_select(2, places).transpose(1, 2)[:, None]
        found = F.scaled_dot_product_attention(query, key, value, attn_mask=shut)[:, 0].transpose(1, 2)
        own = self.value(x)
        read = torch.zeros_like(own).flatten(2).index_copy(2, places, found).view_as(own)
        return torch.cat([own, read * asked], 1)


class Gated(nn.Module):
    """3x3 convolution, LeakyReLU, and a gate of its own for each value."""

    def __init__(self, before: int, after: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, 2 * after, 3, stride, padding=dilation, dilation=dilation)
        # Gates and LeakyReLU leave about 0.15 of the power; without this, nothing of 20 layers' input is left.
        for half, power in zip(self.conv.weight.chunk(2), (1 / 0.15, 1), strict=True):
            nn.init.normal_(half, std=(power / (9 * before)) ** 0.5)
        nn.init.zeros_(self.conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        x, gate = self.conv(x).chunk(2, 1)
        return F.leaky_relu(x, 0.2) * torch.sigmoid(gate)


class Enlarged(nn.Module):
    """What it is given, twice as large."""

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class OPN(Published):
    """One frame per call, with those around it; its own known parts are read with theirs."""

    NAME, CONFIG = "opn", OPNConfig
    #: How much smaller than frames their features are.
    MULTIPLE = 4

    def __init__(self, config: OPNConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or OPNConfig()
        self.REACH = config.memory * config.stride
        width, wide = config.width, 2 * config.width
        # RGB, the hole, and what a frame is here for: the ring that asks, or what memory offers.
        self.encoder = nn.Sequential(
            Gated(5, width),
            Gated(width, width, stride=2),
            Gated(width, wide),
            Gated(wide, wide, stride=2),
            *(Gated(wide, wide, dilation=d) for d in (1, 2, 4)),
        )
        self.memory = Memory(wide, config.key)
        self.decoder = nn.Sequential(
            Gated(2 * wide, wide),
            *(Gated(wide, wide, dilation=d) for d in (1, 2, 4)),
            Enlarged(),
            Gated(wide, width),
            Enlarged(),
            Gated(width, width),
            nn.Conv2d(width, 3, 3, padding=1),
        )

    def forward(self, frames: Tensor, masks: Tensor, rings: int | None = None) -> Tensor:
        """frames: [B, T, 3, H, W], -1..1, the one to be restored first; masks: [B, T, 1, H, W], 1 in the hole, else 0;
        rings: in how many to fill it (None: as many as there may be). Returns that frame, [B, 3, H, W], -1..1, changed
        in the hole alone."""
        config = self.config
        known = frames * (1 - masks)
        x = self.encoder(torch.cat([known, masks, 1 - masks], 2).flatten(0, 1)).unflatten(0, frames.shape[:2])
        held = self.memory.held(x, 1 - shrunk(masks, self.MULTIPLE))
        frame, hole = known[:, 0], masks[:, 0]
        for left in reversed(range(config.rings if rings is None else rings)):
            ring = hole if not left else hole * self._grown(1 - hole)
            asked = self.memory(self.encoder(torch.cat([frame, hole, ring], 1)), shrunk(ring, self.MULTIPLE), held)
            frame = frame + ring * torch.tanh(self.decoder(asked))
            hole = hole - ring
        return frame

    def restore(self, frames: Tensor, masks: Tensor, count: int, state: State = None) -> tuple[Tensor, State]:
        # What is traced must not depend on one picture's hole; as many rings as there may be come to the same.
        traced = torch.compiler.is_compiling() or torch.jit.is_tracing()
        # One at least: a batch without a hole has a gradient, too.
        rings = None if traced else max(1, self.rings(masks[:, 0]))
        return self(frames, masks, rings)[:, None], None

    def sees(self, group: range, scene: range) -> list[int]:
        return around(group, scene, self.config.memory, self.config.stride)

    @torch.no_grad()
    def rings(self, hole: Tensor) -> int:
        """How many rings fill it. hole: [B, 1, H, W]."""
        count = 0
        while count < self.config.rings and hole.any():
            hole, count = hole * (1 - self._grown(1 - hole)), count + 1
        return count

    @classmethod
    def described(cls, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
        told = {"width": ("encoder.0.conv.weight", 2), "key": ("memory.key.weight", 1)}
        shapes = {k: (tensors[name].shape, by) for k, (name, by) in told.items() if name in tensors}
        return {k: shape[0] // by for k, (shape, by) in shapes.items() if len(shape) and shape[0] >= by}

    def _grown(self, mask: Tensor) -> Tensor:
        """A mask, [B, 1, H, W], and what is within a ring's width of it."""
        return F.max_pool2d(mask, 2 * self.config.peel + 1, 1, self.config.peel)

"""EDSR3D: EDSR on each frame, then 3-D convolutions over the frames, the spatial and temporal network of the user's
documents.

EDSR: Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", CVPRW 2017. Its body (residual
blocks without batch norm, one skip around them all) runs at a fraction of the frames' size, which it enters by pixel
unshuffle and leaves by EDSR's own pixel shuffle (Shi et al., CVPR 2016). The size does not change, so what is learnt
is a residual over the input with its holes blanked. Weights are our own: nothing was published for this pair.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ArgumentError
from .published import Published, State, whole


@dataclass(frozen=True, kw_only=True)
class EDSR3DConfig:
    """channels, blocks: of EDSR's body, and channels of the 3-D convolutions; factor: the frames' size to the body's
    (1, 2 or 4); residual: what a block adds, in hundredths (EDSR: 100, and 10 in its wide network).

    1.6 M parameters; channels=48, blocks=12 make 0.7 M.

    Raises ArgumentError.
    """

    channels: int = 64
    blocks: int = 16
    factor: int = 2
    residual: int = 100

    def __post_init__(self) -> None:
        whole(self, "channels", "blocks", "residual")
        if self.factor not in (1, 2, 4):
            raise ArgumentError(f"factor must be 1, 2 or 4, passed {self.factor}")


class Block(nn.Module):
    """Convolution, ReLU, convolution, times `scale`, added to the input."""

    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        self.a = nn.Conv2d(channels, channels, 3, padding=1)
        self.b = nn.Conv2d(channels, channels, 3, padding=1)
        self._scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return x + self._scale * self.b(F.relu(self.a(x)))


class EDSR3D(Published):
    """`out = network(frames, masks)` over a run of frames, of which the outer ones are seen alone."""

    NAME, CONFIG, GROUP = "edsr3d", EDSR3DConfig, 4
    #: The largest factor.
    MULTIPLE = 4
    #: Of three 3-D convolutions.
    REACH = 3

    def __init__(self, config: EDSR3DConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or EDSR3DConfig()
        width, square = config.channels, config.factor**2
        self.head = nn.Conv2d(4 * square, width, 3, padding=1)
        self.body = nn.Sequential(*(Block(width, config.residual / 100) for _ in range(config.blocks)))
        self.join = nn.Conv2d(width, width, 3, padding=1)
        # Not padded in time: a frame's answer does not depend on where in a run it stands.
        self.temporal = nn.ModuleList(nn.Conv3d(width, width, 3, padding=(0, 1, 1)) for _ in range(self.REACH))
        self.tail = nn.Conv2d(width, 3 * square, 3, padding=1)
        # Weights that keep a signal's size (He et al., ICCV 2015); what is added to its own input begins smaller, so
        # that depth does not add up.
        for name, layer in self.named_modules():
            if isinstance(layer, nn.Conv2d | nn.Conv3d):
                added = config.blocks**-0.5 if name.endswith(".b") else 0.03 if name == "tail" else 1.0
                nn.init.normal_(layer.weight, std=added * (2 / layer.weight[0].numel()) ** 0.5)
                nn.init.zeros_(layer.bias)

    def sees(self, group: range, scene: range) -> list[int]:
        return [*range(group.start - self.REACH, group.start), *range(group.stop, group.stop + self.REACH)]

    def forward(self, frames: Tensor, masks: Tensor) -> Tensor:
        """Restored frames [B, T - 6, 3, H, W], about -1..1, of frames [B, T, 3, H, W] and masks [B, T, 1, H, W], as
        they follow each other; the first 3 and the last 3 are seen alone."""
        batch, length = frames.shape[:2]
        frames = frames * (1 - masks)
        factor = self.config.factor
        x = torch.cat([frames, masks], 2).flatten(0, 1).to(self.head.weight.dtype)
        x = self.head(F.pixel_unshuffle(x, factor))
        x = x + self.join(self.body(x))
        x = x.unflatten(0, (batch, length)).transpose(1, 2)
        over = x
        for k, layer in enumerate(self.temporal):
            # A little of what is negative passes: nothing can shut for good.
            over = layer(F.leaky_relu(over, 0.1) if k else over)
        x = (x[:, :, self.REACH : -self.REACH] + over).transpose(1, 2).flatten(0, 1)
        out = F.pixel_shuffle(self.tail(x), factor).unflatten(0, (batch, -1))
        return frames[:, self.REACH : -self.REACH] + out

    def restore(self, frames: Tensor, masks: Tensor, count: int, state: State = None) -> tuple[Tensor, State]:
        first = count + self.REACH

        def following(x: Tensor) -> Tensor:
            return torch.cat([x[:, count:first], x[:, :count], x[:, first:]], 1)

        return self(following(frames), following(masks)), None

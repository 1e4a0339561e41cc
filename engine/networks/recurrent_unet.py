"""RecurrentUNet: a U-Net with a ConvLSTM at its bottleneck, the classic network of the user's documents.

It sees whole frames under an overlay, with the overlay's mask as a fourth channel or without, and answers with whole
frames. Source: the documents' training script and its history (tanh against colours that overflow; a residual around
the ConvLSTM against gradients that vanish in it); parameters have that script's names and shapes, so that its
checkpoints load. U-Net: Ronneberger et al., MICCAI 2015; ConvLSTM: Shi et al., NIPS 2015.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ArgumentError
from .published import Published


@dataclass(frozen=True, kw_only=True)
class RecurrentUNetConfig:
    """channels: 3 (RGB) or 4 (RGB and mask); features: channels of the levels, each half the size of the one above;
    tanh: whether the output is bounded by it; residual: whether the ConvLSTM's input is added to its output.

    Raises ArgumentError.
    """

    channels: int = 3
    features: tuple[int, ...] = (64, 128, 256, 512)
    tanh: bool = False
    residual: bool = False

    def __post_init__(self) -> None:
        if self.channels not in (3, 4):
            raise ArgumentError(f"channels must be 3 (RGB) or 4 (RGB and mask), passed {self.channels}")
        if not self.features or any(type(width) is not int or width < 1 for width in self.features):
            raise ArgumentError(f"features must be whole numbers of at least 1, passed {self.features}")


class State(NamedTuple):
    """What is carried to the next frame: the ConvLSTM's h and c, [B, features[-1], h, w], frames' size halved once per
    level but the first."""

    h: Tensor
    c: Tensor


class ConvBlock(nn.Module):
    """Twice: 3x3 convolution without bias, batch norm, ReLU."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for channels in (before, after):
            layers += [nn.Conv2d(channels, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.convblock = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.convblock(x)


class ConvLSTM(nn.Module):
    """Gates in the order i, f, o, g of one 3x3 convolution over [input, hidden]."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels + hidden, 4 * hidden, 3, padding=1)

    def forward(self, x: Tensor, state: State) -> State:
        i, f, o, g = self.conv(torch.cat([x, state.h], 1)).chunk(4, 1)
        c = torch.sigmoid(f) * state.c + torch.sigmoid(i) * torch.tanh(g)
        return State(torch.sigmoid(o) * torch.tanh(c), c)


class RecurrentUNet(Published):
    """`out, state = network(frames, state)`; state None starts anew. One frame or a sequence per call."""

    NAME, CONFIG, RECURRENT = "recurrent-unet", RecurrentUNetConfig, True
    #: So that levels fit into each other; and all it knows of other frames is its state.
    MULTIPLE, REACH = 8, 0

    def __init__(self, config: RecurrentUNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or RecurrentUNetConfig()
        features = config.features
        befores = (config.channels, *features)
        self.downs = nn.ModuleList(ConvBlock(a, b) for a, b in zip(befores, features, strict=False))
        self.ups = nn.ModuleList()
        width = features[-1]
        for skip in reversed(features):
            self.ups += [nn.ConvTranspose2d(width, skip, 2, stride=2), ConvBlock(2 * skip, skip)]
            width = skip
        self.conv_lstm = ConvLSTM(features[-1], features[-1])
        self.final_conv = nn.Conv2d(features[0], 3, 1)

    def forward(self, frames: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """frames: float32 [B, C, H, W] or [B, T, C, H, W], -1..1 (mask: -1 clear, 1 overlay); H and W at least
        2 ** (levels - 1). Returns the restored frames, 3 channels and else of the same shape, -1..1 (without tanh
        about that), and the state after the last of them.

        In training mode batch norm takes its statistics over all frames of the call.
        """
        if frames.dim() == 4:
            out, state = self(frames[:, None], state)
            return out[:, 0], state
        count, length = frames.shape[:2]
        x = frames.flatten(0, 1)
        skips = []
        for level, down in enumerate(self.downs):
            x = down(F.max_pool2d(x, 2) if level else x)
            skips.append(x)
        x, state = self._remembered(x.unflatten(0, (count, length)), state)
        # The first step's skip is the bottleneck's own input: what was enlarged is brought back to its size. So it was
        # published, and so weights expect it.
        for skip, up, block in zip(reversed(skips), self.ups[::2], self.ups[1::2], strict=True):
            x = up(x)
            if x.shape[2:] != skip.shape[2:]:
                x = F.interpolate(x, skip.shape[2:])
            x = block(torch.cat([skip, x], 1))
        out = self.final_conv(x)
        out = torch.tanh(out) if self.config.tanh else out
        return out.unflatten(0, (count, length)), state

    def restore(
        self, frames: Tensor, masks: Tensor, count: int, state: State | None = None
    ) -> tuple[Tensor, State]:
        frames, masks = frames[:, :count], masks[:, :count]
        return self(torch.cat([frames, 2 * masks - 1], 2) if self.config.channels == 4 else frames, state)

    @classmethod
    def described(cls, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
        shapes = []
        while (first := tensors.get(f"downs.{len(shapes)}.convblock.0.weight")) is not None and first.dim() == 4:
            shapes.append(first.shape)
        if not shapes or min(min(shape) for shape in shapes) < 1:
            return {"channels": 4}
        channels = shapes[0][1]
        return {"channels": channels if channels in (3, 4) else 4, "features": tuple(shape[0] for shape in shapes)}

    def _remembered(self, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        """The ConvLSTM over [B, T, C, h, w]; its outputs [B * T, C, h, w] and the last state."""
        if state is None:
            state = State(torch.zeros_like(x[:, 0]), torch.zeros_like(x[:, 0]))
        out = []
        for one in x.unbind(1):
            state = self.conv_lstm(one, state)
            out.append(state.h + one if self.config.residual else state.h)
        return torch.stack(out, 1).flatten(0, 1), state

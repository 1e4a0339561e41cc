"""The detector's network: a small recurrent U-Net over the whole frame.

Its trunk runs at a quarter of the working size: all that is seen enters by space-to-depth, and the answer leaves by
depth-to-space, so edges are exact though little is computed. A ConvLSTM at a sixteenth remembers; an overlay stands
still, so its state is not moved. U-Net: Ronneberger et al., MICCAI 2015; ConvLSTM: Shi et al., NIPS 2015.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..network import Block, ConvLSTM

#: What is told apart, in the order of the answer's channels.
KINDS = ("osd", "logo", "subtitle", "moving")
#: Sides of what the network is given are multiples of this.
STEP = 16


@dataclass(frozen=True, kw_only=True)
class DetectionConfig:
    """widths: channels at a quarter, an eighth and a sixteenth of the working size; hidden: of the ConvLSTM."""

    widths: tuple[int, int, int] = field(default=(32, 48, 64))
    hidden: int = 32

    def as_metadata(self) -> dict:
        return asdict(self)


class View(NamedTuple):
    """One frame: luma [K, 3, H, W] of itself, of the frame before and of the frame after (itself at a clip's ends);
    still [K, 2, H, W], see `evidence.still`; chroma [K, 2, H/2, W/2]. Values 0..1; H and W multiples of STEP."""

    luma: Tensor
    still: Tensor
    chroma: Tensor


class State(NamedTuple):
    """ConvLSTM's h and c [K, hidden, H/16, W/16]."""

    h: Tensor
    c: Tensor


class DetectionNetwork(nn.Module):
    """`logits, state = network(view, state)`: logits [K, kinds, H, W], float32; state None starts anew."""

    def __init__(self, config: DetectionConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or DetectionConfig()
        a, b, c = config.widths
        self.stem = nn.Conv2d(16 * 5 + 4 * 2, a, 3, padding=1)
        self.level1 = Block(a)
        self.down1 = nn.Conv2d(a, b, 2, stride=2)
        self.level2 = Block(b)
        self.down2 = nn.Conv2d(b, c, 2, stride=2)
        self.level3 = Block(c)
        self.lstm = ConvLSTM(c, config.hidden)
        self.join = nn.Conv2d(config.hidden, c, 1)
        self.up2 = nn.ConvTranspose2d(c, b, 2, stride=2)
        self.merge2 = nn.Conv2d(2 * b, b, 3, padding=1)
        self.up1 = nn.ConvTranspose2d(b, a, 2, stride=2)
        self.merge1 = nn.Conv2d(2 * a, a, 3, padding=1)
        self.tail = Block(a)
        self.head = nn.Conv2d(a, 16 * len(KINDS), 1)
        # Overlays are rare: at first the answer is no.
        nn.init.constant_(self.head.bias, -3.0)

    def forward(self, view: View, state: State | None = None) -> tuple[Tensor, State]:
        kind = self.stem.weight.dtype
        luma, chroma = (view.luma - 0.5) * 4, (view.chroma - 0.5) * 4
        # Neighbours count by what differs.
        luma = torch.cat([luma[:, :1], luma[:, 1:] - luma[:, :1]], 1)
        fine = torch.cat([luma, (view.still - view.still.new_tensor([0.5, 0]).view(1, 2, 1, 1)) * 4], 1)
        x = torch.cat([F.pixel_unshuffle(fine.to(kind), 4), F.pixel_unshuffle(chroma.to(kind), 2)], 1)
        x1 = self.level1(self.stem(x))
        x2 = self.level2(self.down1(F.relu(x1)))
        x3 = self.level3(self.down2(F.relu(x2)))
        if state is None:
            zero = view.luma.new_zeros(len(x3), self.config.hidden, *x3.shape[2:])
            state = State(zero, zero)
        state = State(*self.lstm(x3, state.h, state.c))
        x3 = x3 + self.join(state.h.to(x3.dtype))
        x2 = self.merge2(torch.cat([self.up2(F.relu(x3)), x2], 1))
        x1 = self.merge1(torch.cat([self.up1(F.relu(x2)), x1], 1))
        return F.pixel_shuffle(self.head(F.relu(self.tail(x1))).float(), 4), state

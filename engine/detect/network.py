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

from ..network import RecurrentTrunk
from .settings import LEARNED

#: Sides of what the network is given are multiples of this.
STEP = 16


@dataclass(frozen=True, kw_only=True)
class DetectionConfig:
    """widths: channels at a quarter, an eighth and a sixteenth of the working size; hidden: of the ConvLSTM; dilations:
    of blocks at a sixteenth, which see what lies farther off: a letter alone is no display yet."""

    widths: tuple[int, int, int] = field(default=(32, 48, 64))
    hidden: int = 32
    dilations: tuple[int, ...] = field(default=(2, 4))

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


class DetectionNetwork(RecurrentTrunk):
    """`logits, state = network(view, state)`: logits [K, kinds, H, W], float32; state None starts anew."""

    def __init__(self, config: DetectionConfig | None = None) -> None:
        config = config or DetectionConfig()
        super().__init__(16 * 5 + 4 * 2, config.widths, config.hidden, dilations=config.dilations, calm=True)
        self.config = config
        self.head = nn.Conv2d(config.widths[0], 16 * len(LEARNED), 1)
        # Overlays are rare: at first the answer is no.
        nn.init.constant_(self.head.bias, -3.0)

    def forward(self, view: View, state: State | None = None) -> tuple[Tensor, State]:
        kind = self.stem.weight.dtype
        luma, chroma = (view.luma - 0.5) * 4, (view.chroma - 0.5) * 4
        # Neighbours count by what differs.
        luma = torch.cat([luma[:, :1], luma[:, 1:] - luma[:, :1]], 1)
        fine = torch.cat([luma, (view.still - view.still.new_tensor([0.5, 0]).view(1, 2, 1, 1)) * 4], 1)
        x = torch.cat([F.pixel_unshuffle(fine.to(kind), 4), F.pixel_unshuffle(chroma.to(kind), 2)], 1)
        if state is None:
            zero = view.luma.new_zeros(len(x), self.config.hidden, x.shape[2] // 4, x.shape[3] // 4)
            state = State(zero, zero)
        features, h, c = self.trunk(x, state.h, state.c)
        return F.pixel_shuffle(self.head(features).float(), 4), State(h, c)

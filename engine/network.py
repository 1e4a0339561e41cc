"""The recurrent network: a U-Net with a ConvLSTM that decides, per sample, which candidate to believe.

It sees a tile as the frame's own two fills, as seen before, as seen after, and as restored in the frame before (carried
along the motion), and answers with blend weights over these five and a bounded residual. Its trunk runs at half size:
luma enters by space-to-depth (Shi et al., Real-Time Single Image and Video Super-Resolution, CVPR 2016), so that
nothing is lost and little is computed. U-Net: Ronneberger et al., MICCAI 2015; ConvLSTM: Shi et al., NIPS 2015.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """widths: channels at a half, a quarter and an eighth of the tile's size; hidden: of the ConvLSTM; blocks, calm:
    see `RecurrentTrunk`."""

    widths: tuple[int, int, int] = field(default=(32, 48, 64))
    hidden: int = 64
    blocks: int = 1
    calm: bool = False

    def as_metadata(self) -> dict:
        return asdict(self)


class Inputs(NamedTuple):
    """Tensors of `candidates.Evidence`: luma [K, 4, H, W], chroma [K, 4, 2, h, w], age [K, 2, H, W], hole [K, 1, H, W],
    flow [K, 2, H/4, W/4]; H and W multiples of 8."""

    luma: Tensor
    chroma: Tensor
    age: Tensor
    hole: Tensor
    flow: Tensor


class State(NamedTuple):
    """What is carried to the next frame: ConvLSTM's h and c [K, hidden, H/8, W/8] and the restored tile, luma
    [K, 1, H, W] and chroma [K, 2, h, w]; valid: [K, 1, 1, 1], 0 where the state is to be forgotten."""

    h: Tensor
    c: Tensor
    luma: Tensor
    chroma: Tensor
    valid: Tensor


def _resize(x: Tensor, height: int, width: int) -> Tensor:
    """Between chroma's own size and the network's: means where it shrinks, bilinear where it grows."""
    down, across = max(1, x.shape[2] // height), max(1, x.shape[3] // width)
    if down * across > 1:
        # As avg_pool2d, which takes five times as long on a CPU.
        x = sum(x[:, :, i::down, j::across] for i in range(down) for j in range(across)) / (down * across)
    if x.shape[2:] != (height, width):
        x = F.interpolate(x, (height, width), mode="bilinear", align_corners=False)
    return x


def space_to_depth(x: Tensor, out: Tensor) -> None:
    """Write `x` [K, C, 2h, 2w] into `out` [K, 4C, h, w], of any type and order in memory.

    As `pixel_unshuffle`, whose copies between orders take six times as long.
    """
    for y in (0, 1):
        for z in (0, 1):
            out[:, 2 * y + z :: 4] = x[:, :, y::2, z::2]


def depth_to_space(x: Tensor) -> Tensor:
    """`x` [K, 4C, h, w] as float32 [K, C, 2h, 2w]; as `pixel_shuffle`."""
    if torch.jit.is_tracing():
        return F.pixel_shuffle(x.float(), 2)
    k, c, h, w = x.shape
    out = x.new_empty(k, c // 4, 2 * h, 2 * w, dtype=torch.float32)
    for y in (0, 1):
        for z in (0, 1):
            out[:, :, y::2, z::2] = x[:, 2 * y + z :: 4]
    return out


def warp(x: Tensor, flow: Tensor) -> Tensor:
    """`x` [K, C, h, w] as seen along `flow` [K, 2, h, w] (x, y; in samples of x), edges repeated."""
    _, _, h, w = x.shape
    ys = torch.arange(h, device=x.device, dtype=torch.float32).view(1, h, 1)
    xs = torch.arange(w, device=x.device, dtype=torch.float32).view(1, 1, w)
    grid = torch.stack([(flow[:, 0] + xs) * (2 / max(1, w - 1)) - 1, (flow[:, 1] + ys) * (2 / max(1, h - 1)) - 1], 3)
    return F.grid_sample(x.float(), grid, mode="bilinear", padding_mode="border", align_corners=True)


class Block(nn.Module):
    """Two convolutions around which the input is added. dilation: distance of their taps."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.a = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.b = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.b(F.relu_(self.a(F.relu(x))))


class ConvLSTM(nn.Module):
    """Gates in the order i, f, o, g of one convolution over [input, hidden]."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels + hidden, 4 * hidden, 3, padding=1)
        # At first it keeps what it knows (Jozefowicz et al., ICML 2015): gates half open forget half in every frame.
        nn.init.constant_(self.conv.bias[hidden : 2 * hidden], 2.0)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        gates = self.conv(torch.cat([x, h.to(x.dtype)], 1)).to(torch.float32, memory_format=torch.contiguous_format)
        i, f, o, g = gates.chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


def calmed(x: Tensor) -> Tensor:
    """Features [K, C, h, w] with a root mean square of 1 over the channels of each place, and little where there is
    little."""
    return x * torch.rsqrt(x.float().square().mean(1, keepdim=True) + 0.01).to(x.dtype)


def open_wide(network: nn.Module) -> None:
    """Begin with weights that keep a signal's size on its way (He et al., ICCV 2015). torch's own make it smaller by
    each layer: what a deep level says is then lost beside what goes past it, and it learns too late."""
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and "lstm" not in name:
            taps = layer.kernel_size[0] * layer.kernel_size[1] if isinstance(layer, nn.Conv2d) else 1
            # What is added to its own input adds to that.
            added = 0.5 if name.endswith(".b") else 1.0
            nn.init.normal_(layer.weight, std=added * (2 / (layer.in_channels * taps)) ** 0.5)
            nn.init.zeros_(layer.bias)


class RecurrentTrunk(nn.Module):
    """The U-Net with a ConvLSTM at its bottleneck that networks are made of, but for the head.

    channels: of what it is given; widths: at its own size, a half and a quarter of it; blocks: per level. dilations: of
    further blocks at the bottleneck, which look farther. calm: nothing can shut for good while it learns. What the
    ConvLSTM is given is brought to one size at each place, as its gates shut where features grow large; and between
    the levels a little of what is negative passes, as a level whose way up is negative everywhere learns no more.
    """

    def __init__(
        self,
        channels: int,
        widths: tuple[int, int, int],
        hidden: int,
        blocks: int = 1,
        dilations: tuple[int, ...] = (),
        calm: bool = False,
    ) -> None:
        super().__init__()
        a, b, c = widths
        self.stem = nn.Conv2d(channels, a, 3, padding=1)
        self.level1 = nn.Sequential(*(Block(a) for _ in range(blocks)))
        self.down1 = nn.Conv2d(a, b, 2, stride=2)
        self.level2 = nn.Sequential(*(Block(b) for _ in range(blocks)))
        self.down2 = nn.Conv2d(b, c, 2, stride=2)
        self.level3 = nn.Sequential(*(Block(c) for _ in range(blocks)), *(Block(c, d) for d in dilations))
        self._calm = calm
        self._between = partial(F.leaky_relu, negative_slope=0.1) if calm else F.relu
        self.lstm = ConvLSTM(c, hidden)
        self.join = nn.Conv2d(hidden, c, 1)
        self.up2 = nn.ConvTranspose2d(c, b, 2, stride=2)
        self.merge2 = nn.Conv2d(2 * b, b, 3, padding=1)
        self.up1 = nn.ConvTranspose2d(b, a, 2, stride=2)
        self.merge1 = nn.Conv2d(2 * a, a, 3, padding=1)
        self.tail = nn.Sequential(*(Block(a) for _ in range(blocks)))
        if calm:
            open_wide(self)

    def trunk(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features [K, widths[0], H, W] of `x` [K, channels, H, W], for a head, and the ConvLSTM's new h and c
        [K, hidden, H/4, W/4]."""
        x1 = self.level1(self.stem(x))
        x2 = self.level2(self.down1(self._between(x1)))
        x3 = self.level3(self.down2(self._between(x2)))
        h, c = self.lstm(calmed(x3) if self._calm else x3, h, c)
        x3 = x3 + self.join(h.to(x3.dtype))
        x2 = self.merge2(torch.cat([self.up2(self._between(x3)), x2], 1))
        x1 = self.merge1(torch.cat([self.up1(self._between(x2)), x1], 1))
        return F.relu(self.tail(x1)), h, c


class InpaintingNetwork(RecurrentTrunk):
    """`(luma, chroma), state = network(inputs, state)`; state None starts anew. One frame per call."""

    PICTURES = 5

    def __init__(self, config: NetworkConfig | None = None) -> None:
        config = config or NetworkConfig()
        n, a = self.PICTURES, config.widths[0]
        # Space-to-depth of luma, hole and two validities; chroma, two ages and the state's validity at half size.
        super().__init__(4 * (n + 3) + 2 * n + 3, config.widths, config.hidden, config.blocks, calm=config.calm)
        self.config = config
        self.head = nn.Conv2d(a, 4 * (n + 1) + 2, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def start(self, inputs: Inputs) -> State:
        k, _, height, width = inputs.luma.shape
        zero = inputs.luma.new_zeros
        m = self.config.hidden
        return State(
            zero(k, m, height // 8, width // 8),
            zero(k, m, height // 8, width // 8),
            inputs.luma[:, :1].float(),
            inputs.chroma[:, 0].float(),
            zero(k, 1, 1, 1),
        )

    def carry(self, state: State, inputs: Inputs) -> State:
        """The state moved along the motion to this frame; what is to be forgotten starts anew."""
        fresh = self.start(inputs)
        height, width = inputs.luma.shape[2:]
        flow = F.interpolate(inputs.flow, (height, width), mode="bilinear", align_corners=False)
        coarse = _resize(inputs.flow, height // 8, width // 8) / 8
        ch, cw = state.chroma.shape[2:]
        small = _resize(flow, ch, cw) * flow.new_tensor([cw / width, ch / height]).view(1, 2, 1, 1)
        keep = state.valid
        memory = warp(torch.cat([state.h, state.c], 1), coarse) * keep
        h, c = memory.chunk(2, 1)
        hole = inputs.hole * keep
        luma = fresh.luma + hole * (warp(state.luma, flow) - fresh.luma)
        chroma = fresh.chroma + (warp(state.chroma, small) - fresh.chroma) * (_resize(hole, ch, cw) > 0)
        return State(h, c, luma, chroma, keep)

    def forward(self, inputs: Inputs, state: State | None = None) -> tuple[tuple[Tensor, Tensor], State]:
        """inputs, state: as above, values 0..1. Returns restored luma [K, 1, H, W] and chroma [K, 2, h, w], float32,
        to be used in the hole, and the next frame's state."""
        state = self.start(inputs) if state is None else self.carry(state, inputs)
        k, _, height, width = inputs.luma.shape
        half = height // 2, width // 2
        luma = torch.cat([inputs.luma, state.luma], 1)
        chroma = torch.cat([inputs.chroma, state.chroma[:, None]], 1)
        ch, cw = chroma.shape[3:]
        valid = inputs.age > 0
        # What only the trunk sees goes into its own precision at once, half the bytes, and into channels-last order.
        kind = self.stem.weight.dtype
        fine = torch.cat([((luma - 0.5) * 4).to(kind), inputs.hole.to(kind), valid.to(kind)], 1)
        a = inputs.age
        oldest = torch.maximum(
            torch.maximum(a[:, :, ::2, ::2], a[:, :, 1::2, ::2]), torch.maximum(a[:, :, ::2, 1::2], a[:, :, 1::2, 1::2])
        )
        coarse = torch.cat(
            [
                (_resize(chroma.flatten(1, 2), *half) - 0.5) * 4,
                torch.log2(1 + oldest) / 6,
                state.valid.expand(k, 1, *half),
            ],
            1,
        )
        # An exported graph knows no writing into parts of a tensor.
        traced = torch.jit.is_tracing()
        if traced:
            x = torch.cat([F.pixel_unshuffle(fine, 2), coarse.to(kind)], 1)
        else:
            x = coarse.new_empty(k, *half, 4 * fine.shape[1] + coarse.shape[1], dtype=kind).permute(0, 3, 1, 2)
            space_to_depth(fine, x[:, : 4 * fine.shape[1]])
            x[:, 4 * fine.shape[1] :] = coarse
        features, h, c = self.trunk(x, state.h, state.c)
        answer = self.head(features)

        n = self.PICTURES
        detail = depth_to_space(answer[:, : 4 * (n + 1)])
        logits, residual = detail[:, :n], 0.5 * torch.tanh(detail[:, n:])
        if traced:
            shut = torch.cat([~valid, (state.valid == 0).expand(k, 1, height, width)], 1)
            logits = torch.cat([logits[:, :2], logits[:, 2:].masked_fill(shut, -1e4)], 1)
        else:
            logits[:, 2:4].masked_fill_(~valid, -1e4)
            logits[:, 4:].masked_fill_(state.valid == 0, -1e4)
        weights = torch.softmax(logits, 1)
        out = (weights * luma).sum(1, keepdim=True) + residual
        colour_weights = _resize(weights, ch, cw)
        colour_residual = 0.5 * torch.tanh(_resize(answer[:, 4 * (n + 1) :].float(), ch, cw))
        colour = (colour_weights[:, :, None] * chroma).sum(1) + colour_residual
        # Outside the hole the picture itself is remembered.
        kept = inputs.luma[:, :1] + inputs.hole * (out - inputs.luma[:, :1])
        kept_colour = inputs.chroma[:, 0] + (colour - inputs.chroma[:, 0]) * (_resize(inputs.hole, ch, cw) > 0)
        return (out, colour), State(h, c, kept, kept_colour, torch.ones_like(state.valid))

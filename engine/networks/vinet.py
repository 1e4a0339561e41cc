"""VINet: fills a frame from four others and from its own answer to the frame before, along flows that it learns.

Source: Kim, Woo, Lee, Kweon, "Deep Video Inpainting", CVPR 2019. A target and five sources (the frames at -6, -3, +3
and +6, and the answer before) are encoded; coarse to fine, at an eighth, a quarter and a half of the frames' size, the
sources' features are brought to the target's place by flow and gathered over the five (a 3-D convolution that leaves
one frame), and what is gathered and the target's own are composed by a learnt mask; between coarsest level and decoder
stands a ConvLSTM; last, the answer before is brought along a flow of the full size and composed with the answer.
Layers and widths are those of the authors' code, written anew, with names of our own, so its weights do not load. What
differs: nothing is normalised but what the correlation and the ConvLSTM see; the ConvLSTM's input goes past it too,
since gradients vanished in it; the hole is told to flows and masks; a flow is learnt from the pictures (`flow_loss`).
Gated convolution: Yu et al., ICCV 2019; correlation: Dosovitskiy et al., ICCV 2015; ConvLSTM: Shi et al., NIPS 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ArgumentError
from ..network import ConvLSTM, calmed, warp
from .published import Published, whole

#: Where the neighbours are, in frames from the target, and sources: these and the answer before.
NEIGHBOURS = -6, -3, 3, 6
SOURCES = len(NEIGHBOURS) + 1
#: Weights of the losses.
RECONSTRUCTION, FLOW, WARPING = 1.0, 10.0, 1.0


@dataclass(frozen=True, kw_only=True)
class VINetConfig:
    """widths: channels at the frames' size, a half, a quarter and an eighth of it; hidden: of the ConvLSTM; reach: how
    far a flow looks at once at the coarsest level, in its samples (8 of the frames'); gated: whether convolutions have
    gates; shared: whether one encoder does for target and sources.

    10.2 M parameters; widths=(12, 24, 32, 40), hidden=40, shared=True make 1.0 M, and
    widths=(12, 24, 32, 48), hidden=48, shared=True, gated=False 0.7 M.

    Raises ArgumentError.
    """

    widths: tuple[int, int, int, int] = (32, 64, 96, 128)
    hidden: int = 128
    reach: int = 4
    gated: bool = True
    shared: bool = False

    def __post_init__(self) -> None:
        if len(self.widths) != 4 or any(type(width) is not int or width < 2 for width in self.widths):
            raise ArgumentError(f"widths must be four whole numbers of at least 2, passed {self.widths}")
        whole(self, "hidden", "reach")


class State(NamedTuple):
    """What is carried to the next frame, float32: the answer [B, 3, H, W], -1..1, outside the hole the frame itself;
    doubt [B, 1, H, W], of the answer: 0 seen, 0.5 restored, 1 unknown; the ConvLSTM's h and c [B, hidden, H/8, W/8]."""

    previous: Tensor
    doubt: Tensor
    h: Tensor
    c: Tensor


class Answer(NamedTuple):
    """picture: float32 [B, 3, H, W]. flows: at an eighth, a quarter and a half of that size [B, 5, 2, h, w], and at
    the full size, to the answer before alone, [B, 1, 2, H, W]: where what the target shows is in each source (x, y; in
    samples of that size), float32."""

    picture: Tensor
    flows: tuple[Tensor, ...]


class Conv(nn.Module):
    """3x3 convolution and leaky ReLU; gated: times a gate of its own."""

    def __init__(self, before: int, after: int, gated: bool = False, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after * (1 + gated), 3, stride, dilation, dilation)
        # Weights that keep a signal's size, through a gate that is half open too (He et al., ICCV 2015).
        std = (2 / (9 * before)) ** 0.5
        nn.init.normal_(self.conv.weight[:after], std=std * (1 + gated))
        nn.init.normal_(self.conv.weight[after:], std=0.1 * std)
        nn.init.zeros_(self.conv.bias)
        self._gated = gated

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x.to(self.conv.weight.dtype))
        if not self._gated:
            return F.leaky_relu(x, 0.2)
        x, gate = x.chunk(2, 1)
        return F.leaky_relu(x, 0.2) * torch.sigmoid(gate)


def _last(before: int, after: int, size: float) -> nn.Conv2d:
    """A convolution whose output begins about `size` times its input."""
    layer = nn.Conv2d(before, after, 3, padding=1)
    nn.init.normal_(layer.weight, std=size * (9 * before) ** -0.5)
    nn.init.zeros_(layer.bias)
    return layer


class Encoder(nn.Module):
    """Features at the frames' size, a half, a quarter and an eighth of it, of pictures, holes and ones."""

    def __init__(self, widths: tuple[int, int, int, int], gated: bool) -> None:
        super().__init__()
        full, half, quarter, eighth = widths
        self.levels = nn.ModuleList(
            [
                Conv(5, full, gated),
                nn.Sequential(Conv(full, half, gated, stride=2), Conv(half, half, gated)),
                nn.Sequential(Conv(half, quarter, gated, stride=2), Conv(quarter, quarter, gated)),
                nn.Sequential(
                    Conv(quarter, eighth, gated, stride=2), Conv(eighth, eighth, gated), Conv(eighth, eighth, gated)
                ),
            ]
        )

    def forward(self, pictures: Tensor, holes: Tensor) -> list[Tensor]:
        x = torch.cat([pictures, holes, torch.ones_like(holes)], 1)
        out = []
        for level in self.levels:
            x = level(x)
            out.append(x)
        return out


def correlated(target: Tensor, source: Tensor, reach: int) -> Tensor:
    """Likeness [K, (2 reach + 1) ** 2, h, w] of features [K, C, h, w], -1..1, to those at each shift; rows first."""
    height, width = target.shape[2:]
    target, source = calmed(target), F.pad(calmed(source), (reach,) * 4)
    at = [(slice(y, y + height), slice(x, x + width)) for y in range(2 * reach + 1) for x in range(2 * reach + 1)]
    return torch.stack([(target * source[:, :, rows, columns]).mean(1) for rows, columns in at], 1)


class Flow(nn.Module):
    """What is to be added to a flow, of one level's features: of their correlation where there is none yet, else of
    the sources' features as brought along it."""

    def __init__(self, width: int, reach: int = 0) -> None:
        super().__init__()
        self._reach = reach
        given, mid = (2 * reach + 1) ** 2 if reach else width + 2, max(8, width // 2)
        # Farther and farther: in a hole a flow is known from around it alone.
        self.layers = nn.Sequential(
            Conv(given + width + 1, mid), Conv(mid, mid, dilation=2), Conv(mid, mid, dilation=4), _last(mid, 2, 0.1)
        )

    def forward(self, target: Tensor, source: Tensor, hole: Tensor, coarse: Tensor | None = None) -> Tensor:
        """Flow [K, 2, h, w], float32. target, source: [K, C, h, w]; hole: [K, 1, h, w], of the target; coarse: the flow
        at half that size."""
        if coarse is None:
            return self.layers(torch.cat([correlated(target, source, self._reach), target, hole], 1)).float()
        flow = 2 * F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
        return flow + self.layers(torch.cat([warp(source, flow), flow, target, hole], 1)).float()


class Trust(nn.Module):
    """How far other features are to stand for the target's [K, 1, h, w], 0..1: by their difference, and the hole."""

    def __init__(self, width: int) -> None:
        super().__init__()
        mid = max(8, width // 4)
        self.layers = nn.Sequential(Conv(width + 1, mid), _last(mid, 1, 1.0))

    def forward(self, target: Tensor, other: Tensor, hole: Tensor) -> Tensor:
        return torch.sigmoid(self.layers(torch.cat([(target - other).abs(), hole], 1)))


class Level(nn.Module):
    """Sources to the target's place, gathered, and composed with the target."""

    def __init__(self, width: int, gated: bool, reach: int = 0) -> None:
        super().__init__()
        self.flow = Flow(width, reach)
        # A 3-D convolution over all five is one in 2-D over the channels of all.
        self.gather = Conv(SOURCES * width, width, gated)
        self.trust = Trust(width)

    def forward(
        self, target: Tensor, sources: Tensor, hole: Tensor, coarse: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Composed features [B, C, h, w] and flows [B * 5, 2, h, w] of a target [B, C, h, w] and sources
        [B * 5, C, h, w]."""
        seen = [x.repeat_interleave(SOURCES, 0) for x in (target, hole)]
        flow = self.flow(seen[0], sources, seen[1], coarse)
        gathered = self.gather(warp(sources, flow).unflatten(0, (-1, SOURCES)).flatten(1, 2))
        trust = self.trust(target, gathered, hole)
        return target + trust * (gathered - target), flow


class VINet(Published):
    """`answer, state = network(frames, masks, state)`; state None starts anew. One frame per call."""

    NAME, CONFIG, RECURRENT = "vinet", VINetConfig, True
    #: So that levels fit into each other.
    MULTIPLE, REACH = 8, max(NEIGHBOURS)

    def __init__(self, config: VINetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or VINetConfig()
        gated = config.gated
        full, half, quarter, eighth = config.widths
        self.target = Encoder(config.widths, gated)
        self.source = None if config.shared else Encoder(config.widths, gated)
        self.level8 = Level(eighth, gated, config.reach)
        self.level4 = Level(quarter, gated)
        self.level2 = Level(half, gated)
        self.bottom = nn.Sequential(
            Conv(2 * eighth, eighth, gated), *(Conv(eighth, eighth, gated, dilation=d) for d in (2, 4, 8))
        )
        self.lstm = ConvLSTM(eighth, config.hidden)
        self.join = nn.Conv2d(config.hidden, eighth, 1)
        self.up8 = nn.Sequential(Conv(eighth, eighth, gated), Conv(eighth, eighth, gated))
        self.enter4 = Conv(eighth, quarter, gated)
        self.up4 = nn.Sequential(
            Conv(2 * quarter, quarter, gated), *(Conv(quarter, quarter, gated, dilation=d) for d in (2, 4, 8))
        )
        self.enter2 = Conv(quarter, half, gated)
        self.up2 = nn.Sequential(Conv(2 * half, half, gated), Conv(half, half, gated))
        self.enter1 = Conv(half, full, gated)
        self.tail = nn.Sequential(Conv(full, max(2, full // 2), gated), _last(max(2, full // 2), 3, 0.5))
        self.flow1 = Flow(full)
        self.trust1 = Trust(full)

    def sees(self, group: range, scene: range) -> list[int]:
        return [group.start + by for by in NEIGHBOURS]

    def start(self, frames: Tensor, masks: Tensor) -> State:
        """The state before the first frame: its known part stands for the answer before."""
        batch, _, _, height, width = frames.shape
        nothing = frames.new_zeros(batch, self.config.hidden, height // 8, width // 8, dtype=torch.float32)
        hole = masks[:, 0].float()
        return State(frames[:, 0].float() * (1 - hole), hole, nothing, nothing)

    def forward(self, frames: Tensor, masks: Tensor, state: State | None = None) -> tuple[Answer, State]:
        """frames: [B, 5, 3, H, W], -1..1, the target, then what `sees` names; masks: [B, 5, 1, H, W], 1 in the hole.
        Returns the answer and the next frame's state."""
        state = self.start(frames, masks) if state is None else state
        masks = masks.float()
        frames = frames.float() * (1 - masks)
        batch, hole = frames.shape[0], masks[:, 0]
        others = [torch.cat([a[:, 1:], b[:, None]], 1) for a, b in ((frames, state.previous), (masks, state.doubt))]
        t1, t2, t4, t8 = self.target(frames[:, 0], hole)
        s1, s2, s4, s8 = (self.source or self.target)(*(x.flatten(0, 1) for x in others))

        holes = [F.avg_pool2d(hole, k) for k in (8, 4, 2)]
        x8, flow8 = self.level8(t8, s8, holes[0])
        x4, flow4 = self.level4(t4, s4, holes[1], flow8)
        x2, flow2 = self.level2(t2, s2, holes[2], flow4)
        x = self.bottom(torch.cat([t8, x8], 1))
        h, c = self.lstm(calmed(x), state.h, state.c)
        x = self.up8(x + self.join(h.to(x.dtype)))
        x = self.up4(torch.cat([self.enter4(_doubled(x)), x4], 1))
        x = self.up2(torch.cat([self.enter2(_doubled(x)), x2], 1))
        picture = self.tail(self.enter1(_doubled(x))).float()

        # The answer before is the last source.
        before = [x.unflatten(0, (batch, SOURCES))[:, -1] for x in (s1, flow2)]
        flow1 = self.flow1(t1, before[0], hole, before[1])
        *brought, doubt = warp(torch.cat([before[0].float(), state.previous, state.doubt], 1), flow1).split(
            [t1.shape[1], 3, 1], 1
        )
        trust = self.trust1(t1, brought[0], hole).float() * (2 - 2 * doubt).clamp(0, 1)
        picture = picture + trust * (brought[1] - picture)
        flows = *(flow.unflatten(0, (batch, SOURCES)) for flow in (flow8, flow4, flow2)), flow1[:, None]
        kept = frames[:, 0] + hole * picture
        return Answer(picture, flows), State(kept, 0.5 * hole, h, c)

    def restore(self, frames: Tensor, masks: Tensor, count: int, state: State | None = None) -> tuple[Tensor, State]:
        answer, state = self(frames, masks, state)
        return answer.picture[:, None].to(frames.dtype), state

    def losses(
        self, frames: Tensor, masks: Tensor, truth: Tensor, state: State | None = None
    ) -> tuple[dict[str, Tensor], State]:
        """What a training adds up, weighted as published, and the state after the frame.

        frames, masks, state: as above; truth: [B, T, 3, H, W], -1..1, without overlay, of the target and of those
        after it that it is known of (T of 1..5); where it is not, frames count outside their holes.
        """
        before = self.start(frames, masks) if state is None else state
        answer, state = self(frames, masks, before)
        truth, masks = truth.float(), masks.float()
        count, hole = truth.shape[1], masks[:, 0]
        miss = (answer.picture - truth[:, 0]).abs()
        sources = torch.cat([truth[:, 1:], frames[:, count:].float(), before.previous[:, None]], 1)
        unknown = torch.cat([0 * masks[:, 1:count], masks[:, count:], before.doubt[:, None]], 1)
        flow = 0.0
        for one in answer.flows:
            of = slice(SOURCES - one.shape[1], None)
            flow = flow + flow_loss(one, truth[:, 0], sources[:, of], unknown[:, of])
        warping = warping_loss(answer.picture, truth[:, 0], before.previous, answer.flows[-1][:, 0], before.doubt)
        return {
            "reconstruction": RECONSTRUCTION * (_mean(miss, hole) + _mean(miss, 1 - hole)),
            "flow": FLOW * flow / len(answer.flows),
            "warping": WARPING * warping,
        }, state


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")


def _mean(x: Tensor, weight: Tensor) -> Tensor:
    """Mean of [K, C, h, w], each sample weighted by [K, 1, h, w]; 0 where there is no weight."""
    return (x * weight).sum() / (weight.sum() * x.shape[1]).clamp(min=1)


def flow_loss(flow: Tensor, target: Tensor, sources: Tensor, unknown: Tensor, smooth: float = 0.1) -> Tensor:
    """Mean absolute difference of a target and its sources brought along the flow, and `smooth` times how the flow
    changes where the target does not.

    flow: [B, S, 2, h, w], in samples of its size; target: [B, 3, H, W] and sources: [B, S, 3, H, W], -1..1, H and W
    multiples of h and w; unknown: [B, S, 1, H, W], 1 where a source is not to be believed.

    As published, less the distance to a reference flow (FlowNet2's, which is not at hand): the pictures alone teach it,
    and in flat areas the smoothness (Jonschkowski et al., ECCV 2020).
    """
    _, count, _, height, width = flow.shape
    by = target.shape[2] // height
    flow = flow.flatten(0, 1)
    target = F.avg_pool2d(target, by).repeat_interleave(count, 0)
    known = 1 - unknown
    both = F.avg_pool2d(torch.cat([sources * known, known], 2).flatten(0, 1), by)
    # Samples that are not to be believed are not mixed with others.
    brought, known = warp(both, flow).split([3, 1], 1)
    brought = brought / known.clamp(min=1e-3)
    ys = torch.arange(height, device=flow.device).view(1, height, 1) + flow[:, 1]
    xs = torch.arange(width, device=flow.device).view(1, 1, width) + flow[:, 0]
    inside = (ys >= 0) & (ys <= height - 1) & (xs >= 0) & (xs <= width - 1)
    loss = _mean((brought - target).abs(), known * inside[:, None])
    for axis in (2, 3):
        if flow.shape[axis] > 1:
            edge = torch.exp(-10 * target.diff(dim=axis).abs().mean(1, keepdim=True))
            loss = loss + smooth * (edge * flow.diff(dim=axis).abs()).mean()
    return loss


def warping_loss(made: Tensor, truth: Tensor, previous: Tensor, flow: Tensor, doubt: Tensor) -> Tensor:
    """Mean absolute difference of an answer and the one before brought along the flow, weighted by exp(-50 d^2), d: how
    far the latter is from the truth, 0..1 (Lai et al., "Learning Blind Video Temporal Consistency", ECCV 2018).

    made, truth, previous: [B, 3, H, W], -1..1; flow: [B, 2, H, W], in samples; doubt: [B, 1, H, W], 1 where `previous`
    is unknown.
    """
    brought, doubt = warp(torch.cat([previous, doubt], 1), flow).split([3, 1], 1)
    believed = torch.exp(-50 * ((truth - brought) / 2).square().sum(1, keepdim=True)).detach()
    return _mean((made - brought).abs(), believed * (2 - 2 * doubt).clamp(0, 1))

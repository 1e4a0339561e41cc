"""What an exported network is given and what it answers: names, sizes, types and ranges; and the module to be traced.

A graph is one step: the frame's inputs and the state in, the answer and the next state out.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from ..network import InpaintingNetwork, Inputs, State
from ..networks.published import Published

#: A side of a tensor: a number, or of what size it is: "batch", "frames", "height", "width", or "height/8".
type Side = int | str
type Sizes = Mapping[str, int]

DTYPES = {"float32": torch.float32, "float16": torch.float16, "int64": torch.int64}
#: Sides of pictures from which a step is defined: an eighth of them has two samples to lie between.
SMALLEST = 16


@dataclass(frozen=True, kw_only=True)
class Port:
    """One input or output. dtype: of DTYPES; meaning: values and range, in words."""

    name: str
    shape: tuple[Side, ...]
    dtype: str
    meaning: str

    def sized(self, sizes: Sizes) -> tuple[int, ...]:
        """The shape at these sizes."""
        return tuple(_side(side, sizes) for side in self.shape)

    def axes(self) -> dict[int, str]:
        """The axes that vary, and names for them as ONNX has them."""
        return {k: side.replace("/", "_over_") for k, side in enumerate(self.shape) if isinstance(side, str)}


@dataclass(frozen=True, kw_only=True)
class Ports:
    """inputs, outputs: in the graph's order, the state's last, as many as `state`. frames: given at most, 0 where that
    is fixed or no matter."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    state: int
    frames: int = 0

    def as_metadata(self) -> dict:
        return asdict(self)

    @classmethod
    def of_metadata(cls, told: Mapping) -> Ports:
        """Raises KeyError, TypeError, ValueError where it is none."""
        read = {
            name: tuple(Port(**{**port, "shape": tuple(port["shape"])}) for port in told[name])
            for name in ("inputs", "outputs")
        }
        made = cls(**{**told, **read})
        if any(port.dtype not in DTYPES for port in (*made.inputs, *made.outputs)):
            raise ValueError(f"types must be of {', '.join(DTYPES)}")
        return made


def _side(side: Side, sizes: Sizes) -> int:
    if isinstance(side, int):
        return side
    of, _, by = side.partition("/")
    return sizes[of] // int(by or 1)


def of_inpainting(network: InpaintingNetwork, subsampling: tuple[int, int]) -> Ports:
    """subsampling: log2 of chroma's reduction in height and width, 0..2."""
    chroma = tuple(f"{of}/{1 << by}" for of, by in zip(("height", "width"), subsampling, strict=True))
    full, quarter, eighth = (tuple(f"{of}/{by}" for of in ("height", "width")) for by in (1, 4, 8))
    hidden = network.config.hidden

    def port(name: str, *shape: Side, meaning: str) -> Port:
        return Port(name=name, shape=("batch", *shape), dtype="float32", meaning=meaning)

    seen = "0..1: the picture filled under tension, as a plate, from before, from after"
    state = [
        (name, shape, meaning)
        for name, shape, meaning in zip(
            State._fields,
            ((hidden, *eighth), (hidden, *eighth), (1, *full), (2, *chroma), (1, 1, 1)),
            ("-1..1", "ConvLSTM's cell", "0..1, the frame before", "0..1, 0.5 neutral", "1, or 0 to start anew"),
            strict=True,
        )
    ]
    return Ports(
        inputs=(
            port("luma", 4, *full, meaning=seen),
            port("chroma", 4, 2, *chroma, meaning=f"{seen}; neutral at 0.5"),
            port("age", 2, *full, meaning="frames to the source before and after, 0: none"),
            port("hole", 1, *full, meaning="1 in the hole, else 0"),
            port("flow", 2, *quarter, meaning="motion (x, y) to the frame before, in luma samples"),
            *(port(f"state_{name}", *shape, meaning=meaning) for name, shape, meaning in state),
        ),
        outputs=(
            port("out_luma", 1, *full, meaning="0..1, to be used in the hole"),
            port("out_chroma", 2, *chroma, meaning="0..1, to be used in the hole"),
            *(port(f"next_{name}", *shape, meaning=meaning) for name, shape, meaning in state),
        ),
        state=len(state),
    )


@torch.inference_mode()
def of_published(network: Published, dtype: str) -> Ports:
    """dtype: of frames. The state's shapes are found by a step of the network."""
    group = range(network.GROUP)
    alone, amid = (len(network.sees(group, scene)) for scene in (group, range(-1000, 1000)))
    height, width = network.size or (max(SMALLEST, 8 * network.MULTIPLE),) * 2
    sides: tuple[Side, Side] = network.size or ("height", "width")
    fixed = alone == amid and len(group) == 1
    frames: Side = amid + 1 if fixed else "frames"
    given = torch.zeros(1, amid + len(group), 4, height, width, dtype=DTYPES[dtype])
    _, state = network.restore(given[:, :, :3], given[:, :, 3:], len(group))

    def port(name: str, *shape: Side, meaning: str, dtype: str = dtype) -> Port:
        return Port(name=name, shape=shape, dtype=dtype, meaning=meaning)

    def of_state(prefix: str) -> list[Port]:
        return [
            port(
                f"{prefix}_{name}", "batch", one.shape[1],
                *(side if isinstance(side, int) else f"{side}/{size // n}"
                  for side, size, n in zip(sides, (height, width), one.shape[2:], strict=True)),
                dtype=str(one.dtype).removeprefix("torch."), meaning="of the step before",
            )
            for name, one in (zip(state._fields, state, strict=True) if state is not None else ())
        ]  # fmt: skip

    order = "the frames to be restored first, then those that it sees"
    count = [port("count", meaning=f"frames to be restored, 1..{len(group)}", dtype="int64")] if len(group) > 1 else []
    keep = [port("keep", "batch", meaning="1, or 0 to start anew", dtype="float32")] if state is not None else []
    return Ports(
        inputs=(
            port("frames", "batch", frames, 3, *sides, meaning=f"RGB, -1..1: {order}"),
            port("masks", "batch", frames, 1, *sides, meaning="1 in the hole, else 0"),
            *count,
            *keep,
            *of_state("state"),
        ),
        outputs=(
            port("restored", "batch", "count" if count else 1, 3, *sides, meaning="RGB, -1..1"),
            *of_state("next"),
        ),
        state=0 if state is None else len(state),
        frames=0 if fixed else amid + len(group),
    )


class Step(nn.Module):
    """A network with tensors in and tensors out, in the order of its ports; what is traced."""

    def __init__(self, network: InpaintingNetwork | Published, ports: Ports) -> None:
        super().__init__()
        self.network, self._names = network, [port.name for port in ports.inputs]

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        if isinstance(self.network, InpaintingNetwork):
            given = len(Inputs._fields)
            out, state = self.network(Inputs(*tensors[:given]), State(*tensors[given:]))
            return *out, *state
        given = dict(zip(self._names, tensors, strict=True))
        frames, masks, count = given["frames"], given["masks"], given.get("count", 1)
        state = [one for name, one in given.items() if name.startswith("state_")]
        if not state:
            return (self.network.restore(frames, masks, count)[0],)
        out, after = self.network.restore(frames, masks, count, self._state(frames, masks, given["keep"], state))
        return out, *after

    def _state(self, frames: Tensor, masks: Tensor, keep: Tensor, state: Sequence[Tensor]) -> object:
        """The state, or the network's first one where it is not to be kept."""
        keep = keep[:, None, None, None]
        kind = _state_type(self.network)
        if not hasattr(self.network, "start"):
            return kind(*(one * keep.to(one.dtype) for one in state))
        fresh = self.network.start(frames, masks)
        return kind(*(torch.where(keep > 0, a, b) for a, b in zip(state, fresh, strict=True)))


def _state_type(network: Published) -> type:
    """The NamedTuple that a network's state is."""
    return sys.modules[type(network).__module__].State

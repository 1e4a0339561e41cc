"""RecurrentUNet: a U-Net with a ConvLSTM at its bottleneck, the classic network of the user's documents.

It sees whole frames under an overlay, with the overlay's mask as a fourth channel or without, and answers with whole
frames. Source: the documents' training script and its history (tanh against colours that overflow; a residual around
the ConvLSTM against gradients that vanish in it); parameters have that script's names and shapes, so that its
checkpoints load. U-Net: Ronneberger et al., MICCAI 2015; ConvLSTM: Shi et al., NIPS 2015.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import weights
from ..errors import ArgumentError, ModelError

_KIND = "osdclean-recurrent-unet"


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


class RecurrentUNet(nn.Module):
    """`out, state = network(frames, state)`; state None starts anew. One frame or a sequence per call."""

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

    def _remembered(self, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        """The ConvLSTM over [B, T, C, h, w]; its outputs [B * T, C, h, w] and the last state."""
        if state is None:
            state = State(torch.zeros_like(x[:, 0]), torch.zeros_like(x[:, 0]))
        out = []
        for one in x.unbind(1):
            state = self.conv_lstm(one, state)
            out.append(state.h + one if self.config.residual else state.h)
        return torch.stack(out, 1).flatten(0, 1), state


def save(network: RecurrentUNet, path: Path, training: dict | None = None) -> None:
    """Write a network's weights, float32 safetensors, beside `path`, then rename. training: to be remembered of their
    making."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    weights.write(path, tensors, _KIND, asdict(network.config), training)


def load(path: Path | str, *, tanh: bool | None = None, residual: bool | None = None) -> RecurrentUNet:
    """The network of a weights file, float32 on the CPU, in eval mode: a `.pth` of the classic training script, or
    what `save` wrote. No code in the file is run.

    tanh, residual: shapes do not tell them, so whoever loads a `.pth` has to (None: without); of our own file, None is
    what it says itself. Channels and features are read from the shapes.

    Raises ModelError: no such file, not of this network (names the first parameter that differs), or a tanh or
    residual that is not the file's.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"weights must be a .pth or .safetensors file, passed {path}, which does not exist")
    tensors, told = _safetensors(path) if path.suffix == ".safetensors" else (_pickled(path), {})
    chosen = {}
    for name, value in (("tanh", tanh), ("residual", residual)):
        if value is not None and told.get(name, value) != value:
            raise ModelError(f"{path} holds weights with {name}={told[name]}, passed {name}={value}")
        chosen[name] = bool(told.get(name, value))
    # On "meta" nothing is allocated, whatever sizes a file may claim.
    with torch.device("meta"):
        network = RecurrentUNet(RecurrentUNetConfig(**_measured(tensors), **chosen))
    _check(tensors, network.state_dict(), path)
    network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}, assign=True)
    return network.eval()


def _measured(tensors: Mapping[str, Tensor]) -> dict:
    """Channels and features as the shapes tell them; the published ones where they do not."""
    shapes = []
    while (first := tensors.get(f"downs.{len(shapes)}.convblock.0.weight")) is not None and first.dim() == 4:
        shapes.append(first.shape)
    if not shapes or min(min(shape) for shape in shapes) < 1:
        return {"channels": 4}
    channels = shapes[0][1]
    return {"channels": channels if channels in (3, 4) else 4, "features": tuple(shape[0] for shape in shapes)}


def _check(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor], path: Path) -> None:
    """Raise ModelError unless names and shapes are those of the network."""
    for name in (*wanted, *sorted(tensors.keys() - wanted.keys())):
        shapes = [list(of[name].shape) if name in of else "absent" for of in (wanted, tensors)]
        if shapes[0] != shapes[1]:
            raise ModelError(
                f"{path} must hold weights of a RecurrentUNet: {name} must be {shapes[0]}, passed {shapes[1]}"
            )


def _safetensors(path: Path) -> tuple[dict[str, Tensor], dict]:
    """Tensors and the network's own description."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as f:
            meta = f.metadata() or {}
            tensors = {name: f.get_tensor(name) for name in f.keys()}  # noqa: SIM118 (a file, not a dict)
        told = json.loads(meta.get("network", "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"weights must be a safetensors file, passed {path}: {error}") from None
    if meta.get("kind") != _KIND:
        raise ModelError(f"weights must be {_KIND}, passed {path} with kind {meta.get('kind', 'none')}")
    return tensors, told


def _pickled(path: Path) -> dict[str, Tensor]:
    """Tensors of a `.pth`: a state dict, or a training's checkpoint with a state dict in it."""
    try:
        # Tensors and plain values alone: anything that would run code is refused.
        kept = torch.load(path, weights_only=True, map_location="cpu")
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"weights must be a .pth file of tensors alone, passed {path}: {reason}") from None
    if not isinstance(kept, Mapping):
        raise ModelError(f"weights must be a state dict, passed {path}, which holds a {type(kept).__name__}")
    inner = [part for part in kept.values() if isinstance(part, Mapping) and any("final_conv." in str(k) for k in part)]
    if inner:
        kept = inner[0]
    # DataParallel and DistributedDataParallel put their own word before each name.
    return {str(k).removeprefix("module."): v for k, v in kept.items() if isinstance(v, Tensor)}

"""What a published network must tell to run in the node, to be trained and to be exported; and its weights files.

A network sees whole frames at a working size, RGB, and the hole. It answers a group of frames per call, from these,
from whichever others of the scene it asks for, and from a state of its own. All else is the engine's: which frames
there are (`framewise`), sizes and colours, devices, precision, files.
"""

from __future__ import annotations

import json
import pickle
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from .. import weights
from ..errors import ArgumentError, ModelError, in_a_line
from . import NETWORKS, asked

if TYPE_CHECKING:
    from ..network import InpaintingNetwork

_KIND = "osdclean-{}"

#: What is carried from one call to the next: tensors by name, in a NamedTuple; None before the first.
State = Any


class Published(nn.Module, ABC):
    """A published network. A subclass is one file, a line in NETWORKS, and a config: a frozen dataclass of whole
    numbers, tuples of them, and switches, with a default for each.

    NAME: in `model`, and in its weights files. MULTIPLE: the sides of what it is given are multiples of this. GROUP:
    frames that one call answers. REACH: frames before and after a group beyond which it sees nothing, None: any of the
    scene. RECURRENT: whether a state is carried. size: (height, width) of the one working size that it has, or None
    where it takes any.
    """

    NAME: ClassVar[str]
    CONFIG: ClassVar[type]
    MULTIPLE: ClassVar[int] = 1
    GROUP: ClassVar[int] = 1
    REACH: ClassVar[int | None] = None
    RECURRENT: ClassVar[bool] = False
    size: tuple[int, int] | None = None
    config: Any

    def sees(self, group: range, scene: range) -> list[int]:
        """Numbers of the frames that it sees beside those of `group`, in the order in which it is given them. scene:
        the frames there are, which hold the group; a number beyond its ends stands for its first or last frame."""
        return []

    @abstractmethod
    def restore(self, frames: Tensor, masks: Tensor, count: int, state: State = None) -> tuple[Tensor, State]:
        """Restored frames [B, count, 3, H, W], and the state after them.

        frames: [B, T, 3, H, W], -1..1, under the overlay, those of the group first (`count` of them, at most GROUP),
        then what `sees` names; masks: [B, T, 1, H, W], 1 in the hole, else 0. Of the answer only the hole is used.
        """

    @classmethod
    def described(cls, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
        """What the shapes of a checkpoint tell of the configuration; what they do not tell is left out."""
        return {}


def known(name: str) -> type[Published]:
    """The network of this name. Raises ModelError."""
    if name not in NETWORKS:
        raise ModelError(f"network must be one of {', '.join(NETWORKS)}, passed {name}")
    module, of = NETWORKS[name]
    return getattr(import_module(f".{module}", __package__), of)


def network_of(model: str) -> str | None:
    """Name and switches of the published network that a `model` is of; None where it is of none."""
    name, path = asked(model)
    if name is None and model != "default":
        kind = weights.told(Path(path)).get("kind")
        name = next((one for one in NETWORKS if kind == _KIND.format(one)), None)
    return name


def loaded(model: str) -> Published:
    """The network of a `model`, float32 on the CPU, in eval mode. Raises ModelError."""
    name, *switches = (network_of(model) or "").split("+")
    return load(known(name), asked(model)[1], **dict.fromkeys(switches, True))


def inpainting(model: str) -> InpaintingNetwork | Published:
    """The network of a `model`, the inpainter's own or a published one, float32 on the CPU. Raises ModelError."""
    return weights.load(model) if network_of(model) is None else loaded(model)


def whole(config: Any, *names: str) -> None:
    """Raises ArgumentError where one of these settings is no whole number of at least 1."""
    for name in names:
        if type(value := getattr(config, name)) is not int or value < 1:
            raise ArgumentError(f"{name} must be a whole number of at least 1, passed {value}")


def save(network: Published, path: Path, training: dict | None = None) -> None:
    """Write a network's weights, float32 safetensors, beside `path`, then rename. training: to be remembered of their
    making."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    weights.write(path, tensors, _KIND.format(network.NAME), asdict(network.config), training)


def load[N: Published](network: type[N], path: Path | str, **chosen: Any) -> N:
    """The network of a weights file, float32 on the CPU, in eval mode: a `.pth` with the published names, or what
    `save` wrote. No code in the file is run.

    chosen: settings of its configuration that shapes do not tell, so whoever loads a `.pth` has to (None: the default);
    of our own file, they are what it says itself.

    Raises ModelError: no such file, not of this network (names the first parameter that differs), or a setting that is
    not the file's.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"weights must be a .pth or .safetensors file, passed {path}, which does not exist")
    own = path.suffix == ".safetensors"
    tensors, told = _safetensors(path, network.NAME) if own else (_pickled(path), {})
    names = {field.name for field in fields(network.CONFIG)}
    settings = weights.settings(told or network.described(tensors))
    for name, value in chosen.items():
        if name not in names:
            raise ModelError(f"{network.NAME} has no {name}; it has {', '.join(sorted(names))}")
        if value is None:
            continue
        if settings.get(name, value) != value:
            raise ModelError(f"{path} holds weights with {name}={settings[name]}, passed {name}={value}")
        settings[name] = value
    try:
        config = network.CONFIG(**settings)
        # On "meta" nothing is allocated, whatever sizes a file may claim.
        with torch.device("meta"):
            made = network(config)
    except (ArgumentError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"{path} does not fit its own description: {in_a_line(error)}") from None
    _check(tensors, made.state_dict(), path, network.__name__)
    made.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}, assign=True)
    return made.eval()


def _check(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor], path: Path, network: str) -> None:
    """Raise ModelError unless names and shapes are those of the network."""
    for name in (*wanted, *sorted(tensors.keys() - wanted.keys())):
        shapes = [list(of[name].shape) if name in of else "absent" for of in (wanted, tensors)]
        if shapes[0] != shapes[1]:
            raise ModelError(f"{path} must hold weights of a {network}: {name} must be {shapes[0]}, passed {shapes[1]}")


def _safetensors(path: Path, name: str) -> tuple[dict[str, Tensor], dict]:
    """Tensors and the network's own description."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as f:
            meta = f.metadata() or {}
            tensors = {name: f.get_tensor(name) for name in f.keys()}  # noqa: SIM118 (a file, not a dict)
        told = json.loads(meta.get("network", "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"weights must be a safetensors file, passed {path}: {error}") from None
    if meta.get("kind") != _KIND.format(name):
        raise ModelError(f"weights must be {_KIND.format(name)}, passed {path} with kind {meta.get('kind', 'none')}")
    return tensors, told


def _pickled(path: Path) -> dict[str, Tensor]:
    """Tensors of a `.pth`: a state dict, or a training's checkpoint with a state dict in it."""
    try:
        # Tensors and plain values alone: anything that would run code is refused.
        kept = torch.load(path, weights_only=True, map_location="cpu")
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        raise ModelError(
            f"weights must be a .pth file of tensors alone, passed {path}: {in_a_line(error, 200)}"
        ) from None
    if not isinstance(kept, Mapping):
        raise ModelError(f"weights must be a state dict, passed {path}, which holds a {type(kept).__name__}")
    inner = [part for part in kept.values() if isinstance(part, Mapping) and any("." in str(k) for k in part)]
    if inner:
        kept = max(inner, key=len)
    # DataParallel and DistributedDataParallel put their own word before each name.
    return {str(k).removeprefix("module."): v for k, v in kept.items() if isinstance(v, Tensor)}

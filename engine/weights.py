"""Weights files: safetensors with the network's configuration inside."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import outputs
from .errors import ModelError, in_a_line

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .detect.network import DetectionNetwork
    from .network import InpaintingNetwork

#: What `model="default"` means, of the inpainter and of the detector.
DEFAULT = Path(__file__).parent / "models" / "default.safetensors"
DETECTOR = Path(__file__).parent / "models" / "detector.safetensors"
_INPAINTING, _DETECTION = "osdclean-inpainting", "osdclean-detection"


def save(network: InpaintingNetwork | DetectionNetwork, path: Path, training: dict | None = None) -> None:
    """Write a network's weights in half precision beside `path`, then rename.

    training: what to remember of their making.
    """
    import torch

    from .network import InpaintingNetwork

    kind = _INPAINTING if isinstance(network, InpaintingNetwork) else _DETECTION
    tensors = {k: v.detach().to("cpu", torch.float16).contiguous() for k, v in network.state_dict().items()}
    write(path, tensors, kind, network.config.as_metadata(), training)


def write(path: Path, tensors: dict[str, Tensor], kind: str, network: dict, training: dict | None) -> None:
    """Write a safetensors file beside `path`, then rename. kind, network, training: of which network the tensors (on
    the CPU, contiguous) are, its configuration, and what to remember of their making."""
    from safetensors.torch import save_file

    meta = {"kind": kind, "network": json.dumps(network), "training": json.dumps(training or {}, default=str)}
    with outputs.whole(path) as beside:
        save_file(tensors, beside, metadata=meta)
        os.chmod(beside, 0o644)  # safetensors lets the owner alone read


def file_of(model: str, default: Path) -> Path:
    """The weights file of a `model`: `default`, or the path that it is."""
    return default if model == "default" else Path(model)


def told(path: Path) -> dict[str, str]:
    """What a safetensors file tells of itself; nothing where it is none, or there is none."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as f:
            return f.metadata() or {}
    except (SafetensorError, OSError):
        return {}


def settings(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A network's settings as its configuration has them, of what JSON makes of them: tuples, no lists."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def load(model: str) -> InpaintingNetwork:
    """The network of a weights file ("default" or a path), float32 on the CPU. Raises ModelError."""
    from .network import InpaintingNetwork, NetworkConfig

    return _loaded(model, _INPAINTING, lambda fields: InpaintingNetwork(NetworkConfig(**fields)), DEFAULT)


def load_detector(model: str) -> DetectionNetwork:
    """The detector of a weights file ("default" or a path), float32 on the CPU. Raises ModelError."""
    from .detect.network import DetectionConfig, DetectionNetwork

    return _loaded(model, _DETECTION, lambda fields: DetectionNetwork(DetectionConfig(**fields)), DETECTOR)


def _loaded[N: nn.Module](model: str, kind: str, make: Callable[[dict], N], default: Path) -> N:
    """default: what `model="default"` means."""
    from safetensors import SafetensorError, safe_open

    path = file_of(model, default)
    if not path.is_file():
        raise ModelError(f'model must be "default" or a weights file, passed {model}, which does not exist')
    try:
        with safe_open(path, framework="pt") as f:
            meta = f.metadata() or {}
            tensors = {k: f.get_tensor(k).float() for k in f.keys()}  # noqa: SIM118 (a file, not a dict)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"model must be a safetensors file, passed {model}: {error}") from None
    if meta.get("kind") != kind:
        raise ModelError(f"model must hold {kind} weights, passed {model} with kind {meta.get('kind', 'none')}")
    try:
        network = make(settings(json.loads(meta["network"])))
        network.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"model {model} does not fit its own description: {in_a_line(error)}") from None
    return network.eval()

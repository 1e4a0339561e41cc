"""Exported networks run by ONNX Runtime, called as the torch networks are.

What goes in and comes out are torch tensors whose memory is bound, so a state stays on the device that made it.
1. A session takes one thread per call, as torch here does: calls run side by side, on threads of the engine's.
2. Deterministic kernels, and no search for the fastest, which finds another one on another day.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import runtime, weights
from ..errors import DeviceError, ModelError, in_a_line
from ..network import Inputs, State
from . import cache
from .files import INPAINTING, SUBSAMPLINGS, Exported, packages, read
from .ports import DTYPES, SMALLEST, Sizes

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "directml": "DmlExecutionProvider",
}


@dataclass(frozen=True, kw_only=True)
class Place:
    """A provider, of PROVIDERS, and the number of its device; tensors: where torch has what it is given."""

    provider: str
    number: int
    tensors: torch.device

    def __str__(self) -> str:
        return self.provider if self.provider == "cpu" else f"{self.provider}:{self.number}"


CPU = Place(provider="cpu", number=0, tensors=torch.device("cpu"))


def place_of(name: str) -> Place:
    """The place of a device's name: "auto", "cpu", or "cuda", "tensorrt", "directml", each with ":N" or without. Raises
    DeviceError."""
    _, onnxruntime = packages()
    offered = [kind for kind, provider in PROVIDERS.items() if provider in onnxruntime.get_available_providers()]
    if name == "auto":
        found = [kind for kind in ("cuda", "directml") if kind in offered]
        if "cuda" in found and not torch.cuda.is_available():
            found.remove("cuda")
        name = (*found, "cpu")[0]
    kind, colon, number = name.partition(":")
    if kind not in PROVIDERS or (colon and (kind == "cpu" or not number.isdecimal())):
        raise DeviceError(
            f'device must be "auto", "cpu", "cuda", "tensorrt" or "directml" (the last three also with ":N") with '
            f'backend="onnxruntime", passed {name}'
        )
    if kind not in offered:
        raise DeviceError(
            f"device must be one that is there, passed {name} where onnxruntime offers {', '.join(offered)}; "
            f"{'install onnxruntime-directml' if kind == 'directml' else 'install onnxruntime-gpu'}, or use "
            'device="cpu"'
        )
    if kind == "cpu":
        return CPU
    # torch has no tensors in DirectML's memory.
    where = torch.device("cpu") if kind == "directml" else runtime.device_of(f"cuda:{int(number or 0)}")
    return Place(provider=kind, number=int(number or 0), tensors=where)


def precision_of(name: str, place: Place) -> str:
    """ "fp32" or "fp16"; "auto": fp32 on the CPU, else fp16. Raises DeviceError."""
    if name == "auto":
        return "fp32" if place.provider == "cpu" else "fp16"
    if name not in ("fp32", "fp16"):
        raise DeviceError(f'precision must be "auto", "fp32" or "fp16" with backend="onnxruntime", passed {name}')
    return name


class Session:
    """A graph on its place. Threads may call it at once."""

    def __init__(self, exported: Exported, place: Place) -> None:
        """Raises DeviceError where the provider does not start, ModelError where it does not take the graph."""
        self._exported, self._place = exported, place
        self._engines: cache.Engines | None = None
        _, onnxruntime = packages()
        provider = PROVIDERS[place.provider]
        chosen = [(provider, self._provider_options())]
        if place != CPU:
            # What a provider lacks, as arithmetic on sizes.
            chosen.append((PROVIDERS["cpu"], {}))
        try:
            self._session = onnxruntime.InferenceSession(exported.graph, _options(place), providers=chosen)
        except Exception as error:  # onnxruntime's own errors have no common base
            raise ModelError(f"onnxruntime cannot take the model on {place}: {in_a_line(error)}") from None
        # It goes on with another provider where one does not start.
        if provider not in self._session.get_providers():
            raise DeviceError(
                f"{place} does not start: onnxruntime cannot load what {provider} needs (drivers, CUDA, cuDNN, "
                'TensorRT); use device="cpu"'
            )

    def __call__(self, given: Sequence[Tensor], sizes: Sizes) -> list[Tensor]:
        """Outputs, on the place's own device, of inputs in the order of the ports. Raises DeviceError."""
        ports, where = self._exported.description.ports, self._place.tensors
        binding = self._session.io_binding()
        held = [t.to(where, DTYPES[port.dtype]).contiguous() for t, port in zip(given, ports.inputs, strict=True)]
        made = [torch.empty(port.sized(sizes), dtype=DTYPES[port.dtype], device=where) for port in ports.outputs]
        for bind, tensors, names in (
            (binding.bind_input, held, ports.inputs),
            (binding.bind_output, made, ports.outputs),
        ):
            for tensor, port in zip(tensors, names, strict=True):
                bind(
                    port.name, where.type, where.index or 0, np.dtype(port.dtype), list(tensor.shape), tensor.data_ptr()
                )
        if where.type == "cuda":
            # What torch still computes on its own stream is read by another.
            torch.cuda.current_stream(where).synchronize()
        try:
            self._session.run_with_iobinding(binding)
        except Exception as error:  # as above
            raise DeviceError(f"onnxruntime failed on {self._place}: {in_a_line(error)}") from None
        if self._engines is not None:
            self._engines.publish()
        return made

    def _provider_options(self) -> dict[str, Any]:
        place, precision = self._place, self._exported.description.precision
        if place.provider == "cpu":
            return {}
        options: dict[str, Any] = {"device_id": place.number}
        if place.provider == "cuda":
            options["cudnn_conv_algo_search"] = "HEURISTIC"  # 2
        if place.provider == "tensorrt":
            low, usual, high = _profile(self._exported)
            version = packages()[1].__version__
            name = torch.cuda.get_device_name(place.tensors)
            self._engines = cache.Engines(self._exported.digest(), name, version, *low.items(), *high.items())
            if not self._engines.there:
                print(
                    f"osdclean: building a TensorRT engine for {name}, some minutes, kept in {self._engines.folder}",
                    file=sys.stderr,
                    flush=True,
                )
            options |= {
                "trt_engine_cache_enable": True,
                "trt_engine_cache_path": str(self._engines.work),
                "trt_fp16_enable": precision == "fp16",
            }
            inputs = [port for port in self._exported.description.ports.inputs if port.axes()]
            for word, sizes in (("min", low), ("opt", usual), ("max", high)):
                options[f"trt_profile_{word}_shapes"] = ",".join(
                    f"{port.name}:{'x'.join(map(str, port.sized(sizes)))}" for port in inputs
                )
        return options


class Inpainting:
    """The inpainting network, as `network.InpaintingNetwork` is called."""

    def __init__(self, exported: Exported, place: Place) -> None:
        self.dtype = torch.float32
        self._session, self._ports = Session(exported, place), exported.description.ports

    def __call__(self, inputs: Inputs, state: State | None = None) -> tuple[tuple[Tensor, Tensor], State]:
        k, _, height, width = inputs.luma.shape
        sizes = {"batch": k, "height": height, "width": width}
        if state is None:
            # What is not valid is not looked at.
            ports = self._ports.inputs[-self._ports.state :]
            state = State(*(inputs.luma.new_zeros(port.sized(sizes)) for port in ports))
        luma, chroma, *after = self._session((*inputs, *state), sizes)
        return (luma, chroma), State(*after)


class WholeFrames:
    """A published network, as `published.Published` is asked and called; its state is a tuple."""

    def __init__(self, exported: Exported, place: Place) -> None:
        self._session, self._ports = Session(exported, place), exported.description.ports
        self.dtype, shell = exported.description.dtype, exported.description.shell()
        self.GROUP, self.MULTIPLE, self.REACH, self.RECURRENT = (
            shell.GROUP,
            shell.MULTIPLE,
            shell.REACH,
            shell.RECURRENT,
        )
        self.size, self.sees = shell.size, shell.sees

    def restore(
        self, frames: Tensor, masks: Tensor, count: int, state: tuple[Tensor, ...] | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...] | None]:
        batch, length, _, height, width = frames.shape
        sizes = {"batch": batch, "frames": length, "height": height, "width": width, "count": count}
        given, ports = [frames, masks], self._ports
        if self.GROUP > 1:
            given.append(torch.tensor(count))
        if ports.state:
            given.append(torch.full((batch,), float(state is not None)))
            given += state or [torch.zeros(port.sized(sizes)) for port in ports.inputs[-ports.state :]]
        out, *after = self._session(given, sizes)
        return out, tuple(after) or None


def opened(
    load: Callable[[str], Any], model: str, path: Path | str, place: Place, precision: str, subsampling: tuple[int, int]
) -> Inpainting | WholeFrames:
    """The network of a `model`: an .onnx file, or weights, of which one is made and kept. load, path: as of
    `runtime.Loaded`; subsampling: log2 of chroma's reduction in height and width. Raises ModelError and DeviceError."""
    chroma = next(name for name, of in SUBSAMPLINGS.items() if of == subsampling)
    if Path(path).suffix == ".onnx":
        exported = read(path)
        told = exported.description
        for name, has, asked in (
            ("precision", told.precision, precision),
            ("subsampling", told.subsampling, chroma if told.subsampling else None),
        ):
            if asked not in ("auto", has):
                raise ModelError(
                    f"model must be exported with --{name} {asked} for this, passed {path}, which was with {has}"
                )
    else:
        exported = cache.exported(load, model, path, precision_of(precision, place), chroma)
    inpainting = exported.description.network == INPAINTING
    if inpainting != (load is weights.load):
        raise ModelError(f"model {path} is of a network that is not the one asked for: {exported.description.network}")
    return (Inpainting if inpainting else WholeFrames)(exported, place)


def _options(place: Place) -> Any:
    _, onnxruntime = packages()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # 1
    options.use_deterministic_compute = True  # 2
    options.log_severity_level = 4  # errors are raised
    if place.provider == "directml":
        # Its documentation asks for this.
        options.enable_mem_pattern = False
    return options


def _profile(exported: Exported) -> tuple[Sizes, Sizes, Sizes]:
    """The smallest, the usual and the largest sizes of a step, for TensorRT."""
    if exported.description.network == INPAINTING:
        from ..tiles import SHAPES

        heights, widths = zip(*SHAPES, strict=True)
        most = max(runtime.SAMPLES // (h * w) for h, w in SHAPES)
        return (
            {"batch": 1, "height": min(heights), "width": min(widths)},
            {"batch": 16, "height": 64, "width": 96},
            {"batch": most, "height": max(heights), "width": max(widths)},
        )
    shell = exported.description.shell()
    frames = max(1, exported.description.ports.frames)
    side = -(-SMALLEST // shell.MULTIPLE) * shell.MULTIPLE

    def sizes(frames: int, height: int, width: int) -> Sizes:
        return {"batch": 1, "frames": frames, "height": height, "width": width, "count": shell.GROUP}

    return sizes(1, side, side), sizes(frames, 480, 856), sizes(frames, 480 + side, 1280)

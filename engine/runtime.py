"""Where the network runs: device, precision and threads, and the networks that are loaded, shared and counted."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from . import weights
from .errors import DeviceError
from .network import Inputs, State

#: Luma samples per call of the network: on a GPU, so that memory stays bounded on any picture; on a CPU, where each
#: call stays on one thread (two threads in one call wait for each other after every layer: 150 ms of processor time
#: instead of 134). Fixed, so that the numbers depend on no machine's count of cores.
SAMPLES, CPU_SAMPLES = 128 * 64 * 64, 12 * 64 * 64
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def device_of(name: str) -> torch.device:
    """The device of a name: "auto", "cpu", "cuda" or "cuda:N". Raises DeviceError."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cpu":
        return torch.device("cpu")
    kind, _, number = name.partition(":")
    if kind != "cuda" or (number and not number.isdecimal()):
        raise DeviceError(f'device must be "auto", "cpu", "cuda" or "cuda:N", passed {name}')
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(number or 0) >= count:
        there = f"{count} CUDA device(s)" if count else "no CUDA device"
        raise DeviceError(
            f'device must be one that is there, passed {name} where torch finds {there}; use "auto" or "cpu"'
        )
    return torch.device("cuda", int(number or 0))


def precision_of(name: str, device: torch.device) -> torch.dtype:
    """The network's number type; "auto": bf16 where a CPU computes with it, fp16 on CUDA, else fp32."""
    if name != "auto":
        return _DTYPES[name]
    if device.type == "cuda":
        return torch.float16
    # Emulated bfloat16 would be slower than float32.
    fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if fast else torch.float32


@dataclass(frozen=True, kw_only=True)
class Key:
    """What makes two nodes share a network. load, model: by what it is read, and what is asked of it; stamp: of the
    file, so that one written anew is loaded anew."""

    load: Callable[[str], nn.Module]
    model: str
    path: str
    backend: str
    device: str
    precision: str
    stamp: tuple[int, int]


_shared: dict[Key, tuple[nn.Module, int]] = {}
_lock = threading.Lock()


class Loaded[N: nn.Module]:
    """A network in use. `close` it once; the last to close frees the network."""

    def __init__(
        self,
        load: Callable[[str], N],
        model: str,
        path: Path | str,
        device: str,
        precision: str,
        backend: str = "torch",
        subsampling: tuple[int, int] = (1, 1),
    ) -> None:
        """load: reads `model`; path: the file that it means; backend: of `settings.BACKENDS`; subsampling: log2 of
        chroma's reduction in height and width, which a graph of the inpainting network is made for.

        Raises ModelError and DeviceError.
        """
        make: Callable[[], N]
        if backend == "onnxruntime":
            from .export import session

            place = session.place_of(device)
            self.device, where, kind = place.tensors, str(place), precision
            backend = f"{backend} {subsampling}"
            make = partial(session.opened, load, model, path, place, precision, subsampling)
        else:
            self.device = device_of(device)
            dtype = precision_of(precision, self.device)
            where, kind = str(self.device), str(dtype)
            make = partial(_made, load, model, self.device, dtype)
        stamp = (os.stat(path).st_mtime_ns, os.stat(path).st_size) if os.path.exists(path) else (0, 0)
        self._key = Key(
            load=load,
            model=model,
            path=os.path.abspath(path),
            backend=backend,
            device=where,
            precision=kind,
            stamp=stamp,
        )
        with _lock:
            network, users = _shared.get(self._key, (None, 0))
            if network is None:
                network = make()
            _shared[self._key] = network, users + 1
        self.network: N | None = network
        self.dtype: torch.dtype = network.dtype if backend != "torch" else dtype

    def close(self) -> None:
        if self.network is None:
            return
        self.network = None
        with _lock:
            network, users = _shared[self._key]
            if users == 1:
                del _shared[self._key]
            else:
                _shared[self._key] = network, users - 1


def _made[N: nn.Module](load: Callable[[str], N], model: str, device: torch.device, dtype: torch.dtype) -> N:
    """The network that `load` reads, where it is to run."""
    network = load(model).to(device, dtype)
    if device.type == "cpu":
        for weight in network.parameters():
            if weight.dim() == 4:  # of 3-D convolutions there are five, which have another order
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    return network


class Runtime:
    """The inpainting network on its device, run over tiles. `close` it once."""

    def __init__(
        self, model: str, device: str, precision: str, backend: str = "torch", subsampling: tuple[int, int] = (1, 1)
    ) -> None:
        """As of `Loaded`. Raises ModelError and DeviceError."""
        path = weights.file_of(model, weights.DEFAULT)
        self._loaded = Loaded(weights.load, model, path, device, precision, backend, subsampling)
        self.device, self.dtype = self._loaded.device, self._loaded.dtype

    def close(self) -> None:
        self._loaded.close()

    def begin(
        self, inputs: Sequence[Inputs], states: Sequence[State | None], workers: Executor
    ) -> Callable[[], tuple[list[np.ndarray], list[np.ndarray], list[State | None]]]:
        """Begin one frame; the call that is returned waits for (luma [K, 1, H, W], chroma [K, 2, h, w], states) of each
        element of `inputs`, tiles of one shape, and raises DeviceError. A state is None where there are no tiles.

        workers: threads for a CPU's share, each of which torch may use alone (`torch.set_num_threads(1)`).
        """
        on_cpu = self.device.type == "cpu"
        samples = CPU_SAMPLES if on_cpu else SAMPLES
        parts, counts = [], []
        for given, state in zip(inputs, states, strict=True):
            k, _, h, w = given.luma.shape
            size = max(1, samples // (h * w))
            cuts = [slice(first, first + size) for first in range(0, k, size)]
            parts += [(Inputs(*(t[c] for t in given)), state and State(*(t[c] for t in state))) for c in cuts]
            counts.append(len(cuts))
        running = (workers.map if on_cpu else map)(self._run, parts)

        def finish() -> tuple[list[np.ndarray], list[np.ndarray], list[State | None]]:
            try:
                done = list(running)
            except torch.OutOfMemoryError:
                raise DeviceError(
                    f"{self.device} ran out of memory at {sum(len(i.luma) for i in inputs)} tiles; use "
                    'precision="fp16", a smaller mask, or device="cpu"'
                ) from None
            luma, chroma, after, first = [], [], [], 0
            for given, count in zip(inputs, counts, strict=True):
                mine = done[first : first + count]
                first += count
                if not mine:
                    luma.append(given.luma[:, :1].numpy())
                    chroma.append(given.chroma[:, 0].numpy())
                    after.append(None)
                    continue
                pictures = (torch.cat([out[i] for out, _ in mine]).float().cpu().numpy() for i in (0, 1))
                for kept, picture in zip((luma, chroma), pictures, strict=True):
                    kept.append(picture)
                after.append(State(*(torch.cat(t) for t in zip(*(s for _, s in mine), strict=True))))
            return luma, chroma, after

        return finish

    @torch.inference_mode()
    def _run(self, part: tuple[Inputs, State | None]) -> tuple[tuple[torch.Tensor, torch.Tensor], State]:
        inputs, state = part
        return self._loaded.network(Inputs(*(t.to(self.device, non_blocking=True) for t in inputs)), state)


def moved(state: State | None, before: torch.Tensor, now: torch.Tensor) -> State | None:
    """The state of tiles `before` (sorted numbers) for the tiles `now`; what was not there is to be forgotten."""
    if state is None or torch.equal(before, now):
        return state
    at = torch.searchsorted(before, now).clamp(max=len(before) - 1)
    there = before[at] == now
    at = at.to(state.h.device)
    picked = State(*(t[at] for t in state))
    return picked._replace(valid=picked.valid * there.to(state.h.device)[:, None, None, None])

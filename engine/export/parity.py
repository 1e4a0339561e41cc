"""Whether an exported step does what torch does: both run side by side, each with the state of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..errors import OsdcleanError
from ..network import InpaintingNetwork
from .ports import DTYPES, SMALLEST, Ports, Sizes, Step

if TYPE_CHECKING:
    from ..networks.published import Published
    from .files import Exported

#: Steps of one run: of a network with a state, and of one without.
STEPS, STATELESS = 50, 3
#: Largest differences from torch's float32, of the answer and of the state, by the file's precision; relative where
#: a value is above 1, as a ConvLSTM's cell is.
TOLERANCE = {"fp32": (1e-4, 1e-4), "fp16": (1e-2, 1e-1)}


def sizes_of(network: InpaintingNetwork | Published, ports: Ports) -> tuple[Sizes, Sizes]:
    """Two sets of sizes; what an export took for a constant differs between them."""
    if isinstance(network, InpaintingNetwork):
        return {"batch": 2, "height": 32, "width": 48}, {"batch": 3, "height": 64, "width": 40}
    unit = max(SMALLEST, 4 * network.MULTIPLE)
    height, width = network.size or (unit, 2 * unit)
    other = network.size or (2 * unit, unit + network.MULTIPLE)
    most = ports.frames
    few = max(network.GROUP, most - 1)
    first = {"batch": 1, "height": height, "width": width, "frames": most, "count": network.GROUP}
    return first, {
        "batch": 2, "height": other[0], "width": other[1], "frames": few, "count": max(1, network.GROUP - 1)
    }  # fmt: skip


def random_inputs(ports: Ports, sizes: Sizes, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Random values for the inputs, each in its range."""
    return tuple(_random(port.name, port.sized(sizes), DTYPES[port.dtype], sizes, generator) for port in ports.inputs)


def _random(name: str, shape: tuple[int, ...], dtype: torch.dtype, sizes: Sizes, generator: torch.Generator) -> Tensor:
    if name == "count":
        return torch.tensor(sizes["count"])
    if name in ("state_valid", "keep"):
        return torch.ones(shape, dtype=dtype)
    if name in ("flow", "state_c"):
        return torch.randn(shape, generator=generator).to(dtype)
    values = torch.rand(shape, generator=generator)
    if name == "age":
        values = (9 * values).floor()
    elif name in ("hole", "masks"):
        values = (values > 0.7).float()
    elif name in ("frames", "state_h"):
        values = 2 * values - 1
    return values.to(dtype)


def require(network: InpaintingNetwork | Published, exported: Exported) -> tuple[float, float]:
    """The largest differences, of the answer and of the state, of what is exported from `network`, float32 on the CPU,
    over a run of random frames from a random state, at each of two sizes. Raises OsdcleanError where one is above
    TOLERANCE."""
    # On one thread: on a busy machine several wait for each other, for minutes.
    with ThreadPoolExecutor(1, initializer=lambda: torch.set_num_threads(1)) as worker:
        found = worker.submit(_found, network, exported).result()
    for what, most, least in zip(("answer", "state"), found, TOLERANCE[exported.description.precision], strict=True):
        if not most <= least:  # also refuses NaN
            raise OsdcleanError(
                f"the exported file's {what} must differ from torch's by {least:g} at most, found {most:.2g}; "
                "it was not written"
            )
    return found


@torch.inference_mode()
def _found(network: InpaintingNetwork | Published, exported: Exported) -> tuple[float, float]:
    from .session import CPU, Session

    ports = exported.description.ports
    session, step = Session(exported, CPU), Step(network, ports)
    generator = torch.Generator().manual_seed(1)
    given, answers = len(ports.inputs) - ports.state, len(ports.outputs) - ports.state
    found = torch.zeros(len(ports.outputs))
    for sizes in sizes_of(network, ports):
        state = theirs = None
        for _ in range(STEPS if ports.state else STATELESS):
            first = random_inputs(ports, sizes, generator)
            inputs, state, theirs = first[:given], state or first[given:], theirs or first[given:]
            want = step(*(t.float() if t.is_floating_point() else t for t in (*inputs, *state)))
            got = session((*inputs, *theirs), sizes)
            apart = [(a - b.float()).abs() / a.abs().clamp(min=1) for a, b in zip(want, got, strict=True)]
            found = torch.maximum(found, torch.stack([one.max() for one in apart]))
            state, theirs = tuple(want[answers:]), tuple(got[answers:])
    return float(found[:answers].max()), float(found[answers:].max()) if ports.state else 0.0

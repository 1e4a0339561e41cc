"""ONNX files of networks: written only once they are checked, read only as what was written here."""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from .. import outputs, weights
from ..errors import DeviceError, ModelError, OsdcleanError, in_a_line
from ..network import InpaintingNetwork, NetworkConfig
from ..networks import published
from ..networks.published import Published
from .ports import Ports, Step, of_inpainting, of_published

KIND = "osdclean-onnx"
#: Of the metadata and the ports; a file of another is refused.
FORMAT = 1
#: GridSample came with 16; ONNX Runtime, TensorRT and DirectML all know 17. 20 is the last that torch's tracing knows.
OPSET, OPSETS = 17, range(16, 21)
INPAINTING = "inpainting"
#: Names of log2 of chroma's reduction in height and width.
SUBSAMPLINGS = {
    "420": (1, 1), "422": (0, 1), "444": (0, 0), "440": (1, 0), "411": (0, 2), "410": (2, 2),
    # Nameless: luma samples to one of chroma, down and across.
    "4x1": (2, 0), "4x2": (2, 1), "2x4": (1, 2),
}  # fmt: skip
_FLOATS = {"fp32": "float32", "fp16": "float16"}


@dataclass(frozen=True, kw_only=True)
class Description:
    """The metadata of a file. network: INPAINTING or the name of a published one; config: its configuration; precision:
    "fp32" or "fp16"; subsampling: of SUBSAMPLINGS, of the inpainting network alone; training: what its weights tell of
    their making; difference: the largest from torch that were found, of the answer and
    of the state."""

    version: str
    network: str
    config: dict[str, Any]
    precision: str
    subsampling: str | None
    opset: int
    ports: Ports
    training: dict[str, Any]
    difference: tuple[float, float] = (0.0, 0.0)

    def as_metadata(self) -> dict[str, str]:
        told = {**asdict(self), "kind": KIND, "format": FORMAT, "ports": self.ports.as_metadata()}
        return {
            name: value if isinstance(value, str) else json.dumps(value, default=str) for name, value in told.items()
        }

    @classmethod
    def of_metadata(cls, told: dict[str, str]) -> Description:
        """Raises KeyError, TypeError, ValueError where it is none."""
        texts = ("version", "network", "precision")
        return cls(
            **{name: told[name] for name in texts},
            **{name: json.loads(told[name]) for name in ("config", "opset", "training")},
            difference=tuple(json.loads(told["difference"])),
            subsampling=None if told["subsampling"] == "null" else told["subsampling"],
            ports=Ports.of_metadata(json.loads(told["ports"])),
        )

    @property
    def dtype(self) -> torch.dtype:
        return {"fp32": torch.float32, "fp16": torch.float16}[self.precision]

    def shell(self) -> InpaintingNetwork | Published:
        """The network without weights, for what it tells of itself. Raises ModelError, TypeError, ValueError."""
        config = weights.settings(self.config)
        with torch.device("meta"):
            if self.network == INPAINTING:
                return InpaintingNetwork(NetworkConfig(**config))
            of = published.known(self.network)
            return of(of.CONFIG(**config)).eval()


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A file that was read: its content, and what it tells of itself."""

    graph: bytes
    description: Description

    def digest(self) -> str:
        return hashlib.sha256(self.graph).hexdigest()


def packages() -> tuple[Any, Any]:
    """onnx and onnxruntime. Raises DeviceError where one is not installed."""
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise DeviceError(
            f'{error.name or "onnxruntime"} is not installed, which ONNX files and backend="onnxruntime" need; '
            "pip install 'vapoursynth-osdclean[onnx]'"
        ) from None
    return onnx, onnxruntime


def training_of(model: str) -> dict[str, Any]:
    """What a weights file tells of its making; nothing where it is a `.pth`, or tells nothing."""
    path = weights.file_of(published.asked(model)[1], weights.DEFAULT)
    try:
        return json.loads(weights.told(path).get("training", "{}"))
    except ValueError:
        return {}


def export(
    network: InpaintingNetwork | Published,
    path: Path,
    precision: str = "fp32",
    subsampling: str = "420",
    opset: int = OPSET,
    training: dict[str, Any] | None = None,
) -> Description:
    """Write one step of a network, float32 on the CPU, as an ONNX file: beside `path`, checked, then renamed.

    Raises OsdcleanError where the file does not do what torch does, DeviceError where a package is missing.
    """
    from ..cli.versions import version
    from . import parity

    onnx, _ = packages()
    network = network.eval()
    dtype = _FLOATS[precision]
    cast = deepcopy(network).to(torch.float16) if precision == "fp16" else network
    inpainting = isinstance(network, InpaintingNetwork)
    ports = of_inpainting(cast, SUBSAMPLINGS[subsampling]) if inpainting else of_published(cast, dtype)
    graph = onnx.load_from_string(_traced(cast, ports, opset))
    described = Description(
        version=version(),
        network=INPAINTING if inpainting else network.NAME,
        config=network.config.as_metadata() if inpainting else asdict(network.config),
        precision=precision,
        subsampling=subsampling if inpainting else None,
        opset=opset,
        ports=ports,
        training=training or {},
    )
    _say_inside(onnx, graph, described)
    try:
        onnx.checker.check_model(graph, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise OsdcleanError(f"the exported graph is none that onnx accepts: {in_a_line(error)}") from None
    found = parity.require(network, Exported(graph=graph.SerializeToString(), description=described))
    described = Description(**{**vars(described), "difference": found})
    _say_inside(onnx, graph, described)
    with outputs.whole(path) as beside:
        beside.write_bytes(graph.SerializeToString())
    return described


def read(path: Path | str) -> Exported:
    """A file that `export` wrote. Raises ModelError where it is another, DeviceError where a package is missing."""
    onnx, _ = packages()
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"model must be an .onnx file, passed {path}, which does not exist")
    from google.protobuf.message import DecodeError

    try:
        content = path.read_bytes()
        # From memory: what would lie in other files is not looked for.
        graph = onnx.load_from_string(content)
    except (DecodeError, OSError, ValueError) as error:
        raise ModelError(f"model must be an ONNX file, passed {path}: {in_a_line(error)}") from None
    told = {one.key: one.value for one in graph.metadata_props}
    if told.get("kind") != KIND:
        raise ModelError(f"model must be an .onnx file that osdclean export wrote, passed {path}, which is another")
    if told.get("format") != str(FORMAT):
        raise ModelError(
            f"model must be of export format {FORMAT}, passed {path} of format {told.get('format')}; export it again"
        )
    _refuse_strange(graph, path)
    try:
        description = Description.of_metadata(told)
        description.shell()
        names = [[port.name for port in ports] for ports in (description.ports.inputs, description.ports.outputs)]
        if names != [[one.name for one in ends] for ends in (graph.graph.input, graph.graph.output)]:
            raise ValueError("inputs and outputs are not those that it names")
    except (KeyError, TypeError, ValueError, RuntimeError, OsdcleanError) as error:
        raise ModelError(f"model {path} does not fit its own description: {in_a_line(error)}") from None
    return Exported(graph=content, description=description)


def _refuse_strange(graph: Any, path: Path) -> None:
    """Raise ModelError for what an export never has: operators of others, functions, weights in other files."""
    onnx, _ = packages()
    if graph.functions or any(node.domain not in ("", "ai.onnx") for node in graph.graph.node):
        raise ModelError(f"model must hold ONNX's own operators alone, passed {path}, which has others")
    if any(one.data_location == onnx.TensorProto.EXTERNAL for one in graph.graph.initializer):
        raise ModelError(f"model must be one file, passed {path}, whose weights are in others")


def _traced(network: InpaintingNetwork | Published, ports: Ports, opset: int) -> bytes:
    """The graph of a network's step. The tracing exporter: it takes seconds where torch.export takes minutes, and runs
    when a filter is made."""
    from . import parity

    sizes = parity.sizes_of(network, ports)[0]
    given = parity.random_inputs(ports, sizes, torch.Generator().manual_seed(0))
    file = io.BytesIO()
    with _quiet(), torch.no_grad(), _Reshaped():
        torch.onnx.export(
            Step(network, ports).eval(), given, file, dynamo=False, opset_version=opset,
            input_names=[port.name for port in ports.inputs], output_names=[port.name for port in ports.outputs],
            dynamic_axes={port.name: port.axes() for port in (*ports.inputs, *ports.outputs) if port.axes()},
        )  # fmt: skip
    return file.getvalue()


class _Reshaped(TorchFunctionMode):
    """`unflatten` as `reshape`: of what the former makes, the tracer takes the sizes for constants."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.unflatten:
            x, axis, sizes = args
            axis %= x.dim()
            return x.reshape(*x.shape[:axis], *sizes, *x.shape[axis + 1 :])
        return func(*args, **(kwargs or {}))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the tracer's warnings: of sizes that become constants, which `parity` tries at others."""
    with warnings.catch_warnings():
        for kind in (torch.jit.TracerWarning, DeprecationWarning, UserWarning):
            warnings.simplefilter("ignore", kind)
        yield


def _say_inside(onnx: Any, graph: Any, described: Description) -> None:
    """Put the description into the graph's metadata."""
    graph.producer_name, graph.producer_version = "osdclean", described.version
    onnx.helper.set_model_props(graph, described.as_metadata())

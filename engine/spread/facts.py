"""What pixels depend on besides the job: versions, by name. They must be the same wherever a chunk is done."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib import resources

from ..cli.programs import find, version_lines
from ..cli.versions import installed, version

#: Packages whose work is seen in the pixels.
PACKAGES = ("torch", "opencv-python-headless", "VapourSynth", "vapoursynth-bestsource", "numpy", "onnxruntime")
#: Program that encodes, by the encoder's name.
PROGRAMS = {"x265": "x265", "x264": "x264", "ffv1": "ffmpeg"}


def facts(encoder: str) -> dict[str, str]:
    """Versions by name. Raises CommandError where the encoder is missing."""
    return {
        "osdclean": f"{version()} ({_source()})",
        **{name: installed(name) or "none" for name in PACKAGES},
        PROGRAMS[encoder]: _said(PROGRAMS[encoder]),
    }


def numbers(device: str, precision: str) -> str:
    """By what the network computes here, such as "cpu bfloat16": others round otherwise. Raises DeviceError."""
    import torch

    from ..runtime import device_of, precision_of

    if device.partition(":")[0] in ("tensorrt", "directml"):
        return f"{device} {precision}"
    where = device_of(device)
    name = torch.cuda.get_device_name(where) if where.type == "cuda" else f"{platform.machine()} cpu"
    return f"{name} {str(precision_of(precision, where)).removeprefix('torch.')}"


@cache
def _source() -> str:
    """Digest of the package's own files: two working copies of one version may differ."""
    digest = hashlib.sha256()
    for folder in ("engine", "plugin", "vs_scripts"):
        root = resources.files(f"osdclean.{folder}")
        files = [file for file in root.rglob("*") if file.suffix in (".py", ".vpy", ".safetensors")]
        for file in sorted(files):
            digest.update(f"{folder}/{file.relative_to(root)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def _said(program: str) -> str:
    """The first line that a program says of its version. Raises CommandError where it is missing."""
    lines = version_lines(program, find(program))
    return lines[0].partition(" Copyright")[0] if lines else "it does not say"

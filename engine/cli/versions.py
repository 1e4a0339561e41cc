"""What `osdclean --version` tells: first its own version in a line of its own, then what it found to work with.

Versions are read from the packages' metadata, without loading them. Only --json loads torch, to tell the device.
"""

from __future__ import annotations

import hashlib
import json
import platform
from importlib import metadata

from .. import weights

_PACKAGES = {
    "VapourSynth": "vapoursynth", "bestsource": "vapoursynth-bestsource", "torch": "torch", "numpy": "numpy",
    "OpenCV": "opencv-python-headless",
}  # fmt: skip


def version() -> str:
    """Version of the installed package, or "unknown" in a bare source tree."""
    for name in ("vapoursynth-osdclean", "osdclean"):
        if found := installed(name):
            return found
    return "unknown"


def installed(package: str) -> str | None:
    """Version of a package, None where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def found() -> dict[str, str]:
    """What there is, by name."""
    packages = {name: installed(package) or "not found" for name, package in _PACKAGES.items()}
    told = {"Python": platform.python_version(), **packages}
    for path in (weights.DEFAULT, weights.DETECTOR):
        there = hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else "not found"
        told[f"weights {path.stem}"] = there
    return told


def tell(as_json: bool) -> None:
    """Write it to stdout."""
    told = found()
    if not as_json:
        print(f"osdclean {version()}")
        print("\n".join(f"{name} {value}" for name, value in told.items()))
        print("device: see osdclean doctor")
        return
    from .doctor.machine import device_found

    try:
        place = device_found()[0]
    except ImportError as error:
        place = f"unknown: {error}"
    print(json.dumps({"osdclean": version(), **told, "device": place}, indent=2))

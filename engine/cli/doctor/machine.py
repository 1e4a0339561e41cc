"""The machine: its device, the programs and folders that are there, and the user's settings."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ... import home
from ...errors import OsdcleanError
from ...machine import cores
from ..programs import find, version_lines
from .check import FAIL, NONE, OK, WARN, Check

#: Programs, and whether nothing works without them.
_PROGRAMS = {"ffmpeg": True, "ffprobe": True, "x265": True, "x264": False}
#: Free space below which a disk is told.
_LITTLE = 1 << 30


def device() -> Iterator[Check]:
    """Where the network runs when nothing else is asked for."""
    try:
        found, mend = device_found()
    except ImportError:
        return  # torch is told of among the packages
    yield Check(name="device", state=WARN if mend else OK, found=found, mend=mend)


def device_found() -> tuple[str, str]:
    """What "auto" stands for here, and what to do to have better. Raises ImportError."""
    import torch

    from ... import runtime

    place = runtime.device_of("auto")
    number = str(runtime.precision_of("auto", place)).removeprefix("torch.")
    if place.type == "cuda":
        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        return f"cuda, {torch.cuda.get_device_name(0)}, {memory:.0f} GiB, {number}", ""
    found = f"cpu, {cores()} cores, {number}"
    if os.path.exists("/dev/nvidiactl") or shutil.which("nvidia-smi"):
        built = f"is built for CUDA {torch.version.cuda}" if torch.version.cuda else "is built without CUDA"
        return (
            f"{found}; there is a driver of NVIDIA's, which torch {torch.__version__} does not use: it {built}",
            "a GPU is much faster; choose a torch that fits its driver: https://pytorch.org/get-started/locally/",
        )
    return found, ""


def programs() -> Iterator[Check]:
    for name, needed in _PROGRAMS.items():
        try:
            file = find(name)
            lines = version_lines(name, file)
        except (OsdcleanError, OSError) as error:
            why = "" if needed else "; only --encoder x264 and mask --show need it"
            yield Check(name=name, state=FAIL if needed else WARN, found=f"{error}{why}")
            continue
        version = re.search(r"(?:version |x264 )(\S+)", lines[0]) if lines else None
        told = version[1] if version else f"it does not start: {lines[-1] if lines else 'it gave no reason'}"
        yield Check(
            name=name, state=OK if version else FAIL, found=f"{told}, {file}",
            mend="" if version else f"install {name} anew",
        )  # fmt: skip


def folders() -> Iterator[Check]:
    places = {"cache": home.cache(), "temporary": Path(tempfile.gettempdir()), "this folder": Path.cwd()}
    for name, folder in places.items():
        yield folder_check(name, folder)


def folder_check(name: str, folder: Path) -> Check:
    there = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        # Nothing but ONNX files is cached, and results may go elsewhere.
        state = FAIL if name == "temporary" else WARN
        variable = {"cache": "XDG_CACHE_HOME", "temporary": "TMPDIR"}.get(name)
        return Check(
            name=name, state=state, found=f"{there} cannot be written to: {error.strerror}",
            mend=f"set {variable} to a folder that can be" if variable else "write results elsewhere",
        )  # fmt: skip
    found = f"{folder}, {free / 2**30:.1f} GiB free"
    if free < _LITTLE:
        return Check(name=name, state=WARN, found=found, mend="free some space")
    return Check(name=name, state=OK, found=found)


def settings() -> Iterator[Check]:
    from .. import settings_file

    file = settings_file.user_file()
    if not file.is_file():
        yield Check(name="settings", state=NONE, found=f"there is no {file}")
        return
    cameras = len(settings_file.read(file)) - 1
    yield Check(name="settings", state=OK, found=f"{file}, {cameras} cameras")

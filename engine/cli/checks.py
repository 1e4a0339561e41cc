"""What `osdclean doctor` looks at: each part of the installation, what was found, and how to mend what is wrong."""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from .. import home, weights
from ..errors import OsdcleanError, in_a_line
from ..machine import cores
from .frameserver import FrameServer
from .pipeline import run
from .programs import find, find_vspipe
from .versions import version

OK, WARN, FAIL, NONE = "ok", "warn", "fail", "none"
PACKAGE = "vapoursynth-osdclean"
#: Modules that are called otherwise than their package; None: a plugin of VapourSynth, seen there.
_MODULES = {
    "opencv-python-headless": "cv2", "scikit-image": "skimage", "vapoursynth-bestsource": None,
}  # fmt: skip
#: Programs, how they tell their version, and whether nothing works without them.
_PROGRAMS = {"ffmpeg": ("-version", True), "ffprobe": ("-version", True), "x265": ("--version", True)}
_PROGRAMS |= {"x264": ("--version", False)}
#: Free space below which a disk is told.
_LITTLE = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Check:
    """One part of the installation. state: ok, warn (works in part), fail, or none (an extra that is not installed);
    mend: what to do about it."""

    name: str
    state: str
    found: str
    mend: str = ""


def checks(quick: bool) -> Iterator[Check]:
    """All checks, each told as soon as it is done. quick: without making frames."""
    for look in (_python, _packages, _frame_server, _device, _weights, _programs, _folders, _settings, _extras):
        try:
            yield from look(quick) if look is _frame_server else look()  # type: ignore[operator]
        except (OsdcleanError, ImportError) as error:  # which package is missing is told among the packages
            yield Check(name=look.__name__.strip("_").replace("_", " "), state=FAIL, found=str(error))


def pip(what: str) -> str:
    """The words that install a package into the Python that runs."""
    if getattr(sys, "frozen", False):
        return "unpack the folder of osdclean again: a part of it is missing"
    return f"{sys.executable} -m pip install {what}"


def _python() -> Iterator[Check]:
    old = sys.version_info < (3, 12)
    yield Check(
        name="python", state=FAIL if old else OK, found=f"{sys.version.split()[0]}, {sys.executable}",
        mend="osdclean needs Python 3.12 or later" if old else "",
    )  # fmt: skip


def required(extra: str = "") -> dict[str, str]:
    """Packages that osdclean needs (for one of its extras), with the oldest version that will do, "" for any."""
    out = {}
    for line in metadata.requires(PACKAGE) or ():
        package, _, marker = line.partition(";")
        if (f'extra == "{extra}"' in marker.replace("'", '"')) if extra else "extra" not in marker:
            name = re.match(r"[\w.-]+", package)
            least = re.search(r">=\s*([\d.]+)", package)
            out[name[0] if name else package] = least[1] if least else ""
    return out


def _packages() -> Iterator[Check]:
    try:
        wanted = required()
    except metadata.PackageNotFoundError:
        yield Check(
            name="osdclean", state=WARN, found="a source tree that is not installed; its version is unknown",
            mend=pip("."),
        )  # fmt: skip
        return
    yield Check(name="osdclean", state=OK, found=f"{metadata.version(PACKAGE)}, {Path(__file__).parents[2]}")
    for name, least in wanted.items():
        yield _package(name, least)


def _package(name: str, least: str) -> Check:
    module = _MODULES.get(name, name.replace("-", "_"))
    try:
        there = importlib.import_module(module) if module else None
    except Exception as error:  # a package that is broken may fail in any way
        gone = isinstance(error, ModuleNotFoundError) and error.name == module
        found = "not installed" if gone else f"cannot be loaded: {in_a_line(error)}"
        again = "" if gone else "--force-reinstall "
        return Check(name=name, state=FAIL, found=found, mend=pip(f"{again}'{name}{f'>={least}' if least else ''}'"))
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        version = str(getattr(there, "__version__", "")) if there else ""
    if not version:
        return Check(name=name, state=FAIL, found="not installed", mend=pip(name))
    if least and _numbers(version) < _numbers(least):
        return Check(
            name=name, state=FAIL, found=f"{version}, older than {least}", mend=pip(f"--upgrade '{name}>={least}'")
        )
    return Check(name=name, state=OK, found=version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.match(r"[\d.]*", version)[0].strip(".").split(".") if part)  # type: ignore[index]


def _frame_server(quick: bool) -> Iterator[Check]:
    """vspipe, what it has, and a tiny run of both nodes through it."""
    vspipe = find_vspipe()
    with tempfile.TemporaryDirectory(prefix="osdclean-doctor-") as private:
        server = FrameServer(Path(private))
        report = Path(private) / "report.json"
        stage = server.stage("doctor.vpy", {"report": report}, *(("-i",) if quick else ()))
        try:
            made, broken = len(run(stage)), ""
        except OsdcleanError as error:
            made, broken = 0, str(error)
        told: dict[str, Any] = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else {}
        if not told:
            yield Check(
                name="vspipe", state=FAIL, found=f"{vspipe}: {broken}", mend=pip("--force-reinstall vapoursynth")
            )
            return
        noted = not (Path(private) / "config").exists()
        yield Check(
            name="vspipe", state=OK if noted else WARN,
            found=f"VapourSynth R{told['vapoursynth']} with Python {told['python']}, {vspipe}"
            + ("" if noted else "; it starts with a note that is made anew for each run"),
            mend="" if noted else "to have vspipe start by itself too: vapoursynth config",
        )  # fmt: skip
    yield _plugin(told)
    yield Check(
        name="bestsource", state=OK if told["bestsource"] else FAIL,
        found="the plugin is loaded" if told["bestsource"] else "VapourSynth has no function core.bs.VideoSource",
        mend="" if told["bestsource"] else pip("--force-reinstall vapoursynth-bestsource"),
    )  # fmt: skip
    if quick or not told["osdclean"]:
        return
    whole = made == 6 * 96 * 64 * 3 // 2
    yield Check(
        name="run", state=OK if whole else FAIL,
        found="six frames through Detect and Inpaint" if whole else broken or f"six frames came to {made} bytes",
        mend="" if whole else "what the other checks say may be the cause; else report it, with this output",
    )  # fmt: skip


def _plugin(told: dict[str, Any]) -> Check:
    """Whether VapourSynth has the plugin, and the same as this package."""
    name = "plugin"
    if not told["osdclean"]:
        return Check(
            name=name, state=FAIL, found="VapourSynth has no core.osdclean",
            mend=f"{pip(f'--force-reinstall --no-deps {PACKAGE}')}; its library belongs to one version of Python",
        )  # fmt: skip
    if told["version"] != version():
        return Check(
            name=name, state=FAIL, found=f"{told['version']}, where this command is {version()}",
            mend="VapourSynth runs another Python: uninstall osdclean there, or run: vapoursynth config",
        )  # fmt: skip
    return Check(name=name, state=OK, found=told["version"])


def _device() -> Iterator[Check]:
    """Where the network runs when nothing else is asked for."""
    try:
        found, mend = device()
    except ImportError:
        return  # torch is told of among the packages
    yield Check(name="device", state=WARN if mend else OK, found=found, mend=mend)


def device() -> tuple[str, str]:
    """What "auto" stands for here, and what to do to have better. Raises ImportError."""
    import torch

    from .. import runtime

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


def _weights() -> Iterator[Check]:
    for path, load in ((weights.DEFAULT, weights.load), (weights.DETECTOR, weights.load_detector)):
        yield _weights_file(path, load)


def _weights_file(path: Path, load: Callable[[str], Any]) -> Check:
    again = pip(f"--force-reinstall --no-deps {PACKAGE}")
    try:
        network = load(str(path))
        digest = hashlib.sha256(path.read_bytes()).digest()
    except (OsdcleanError, OSError) as error:
        return Check(name="weights", state=FAIL, found=str(error), mend=again)
    except ImportError:
        return Check(name="weights", state=WARN, found=f"{path.name} cannot be tried without torch")
    kept = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    listed = _listed(path)
    if listed not in ("", kept):
        return Check(name="weights", state=FAIL, found=f"{path} is not the file that was installed", mend=again)
    count = sum(tensor.numel() for tensor in network.parameters())
    found = f"{path.name}, {count / 1e6:.2f} M parameters, sha256 {digest.hex()[:12]}"
    return Check(name="weights", state=OK, found=found)


def _listed(path: Path) -> str:
    """The SHA-256 that the installed package has on record for a file, as base64; "" where it has none."""
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return ""
    return next((f.hash.value for f in files if f.name == path.name and f.hash and f.locate() == path), "")


def _programs() -> Iterator[Check]:
    for name, (option, needed) in _PROGRAMS.items():
        try:
            file = find(name)
            done = subprocess.run([file, option], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        except (OsdcleanError, OSError) as error:
            why = "" if needed else "; only --encoder x264 and mask --show need it"
            yield Check(name=name, state=FAIL if needed else WARN, found=f"{error}{why}")
            continue
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        version = re.search(r"(?:version |x264 )(\S+)", lines[0]) if lines else None
        told = version[1] if version else f"it does not start: {lines[-1] if lines else 'it gave no reason'}"
        yield Check(
            name=name, state=OK if version else FAIL, found=f"{told}, {file}",
            mend="" if version else f"install {name} anew",
        )  # fmt: skip


def _folders() -> Iterator[Check]:
    places = {"cache": home.cache(), "temporary": Path(tempfile.gettempdir()), "this folder": Path.cwd()}
    for name, folder in places.items():
        yield _folder(name, folder)


def _folder(name: str, folder: Path) -> Check:
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


def _settings() -> Iterator[Check]:
    from . import settings_file

    file = settings_file.user_file()
    if not file.is_file():
        yield Check(name="settings", state=NONE, found=f"there is no {file}")
        return
    cameras = len(settings_file.read(file)) - 1
    yield Check(name="settings", state=OK, found=f"{file}, {cameras} cameras")


def _extras() -> Iterator[Check]:
    """Packages that only some commands need."""
    try:
        names = [name for name in metadata.metadata(PACKAGE).get_all("Provides-Extra") or () if name != "test"]
    except metadata.PackageNotFoundError:
        return
    for extra in names:
        checked = [_package(name, least) for name, least in required(extra).items()]
        missing = [check for check in checked if check.state == FAIL]
        state = OK if not missing else NONE if all(c.found == "not installed" for c in missing) else WARN
        yield Check(
            name=f"extra {extra}", state=state, found=", ".join(f"{check.name} {check.found}" for check in checked),
            mend=pip(f"'{PACKAGE}[{extra}]'") if missing else "",
        )  # fmt: skip

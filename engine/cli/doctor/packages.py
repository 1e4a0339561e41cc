"""Python, the packages that osdclean needs, and what was installed of its own."""

from __future__ import annotations

import base64
import hashlib
import importlib
import re
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from ... import weights
from ...errors import OsdcleanError, in_a_line
from .. import portable
from .check import FAIL, NONE, OK, PACKAGE, WARN, Check, pip

#: Modules that are called otherwise than their package; None: a plugin of VapourSynth, seen there.
_MODULES = {"opencv-python-headless": "cv2", "scikit-image": "skimage", "vapoursynth-bestsource": None}

#: Extras of which doctor says nothing.
_FOR_DEVELOPERS = ("test", "docs", "portable")


def python() -> Iterator[Check]:
    old = sys.version_info < (3, 12)
    yield Check(
        name="python", state=FAIL if old else OK, found=f"{sys.version.split()[0]}, {sys.executable}",
        mend="osdclean needs Python 3.12 or later" if old else "",
    )  # fmt: skip


def required(extra: str = "") -> dict[str, str]:
    """Packages that osdclean needs (for one of its extras), with the oldest version that will do, "" for any."""
    out = {}
    for line in metadata.requires(PACKAGE) or ():
        words, _, marker = line.partition(";")
        if (f'extra == "{extra}"' in marker.replace("'", '"')) if extra else "extra" not in marker:
            name = re.match(r"[\w.-]+", words)
            least = re.search(r">=\s*([\d.]+)", words)
            out[name[0] if name else words] = least[1] if least else ""
    return out


def installed() -> Iterator[Check]:
    try:
        wanted = required()
    except metadata.PackageNotFoundError:
        yield Check(
            name="osdclean", state=WARN, found="a source tree that is not installed; its version is unknown",
            mend=pip("."),
        )  # fmt: skip
        return
    yield Check(name="osdclean", state=OK, found=f"{metadata.version(PACKAGE)}, {Path(__file__).parents[3]}")
    for name, least in wanted.items():
        yield package(name, least)


def package(name: str, least: str) -> Check:
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
    if least and numbers(version) < numbers(least):
        return Check(
            name=name, state=FAIL, found=f"{version}, older than {least}", mend=pip(f"--upgrade '{name}>={least}'")
        )
    return Check(name=name, state=OK, found=version)


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.match(r"[\d.]*", version)[0].strip(".").split(".") if part)  # type: ignore[index]


def own_weights() -> Iterator[Check]:
    for path, load in ((weights.DEFAULT, weights.load), (weights.DETECTOR, weights.load_detector)):
        yield weights_file(path, load)


def weights_file(path: Path, load: Callable[[str], Any]) -> Check:
    again = pip(f"--force-reinstall --no-deps {PACKAGE}")
    try:
        network = load(str(path))
        digest = hashlib.sha256(path.read_bytes()).digest()
    except (OsdcleanError, OSError) as error:
        return Check(name="weights", state=FAIL, found=str(error), mend=again)
    except ImportError:
        return Check(name="weights", state=WARN, found=f"{path.name} cannot be tried without torch")
    kept = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    recorded = listed(path)
    if recorded not in ("", kept):
        return Check(name="weights", state=FAIL, found=f"{path} is not the file that was installed", mend=again)
    count = sum(tensor.numel() for tensor in network.parameters())
    found = f"{path.name}, {count / 1e6:.2f} M parameters, sha256 {digest.hex()[:12]}"
    return Check(name="weights", state=OK, found=found)


def listed(path: Path) -> str:
    """The SHA-256 that the installed package has on record for a file, as base64; "" where it has none."""
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return ""
    return next((f.hash.value for f in files if f.name == path.name and f.hash and f.locate() == path), "")


def extras() -> Iterator[Check]:
    """Packages that only some commands need; nothing of them in the portable folder, which has none and takes none."""
    if portable.library() is not None:
        return
    try:
        names = metadata.metadata(PACKAGE).get_all("Provides-Extra") or ()
    except metadata.PackageNotFoundError:
        return
    for extra in (name for name in names if name not in _FOR_DEVELOPERS):
        checked = [package(name, least) for name, least in required(extra).items()]
        missing = [check for check in checked if check.state == FAIL]
        state = OK if not missing else NONE if all(c.found == "not installed" for c in missing) else WARN
        yield Check(
            name=f"extra {extra}", state=state, found=", ".join(f"{check.name} {check.found}" for check in checked),
            mend=pip(f"'{PACKAGE}[{extra}]'") if missing else "",
        )  # fmt: skip

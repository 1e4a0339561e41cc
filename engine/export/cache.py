"""What is made once and kept in the user's cache folder: ONNX files of weights, and engines of TensorRT.

Everything is made beside its place and renamed: of two processes at once both make it, and one's stays.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from .. import home
from ..errors import ModelError, OsdcleanError
from .files import FORMAT, OPSET, Exported, export, read, training_of


def exported(load: Callable[[str], Any], model: str, path: Path | str, precision: str, subsampling: str) -> Exported:
    """The ONNX file of weights, made where it is not there yet, with a line on stderr. load, path: as of
    `runtime.Loaded`. Raises ModelError, DeviceError and OsdcleanError."""
    from ..cli.versions import version

    if not Path(path).is_file():
        load(model)  # says why
    with open(path, "rb") as f:
        content = hashlib.file_digest(f, "sha256").hexdigest()
    switches = model.partition(":")[0] if ":" in model else ""
    key = hashlib.sha256("\n".join((content, switches, version(), f"{FORMAT} {OPSET}")).encode()).hexdigest()[:24]
    where = home.cache() / "onnx"
    file = where / f"{key}-{subsampling}-{precision}.onnx"
    # What is kept and not whole, as of a disk that failed, is made again.
    with suppress(ModelError):
        return read(file)
    network = load(model)
    print(f"osdclean: exporting {Path(path).name} for onnxruntime, once, into {where}", file=sys.stderr, flush=True)
    try:
        where.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=where, prefix=".") as beside:
            made = Path(beside) / file.name
            export(network, made, precision, subsampling, training=training_of(model))
            content = read(made)
            # Windows keeps the name of a file that another process is just reading: then it is as good.
            with suppress(PermissionError):
                os.replace(made, file)
            return content
    except OSError as error:
        raise OsdcleanError(f"the cache folder must be one that can be written to, passed {where}: {error}") from None


class Engines:
    """TensorRT's files for one graph on one device: `work` is where it reads and writes, `folder` where they stay once
    they are whole. key: all that they depend on."""

    def __init__(self, *key: object) -> None:
        name = hashlib.sha256("\n".join(map(str, key)).encode()).hexdigest()[:24]
        self.folder = home.cache() / "tensorrt" / name
        self.there = self.folder.is_dir()
        self._own = tempfile.TemporaryDirectory(prefix="osdclean-tensorrt-", ignore_cleanup_errors=True)
        self.work = Path(self._own.name)
        if self.there:
            shutil.copytree(self.folder, self.work, dirs_exist_ok=True)

    def publish(self) -> None:
        """Keep what is in `work`, once; to be called when an engine ran."""
        if self.there:
            return
        self.there = True
        # A cache that cannot be written to costs time, not the result.
        with suppress(OSError):
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.folder.parent, prefix=".") as beside:
                whole = Path(beside) / self.folder.name
                shutil.copytree(self.work, whole)
                os.rename(whole, self.folder)

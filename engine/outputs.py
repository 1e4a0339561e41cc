"""Where results go: folders that can be written to, files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import OsdcleanError


def folder(path: Path) -> Path:
    """Make a folder where it is not there yet. Raises OsdcleanError where that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OsdcleanError(f"the output must be a folder that can be made, passed {path}: {error.strerror}") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise OsdcleanError(f"the output must be a folder that can be written to, passed {path}")
    return path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to; the file takes its own name when the block ends without an error."""
    beside = path.with_name(path.name + ".part")
    try:
        yield beside
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise

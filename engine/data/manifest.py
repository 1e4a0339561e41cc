"""Lists of what was made: one JSON object per line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .. import outputs
from ..cli.programs import find
from ..errors import OsdcleanError

Row = dict[str, Any]


def load(path: Path) -> list[Row]:
    """The rows of a list, none where there is no file. A last line that was cut off by a kill is left out; raises
    OsdcleanError where another one is broken."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line) if line.endswith("\n") else None
        except ValueError:
            row = None
        if isinstance(row, dict):
            rows.append(row)
        elif number < len(lines):
            raise OsdcleanError(f"each line of {path} must be a JSON object, line {number} is {line.strip()[:60]}")
    return rows


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write a whole list, in one step."""
    with outputs.whole(path) as beside:
        beside.write_text("".join(map(_line, rows)), encoding="utf-8")


def append(path: Path, row: Row) -> None:
    """Add a row to a list that is whole (see `write`)."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(_line(row))


def versions() -> Row:
    """What the outcome depends on besides the arguments: versions of osdclean, ffmpeg, NumPy and OpenCV."""
    import cv2
    import numpy

    from ..cli.versions import version

    said = subprocess.run([find("ffmpeg"), "-version"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    words = said.stdout.decode(errors="replace").split()
    ffmpeg = words[2] if len(words) > 2 else "unknown"
    return {"osdclean": version(), "ffmpeg": ffmpeg, "numpy": numpy.__version__, "opencv": cv2.__version__}


def _line(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"

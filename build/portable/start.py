"""How each command of the portable folder begins: with the environment that its user has."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def tidy() -> None:
    """Give the programs that are started from here the user's own library path, and those in `bin/` precedence.

    PyInstaller's loader puts the folder's library before the user's, where ffmpeg and x265 would find it too.
    """
    before = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    if before:
        os.environ["LD_LIBRARY_PATH"] = before
    else:
        os.environ.pop("LD_LIBRARY_PATH", None)
    programs = Path(sys.executable).parent / "bin"
    if programs.is_dir():
        os.environ["PATH"] = os.pathsep.join((str(programs), os.environ.get("PATH", os.defpath)))

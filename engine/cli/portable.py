"""The portable folder: where its library is, and the environment in which its vspipe runs.

The folder (see `build/osdclean.spec`) has one library of plain files, for the frozen commands and for the Python that
vspipe embeds alike. What that Python needs is told by environment variables:

1. It finds its modules where this process does (PYTHONHOME, PYTHONPATH), and no others.
2. Shared libraries are the folder's own: what links them has no path to them (LD_LIBRARY_PATH).
3. VapourSynth reads from the user's configuration which Python belongs to it, by the absolute path of its library. The
   folder may be moved, and its note must not spoil another installation's: so it is made for each run, or in a cache.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path


def library() -> Path | None:
    """Folder of the library where this process is one of the portable folder's commands, else None."""
    return Path(sys._MEIPASS) if getattr(sys, "frozen", False) else None


def vspipe_environment(private: Path) -> dict[str, str]:
    """Environment in which the folder's vspipe starts. private: folder for VapourSynth's note; made where missing."""
    home = library()
    assert home is not None
    environment = dict(os.environ) | {
        "PYTHONHOME": str(home),
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONNOUSERSITE": "1",
        "APPDATA" if sys.platform == "win32" else "XDG_CONFIG_HOME": str(private),
    }
    if sys.platform == "linux":
        environment["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, (str(home), os.environ.get("LD_LIBRARY_PATH"))))
    _write_note(home, private / "vapoursynth" / "vapoursynth.toml")
    return environment


def note_folder() -> Path:
    """Where the note of a vspipe that the user starts is kept: the cache, or where that cannot be, a new folder."""
    home = str(library())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    folder = cache / "osdclean" / f"vspipe-{hashlib.sha256(home.encode()).hexdigest()[:16]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="osdclean-vspipe-"))
    return folder if os.access(folder, os.W_OK) else Path(tempfile.mkdtemp(prefix="osdclean-vspipe-"))


def _write_note(home: Path, note: Path) -> None:
    """Write which Python belongs to VapourSynth, in the form of `vapoursynth config`."""
    script = home / "vapoursynth" / _named({"win32": "vsscript.dll", "darwin": "libvsscript.dylib"}, "libvsscript.so")
    minor = sys.version_info.minor
    python = home / _named(
        {"win32": f"python3{minor}.dll", "darwin": f"libpython3.{minor}.dylib"}, f"libpython3.{minor}.so.1.0"
    )
    # VapourSynth looks for the name that it was loaded under, changed like this
    key = str(script).lower() if sys.platform == "win32" else str(script).replace("/lib64/", "/lib/", 1)
    words = (key, sys.executable, str(python), str(int(Path(sys.executable).stat().st_mtime)))
    quoted = ['"' + word.replace("\\", "\\\\") + '"' for word in words]
    line = f"{quoted[0]} = [{','.join(quoted[1:])}]\n"
    note.parent.mkdir(parents=True, exist_ok=True)
    if note.is_file() and note.read_text(encoding="utf-8") == line:
        return
    fresh = note.with_name(f"{note.name}.{os.getpid()}")
    fresh.write_text(line, encoding="utf-8")
    fresh.replace(note)


def _named(names: dict[str, str], other: str) -> str:
    return names.get(sys.platform, other)

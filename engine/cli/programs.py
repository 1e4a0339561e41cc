"""Finding the programs that the command line drives."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from . import portable
from .failure import CommandError

_INSTALL = {"ffmpeg": "ffmpeg", "ffprobe": "ffmpeg", "x265": "x265", "x264": "x264"}


def find(name: str) -> str:
    """Path of a program on PATH; raises CommandError with how to install it."""
    path = shutil.which(name)
    if path is None:
        package = _INSTALL.get(name, name)
        raise CommandError(
            f"{name} was not found on PATH; install it (Debian, Ubuntu: sudo apt install {package})"
        )
    return path


def version_lines(name: str, file: str) -> list[str]:
    """What a program says of its version, without empty lines. file: its path. Raises OSError."""
    option = "-version" if name in ("ffmpeg", "ffprobe") else "--version"
    done = subprocess.run([file, option], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]


def find_vspipe() -> str:
    """vspipe of the VapourSynth that belongs to the running Python, else the one on PATH."""
    spec = find_spec("vapoursynth")
    # the binary itself: the script of that name in bin/ would outlive or hide it when it is stopped
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for file in (Path(folder) / "vspipe", Path(folder) / "vspipe.exe"):
            if file.is_file():
                return str(file)
    path = shutil.which("vspipe")
    if path is None:
        install = f"{sys.executable} -m pip install vapoursynth"
        raise CommandError(f"vspipe was not found; install VapourSynth: {install}")
    return path


def vspipe_environment(vspipe: str, private: Path) -> dict[str, str]:
    """Environment in which vspipe starts with the running Python.

    VapourSynth notes in the user's configuration which Python belongs to it, and does so by running the
    command `vapoursynth` from PATH when it finds no note. Where that cannot be (no such command on PATH, a
    home that is not writable), a note is made in the folder `private` for this run alone.

    The portable folder's vspipe gets its own environment at once. Raises CommandError when vspipe starts in no way.
    """
    if portable.library() is not None:
        return portable.vspipe_environment(private)
    environment = dict(os.environ)
    environment["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), environment.get("PATH", "")))
    if _starts(vspipe, environment) is None:
        return environment
    environment["XDG_CONFIG_HOME"] = str(private)
    private.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [sys.executable, "-m", "vapoursynth", "config"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    reason = _starts(vspipe, environment)
    if reason is not None:
        raise CommandError(
            f"vspipe cannot start under {sys.executable}: {reason} VapourSynth needs a Python with a shared "
            "library (pyenv: PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install 3.12)"
        )
    return environment


def _starts(vspipe: str, environment: dict[str, str]) -> str | None:
    """None where `vspipe --version` works, else what it says."""
    try:
        done = subprocess.run(
            [vspipe, "--version"], env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except OSError as error:
        return f"{error.strerror}: {vspipe}."
    if done.returncode == 0:
        return None
    return done.stderr.decode(errors="replace").strip() or "it gave no reason."

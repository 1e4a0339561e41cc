"""What is compiled: the plugin library (Python embedded by cffi, against VapourSynth's own header) and the kernels."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

#: Name under which the embedded C half is imported by `osdclean.plugin`.
MODULE = "_osdclean_host"
#: The one import that turns the library into a plugin.
START = "import osdclean.plugin.entry"
#: Loops of the engine that Cython translates.
KERNELS = "osdclean.engine.kernels"
ENTRY = "void VapourSynthPluginInit2(VSPlugin *, const VSPLUGINAPI *);"


class BuildError(Exception):
    """The library cannot be built; the text says what to install."""


def build(root: Path, out: Path) -> Path:
    """Compile the library of the sources in `root` into the folder `out`; returns its path."""
    out.mkdir(parents=True, exist_ok=True)
    source, library = out / f"{MODULE}.c", out / f"osdclean{'.dylib' if sys.platform == 'darwin' else '.so'}"
    _write_source(root / "plugin" / "host.h", source)
    # -z nodelete: a host closes its plugins with each core, but embedded Python cannot be loaded twice.
    keep = [] if sys.platform == "darwin" else ["-Wl,-z,nodelete"]
    _compile(source, library, "-O2", *keep, f"-I{_host_headers()}")
    return library


def build_kernels(root: Path, out: Path) -> Path:
    """Translate and compile the kernels of the sources in `root` into the folder `out`; returns the module's path."""
    out.mkdir(parents=True, exist_ok=True)
    name = KERNELS.rpartition(".")[2]
    source, module = out / f"{name}.c", out / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
    _run(
        "Cython",
        [sys.executable, "-m", "cython", "-3", "--module-name", KERNELS, str(root / "engine" / f"{name}.py")]
        + ["-o", str(source)],
    )
    # Rounding by one instruction; the flag changes no result.
    _compile(source, module, "-O3", "-fno-math-errno")
    return module


def _compile(source: Path, target: Path, *flags: str) -> None:
    shared = ["-bundle", "-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-shared"]
    command = [*_compiler(), "-fPIC", "-fvisibility=hidden", *shared, *flags, f"-I{_python_headers()}"]
    _run("the C compiler", [*command, str(source), "-o", str(target)])


def _run(what: str, command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{what} failed: {shlex.join(command)}\n{done.stderr.strip()}")


def _write_source(declarations: Path, source: Path) -> None:
    import cffi

    ffi = cffi.FFI()
    ffi.cdef(declarations.read_text())
    ffi.embedding_api(ENTRY)
    ffi.embedding_init_code(START)
    ffi.set_source(MODULE, "#include <VapourSynth4.h>")
    ffi.emit_c_code(str(source))


def _compiler() -> list[str]:
    """The C compiler's command: $CC, else the one Python was built with, else cc, gcc or clang."""
    given = os.environ.get("CC")
    for candidate in (given,) if given else (sysconfig.get_config_var("CC"), "cc", "gcc", "clang"):
        command = shlex.split(candidate or "")
        if command and shutil.which(command[0]):
            return command
    raise BuildError(
        f"no C compiler found (looked for {given or 'cc, gcc and clang'}): "
        "install one (Debian: apt install gcc) or name it in the environment variable CC"
    )


def _python_headers() -> Path:
    folder = Path(sysconfig.get_paths()["include"])
    if not (folder / "Python.h").is_file():
        raise BuildError(
            f"Python's headers are missing ({folder / 'Python.h'}): "
            f"install them (Debian: apt install python{sys.version_info.major}.{sys.version_info.minor}-dev)"
        )
    return folder


def _host_headers() -> Path:
    found = importlib.util.find_spec("vapoursynth")
    for folder in (found.submodule_search_locations or []) if found else []:
        headers = Path(folder) / "include"
        if (headers / "VapourSynth4.h").is_file():
            return headers
    raise BuildError(
        "VapourSynth4.h is missing: install VapourSynth's wheel (pip install vapoursynth) for the build"
    )

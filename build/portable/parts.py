"""What goes into the portable folder, and what is done to its parts. Used by `osdclean.spec` alone."""

from __future__ import annotations

import compileall
import py_compile
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import stand_ins

#: Distributions inside, whose metadata tells their version and licence.
DISTRIBUTIONS = (
    "vapoursynth-osdclean",
    "vapoursynth",
    "vapoursynth-bestsource",
    "torch",
    "numpy",
    "opencv-python-headless",
    "safetensors",
    "cffi",
    "filelock",
    "shtab",
)
#: Commands that are left out: training wants torch's compiler, and export ONNX; both come with pip.
LEFT_OUT = ("osdclean.engine.train.command", "osdclean.engine.train.finetune", "osdclean.engine.export.command")
#: Modules that something imports somewhere, but nothing that is in the folder ever does.
UNUSED = (
    # torch's compiler, what tests and exports it, and what it runs on
    "torch._inductor", "torch.onnx", "torch.testing._internal.common_utils", "torch.testing._internal.distributed",
    "torch.testing._internal.opinfo", "torch.testing._internal.common_methods_invocations",
    "torch.distributed.tensor", "torch.distributed.fsdp", "torch.distributed.checkpoint",
    "torch.distributed.pipelining", "torch.distributed.elastic", "torch.utils.tensorboard", "triton", "sympy", "mpmath",
    "networkx", "jinja2", "markupsafe", "fsspec", "expecttest", "hypothesis",
    # what measures against other methods, and what trains, where it is installed
    "skimage", "scipy", "PIL", "tifffile", "imageio", "tensorboard", "onnx", "onnxruntime", "matplotlib", "pandas",
    # what builds, tests and shows
    "pip", "setuptools", "pkg_resources", "wheel", "pytest", "_pytest", "IPython", "Cython", "hatchling", "psutil",
    "numpy.f2py", "numpy.testing.tests", "cv2.gapi", "cv2.load_config_py2",
    # of the standard library
    "tkinter", "_tkinter", "turtle", "turtledemo", "idlelib", "lib2to3", "ensurepip", "test", "venv", "pydoc_data",
    "antigravity", "this", "nis", "ossaudiodev",
    # what brings libraries under the GPL, which vspipe has no use for
    "readline", "rlcompleter", "curses", "_curses", "_curses_panel", "_gdbm", "dbm.gnu",
)  # fmt: skip
#: Parts of torch's library for GPUs; a stand-in is made for those that others are linked with.
CUDA_LIBRARIES = (
    "libtorch_cuda.so", "libtorch_cuda_linalg.so", "libtorch_nvshmem.so", "libcaffe2_nvrtc.so",
)  # fmt: skip
#: How torch tells that it was built without CUDA and without processes that learn together; follows the import of its
#: compiled half.
WITHOUT_CUDA = """
    # portable build: the libraries of CUDA and NCCL are left out
    import torch._C as _without
    _without._has_cuda = False
    for _name in ("_cuda_getDeviceCount", "_c10d_init", "_rpc_init", "_dist_autograd_init", "_faulty_agent_init"):
        _without.__dict__.pop(_name, None)
"""
_IMPORT = "    from torch._C import *  # noqa: F403\n"


def standard_library() -> list[str]:
    """All modules of the standard library that scripts may import."""
    from PyInstaller.utils.hooks import collect_submodules

    names = [name for name in sorted(sys.stdlib_module_names) if name not in UNUSED and not name.startswith("__")]
    tests = (".test", ".tests", ".idle_test")
    return [
        module
        for name in names
        for module in ([name, *collect_submodules(name)] if name != "__main__" else [])
        if not any(part in module for part in tests) and module not in UNUSED
    ]


def is_of_cuda(destination: str) -> bool:
    """Whether a file of the folder is one of CUDA's. destination: its place below the library."""
    path = Path(destination)
    top, name = path.parts[0], path.name
    return (
        top in ("nvidia", "cuda", "triton")
        or top.startswith(("nvidia_", "cuda_"))
        or name in CUDA_LIBRARIES
        or (name.startswith(("libcu", "libnv", "libnccl"))
        and not name.startswith("libcurl"))
    )


def cpu_only(entries: Sequence[tuple[str, str, str]], out: Path, compiler: Sequence[str]) -> list[tuple[str, str, str]]:
    """A table of files without those of CUDA, and with stand-ins for what torch's own libraries are linked with.

    entries: (place below the library, file, kind), as PyInstaller has them. out: folder for the stand-ins.
    """
    stay = [entry for entry in entries if not is_of_cuda(entry[0])]
    linked = [
        Path(file) for place, file, _ in stay if Path(place).parts[:2] == ("torch", "lib") and ".so" in Path(place).name
    ]
    names = {name for library in linked for name in needed_libraries(library)}
    gone = {Path(place).name: Path(file) for place, file, _ in entries if is_of_cuda(place)}
    # what is taken from a library that is not linked with is reached through torch's own
    others = [file for name, file in gone.items() if name in CUDA_LIBRARIES and name not in names]
    for name in sorted(names & gone.keys()):
        bring = [gone[name], *(others if name == CUDA_LIBRARIES[0] else ())]
        made = stand_ins.compile_library(name, stand_ins.taken(linked, bring), out, compiler)
        stay.append((f"torch/lib/{name}", str(made), "BINARY"))
    return stay


def needed_libraries(library: Path) -> list[str]:
    """Names of the shared libraries that one is linked with."""
    told = subprocess.run(["readelf", "-d", str(library)], capture_output=True, text=True, check=True).stdout
    return [line.split("[")[1].rstrip("]") for line in told.splitlines() if "(NEEDED)" in line]


def without_cuda(initial: Path) -> None:
    """Have torch's `__init__.py` say that it was built without CUDA; raises ValueError where it is not as expected."""
    text = initial.read_text(encoding="utf-8")
    before, found, after = text.rpartition(_IMPORT)
    if not found:
        raise ValueError(f"{initial} does not import its compiled half as expected: use CUDA=1, or mend build/portable")
    initial.write_text(before + found + WITHOUT_CUDA + after, encoding="utf-8")


def strip(libraries: Sequence[Path]) -> None:
    """Take out the tables of symbols that only debuggers read."""
    for library in libraries:
        subprocess.run(["strip", "--strip-unneeded", str(library)], check=True)


def compile_sources(folder: Path) -> None:
    """Compile the sources in a folder, so that nothing is compiled or written where it runs.

    They are not compared with their source, whose time need not outlive packing.
    """
    done = compileall.compile_dir(
        folder, quiet=1, force=True, workers=0, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    if not done:
        raise ValueError(f"{folder} holds sources that cannot be compiled")


def add_documents(root: Path, folder: Path) -> None:
    """Put what a person reads first beside the commands. root: of the repository."""
    shutil.copy(root / "docs" / "portable.md", folder / "README.md")
    shutil.copy(root / "LICENSE", folder / "LICENSE")

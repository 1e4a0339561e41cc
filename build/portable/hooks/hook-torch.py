"""PyInstaller's hook for torch, in place of the contributed one, which takes every module, header and library.

Modules are those that are imported somewhere; as source, since torch reads its own.
"""

from pathlib import Path

from PyInstaller.utils.hooks import get_package_paths

_torch = Path(get_package_paths("torch")[1])

module_collection_mode = "py"
warn_on_missing_hiddenimports = False
binaries = [(str(file), "torch/lib") for file in (_torch / "lib").iterdir() if ".so" in file.name or ".d" in file.name]
binaries += [(str(file), "torch/bin") for file in (_torch / "bin").glob("torch_shm_manager*")]

"""Build hook of hatchling: compiles, and puts the plugin library where VapourSynth loads its plugins from."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))

import library

PACKAGES = ("plugin", "engine", "vs_scripts")
PLUGINS = "vapoursynth/plugins/osdclean"
MANIFEST = "[VapourSynth Manifest V1]\nosdclean\n"


class PluginHook(BuildHookInterface):
    """Compiles library and kernels into `build/out` and adds them, with the library's manifest, to the wheel.

    An editable install gets the library and its manifest, the kernels beside their source, and a tree of links under
    `build/dev` for its imports.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """version: "standard" or "editable"."""
        root = Path(self.root)
        out = root / "build" / "out"
        try:
            compiled, kernels = library.build(root, out), library.build_kernels(root, out)
        except library.BuildError as error:
            self.app.abort(f"osdclean cannot be built: {error}")
        manifest = out / "manifest.vs"
        manifest.write_text(MANIFEST)
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        editable = version == "editable"
        files = build_data["force_include_editable" if editable else "force_include"]
        files[str(compiled)] = f"{PLUGINS}/{compiled.name}"
        files[str(manifest)] = f"{PLUGINS}/{manifest.name}"
        if editable:
            link_packages(root)
            os.replace(kernels, root / "engine" / kernels.name)
        else:
            files[str(kernels)] = f"osdclean/engine/{kernels.name}"


def link_packages(root: Path) -> None:
    """Link the packages into `build/dev/osdclean`: the folder that an editable install puts on the path."""
    tree = root / "build" / "dev" / "osdclean"
    tree.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        link = tree / package
        if not link.is_symlink():
            link.symlink_to(Path("..", "..", "..", package), target_is_directory=True)

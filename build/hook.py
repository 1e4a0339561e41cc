"""Build hook of hatchling: puts the native plugin library where VapourSynth loads its plugins from."""

from __future__ import annotations

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
    """Compiles the library into `build/out` and adds it, with its manifest, to the wheel.

    An editable install gets the same two files, and a tree of links under `build/dev` for its imports.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """version: "standard" or "editable"."""
        root = Path(self.root)
        out = root / "build" / "out"
        try:
            compiled = library.build(root, out)
        except library.BuildError as error:
            self.app.abort(f"osdclean cannot be built: {error}")
        manifest = out / "manifest.vs"
        manifest.write_text(MANIFEST)
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        editable = version == "editable"
        if editable:
            link_packages(root)
        files = build_data["force_include_editable" if editable else "force_include"]
        files[str(compiled)] = f"{PLUGINS}/{compiled.name}"
        files[str(manifest)] = f"{PLUGINS}/{manifest.name}"


def link_packages(root: Path) -> None:
    """Link the packages into `build/dev/osdclean`: the folder that an editable install puts on the path."""
    tree = root / "build" / "dev" / "osdclean"
    tree.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        link = tree / package
        if not link.is_symlink():
            link.symlink_to(Path("..", "..", "..", package), target_is_directory=True)

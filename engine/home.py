"""Folders of the user's own that osdclean reads from and writes to."""

from __future__ import annotations

import os
from pathlib import Path


def cache() -> Path:
    """What can be made again: in XDG_CACHE_HOME or ~/.cache, on Windows in LOCALAPPDATA."""
    if os.name == "nt" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "osdclean" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "osdclean"


def settings() -> Path:
    """What the user chose: in XDG_CONFIG_HOME or ~/.config, on Windows in APPDATA."""
    if os.name == "nt" and (roaming := os.environ.get("APPDATA")):
        return Path(roaming) / "osdclean"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "osdclean"

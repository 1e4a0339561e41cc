"""One thing that is looked at, and what is said of it."""

from __future__ import annotations

import sys
from dataclasses import dataclass

OK, WARN, FAIL, NONE = "ok", "warn", "fail", "none"
PACKAGE = "vapoursynth-osdclean"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One part of the installation. state: ok, warn (works in part), fail, or none (an extra that is not installed);
    mend: what to do about it."""

    name: str
    state: str
    found: str
    mend: str = ""


def pip(what: str) -> str:
    """The words that install a package into the Python that runs."""
    if getattr(sys, "frozen", False):
        return "unpack the folder of osdclean again: a part of it is missing"
    return f"{sys.executable} -m pip install {what}"

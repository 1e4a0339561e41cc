"""All that is looked at, in the order in which it is told."""

from __future__ import annotations

from collections.abc import Iterator

from ...errors import OsdcleanError
from . import machine, packages, server
from .check import FAIL, Check


def checks(quick: bool) -> Iterator[Check]:
    """All checks, each told as soon as it is done. quick: without making frames."""
    looks = {
        "python": packages.python, "packages": packages.installed, "frame server": lambda: server.frame_server(quick),
        "device": machine.device, "weights": packages.own_weights, "programs": machine.programs,
        "folders": machine.folders, "settings": machine.settings, "extras": packages.extras,
    }  # fmt: skip
    for name, look in looks.items():
        try:
            yield from look()
        except (OsdcleanError, ImportError) as error:  # which package is missing is told among the packages
            yield Check(name=name, state=FAIL, found=str(error))

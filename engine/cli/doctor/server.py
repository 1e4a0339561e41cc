"""The frame server: whether it starts, what it has, and whether the nodes run in it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...errors import OsdcleanError
from .. import portable
from ..frameserver import FrameServer
from ..pipeline import run
from ..programs import find_vspipe
from ..versions import version
from .check import FAIL, OK, PACKAGE, WARN, Check, pip


def frame_server(quick: bool) -> Iterator[Check]:
    """vspipe, what it has, and a tiny run of both nodes through it."""
    vspipe = find_vspipe()
    with tempfile.TemporaryDirectory(prefix="osdclean-doctor-") as private:
        server = FrameServer(Path(private))
        report = Path(private) / "report.json"
        stage = server.stage("doctor.vpy", {"report": report}, *(("-i",) if quick else ()))
        try:
            made, broken = len(run(stage)), ""
        except OsdcleanError as error:
            made, broken = 0, str(error)
        told: dict[str, Any] = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else {}
        if not told:
            yield Check(
                name="vspipe", state=FAIL, found=f"{vspipe}: {broken}", mend=pip("--force-reinstall vapoursynth")
            )
            return
        # The portable folder's vspipe is always started by the folder's own command, which makes the note.
        noted = portable.library() is not None or not (Path(private) / "config").exists()
        yield Check(
            name="vspipe", state=OK if noted else WARN,
            found=f"VapourSynth R{told['vapoursynth']} with Python {told['python']}, {vspipe}"
            + ("" if noted else "; it starts with a note that is made anew for each run"),
            mend="" if noted else "to have vspipe start by itself too: vapoursynth config",
        )  # fmt: skip
    yield plugin(told)
    yield Check(
        name="bestsource", state=OK if told["bestsource"] else FAIL,
        found="the plugin is loaded" if told["bestsource"] else "VapourSynth has no function core.bs.VideoSource",
        mend="" if told["bestsource"] else pip("--force-reinstall vapoursynth-bestsource"),
    )  # fmt: skip
    if quick or not told["osdclean"]:
        return
    whole = made == 6 * 96 * 64 * 3 // 2
    yield Check(
        name="run", state=OK if whole else FAIL,
        found="six frames through Detect and Inpaint" if whole else broken or f"six frames came to {made} bytes",
        mend="" if whole else "what the other checks say may be the cause; else report it, with this output",
    )  # fmt: skip


def plugin(told: dict[str, Any]) -> Check:
    """Whether VapourSynth has the plugin, and the same as this package."""
    name = "plugin"
    if not told["osdclean"]:
        return Check(
            name=name, state=FAIL, found="VapourSynth has no core.osdclean",
            mend=f"{pip(f'--force-reinstall --no-deps {PACKAGE}')}; its library belongs to one version of Python",
        )  # fmt: skip
    if told["version"] != version():
        return Check(
            name=name, state=FAIL, found=f"{told['version']}, where this command is {version()}",
            mend="VapourSynth runs another Python: uninstall osdclean there, or run: vapoursynth config",
        )  # fmt: skip
    return Check(name=name, state=OK, found=told["version"])

"""Running the scripts of `osdclean.vs_scripts` through vspipe."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

from .failure import CommandError
from .media import require_file
from .pipeline import Stage, run
from .programs import find_vspipe, vspipe_environment


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A clip as the frame server sees it.

    format: VapourSynth's name of it, such as YUV420P10. fps: numerator and denominator, 0/1 where it varies.
    times: start of each frame in nanoseconds, as the file has it. props: properties of the first frame.
    turned: the file has it lying on its side. found: what a look at the clip shows by kind (share of frames, share of
    the picture, probability), where it was asked for.
    """

    width: int
    height: int
    frames: int
    format: str
    fps: tuple[int, int]
    timebase: tuple[int, int]
    times: tuple[int, ...]
    props: Mapping[str, Any]
    turned: bool = False
    found: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)

    @property
    def sar(self) -> tuple[int, int]:
        """Shape of a sample, width to height; 1:1 where the file does not say.

        bestsource turns the picture of a turned clip, but not its samples' shape.
        """
        sar = self.props.get("_SARNum", 1), self.props.get("_SARDen", 1)
        sar = sar[::-1] if self.turned else sar
        return sar if min(sar) > 0 else (1, 1)


def scripts() -> Path:
    """Folder of the installed scripts."""
    return Path(str(resources.files("osdclean.vs_scripts")))


class FrameServer:
    """vspipe with an environment in which it starts. folder: for its temporary files."""

    def __init__(self, folder: Path) -> None:
        self._vspipe = find_vspipe()
        self._environment = vspipe_environment(self._vspipe, folder / "config")
        self._folder = folder

    def stage(self, script: str, arguments: Mapping[str, object], *options: str, advice: str = "") -> Stage:
        """vspipe running a script of `osdclean.vs_scripts`, writing to its stdout unless options say else."""
        file = scripts() / script
        given = [word for name, value in arguments.items() for word in ("-a", f"{name}={value}")]
        return Stage(
            name="vspipe",
            command=[self._vspipe, *options, *given, str(file), *([] if "-i" in options else ["-"])],
            environment=self._environment,
            advice=advice,
        )

    def probe(self, arguments: Mapping[str, object], turned: bool = False) -> Clip:
        """Read a clip's facts and check its mask; raises CommandError where either cannot be used."""
        report = self._folder / "probe.json"
        run(self.stage("probe.vpy", {**arguments, "report": report}, "-i"))
        told = json.loads(report.read_text(encoding="utf-8"))
        num, den = told["timebase"]
        times = tuple(t * num * 1_000_000_000 // den for t in told["timestamps"])
        if len(times) != told["frames"] or any(b <= a for a, b in pairwise(times)):
            times = _steady(told["frames"], *told["fps"])
        return Clip(
            width=told["width"],
            height=told["height"],
            frames=told["frames"],
            format=told["format"],
            fps=tuple(told["fps"]),
            timebase=(num, den),
            times=times,
            props=told["props"],
            turned=turned,
            found={kind: tuple(shares) for kind, shares in told.get("found", {}).items()},
        )


def _steady(frames: int, num: int, den: int) -> tuple[int, ...]:
    """Times of a steady rate, for files whose own are missing or run backwards."""
    if num <= 0 or den <= 0:
        num, den = 25, 1
    return tuple(n * den * 1_000_000_000 // num for n in range(frames))


def require_mask(path: str) -> str:
    """Absolute path of a mask that is there, or of a numbered pattern (%04d); raises CommandError."""
    file = Path(path).expanduser()
    if "%" not in file.name:
        require_file(file, "mask")
    elif not file.parent.is_dir():
        raise CommandError(f"mask folder {file.parent} does not exist; check its name")
    return str(file.resolve())

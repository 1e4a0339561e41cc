"""Overlays that are found, not drawn: the arguments of `Detect` as options, and what a look at the clip says."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..detect.settings import KINDS, DetectSettings
from . import pictures
from .failure import CommandError
from .frameserver import Clip, FrameServer, require_mask
from .pipeline import run

#: Devices of onnxruntime, which only Inpaint knows.
EXPORTED = ("tensorrt", "directml")
#: Frames that tell what stands still, and share of them that must mark a sample of a static mask.
SAMPLED, STANDS = 16, 0.25
#: A logo is taken for one that never goes where so many of the frames looked at show it.
ALWAYS = 0.9

#: Options that say how a mask is found.
OPTIONS = ("kind", "sensitivity", "region", "hold", "include", "exclude", "detector")


def add_find_arguments(parser: argparse.ArgumentParser, grow: bool = False) -> None:
    """Add the arguments of `Detect` as options; what is not given is left to it. grow: with its `grow`."""
    d = DetectSettings()
    group = parser.add_argument_group("finding")
    group.add_argument(
        "--kind", metavar="KIND[,KIND]",
        help=f"what is looked for: osd (telemetry and other displays of characters), logo (what stands still), "
        f"subtitle, moving (marks that flash or wander), any, white (bright and colourless) ({','.join(d.kind)})",
    )  # fmt: skip
    group.add_argument(
        "--sensitivity", type=float, metavar="X", help=f"0 to 1, the higher, the more is marked ({d.sensitivity})"
    )
    group.add_argument(
        "--region", metavar="LEFT,TOP,WIDTH,HEIGHT", help="part of the picture that is looked at (all of it)"
    )
    group.add_argument("--hold", type=int, metavar="N", help=f"gaps of up to 2 N frames are closed ({d.hold})")
    group.add_argument("--include", metavar="FILE", help="mask of what is marked in any case")
    group.add_argument("--exclude", metavar="FILE", help="mask of what is never marked, such as a scoreboard")
    group.add_argument("--detector", metavar="FILE", help="weights of your own detector (default)")
    if grow:
        group.add_argument("--grow", type=int, metavar="N", help=f"pixels by which a mask is grown ({d.grow})")
        group.add_argument("--device", metavar="NAME", help=f"auto, cpu, cuda or cuda:N ({d.device})")


def find_arguments(args: argparse.Namespace, grow: bool = False) -> dict[str, str]:
    """The options as arguments of the scripts. Raises ArgumentError and CommandError."""
    kinds = tuple(args.kind.split(",")) if args.kind is not None else DetectSettings.kind
    given: dict[str, object] = {}
    for name in ("sensitivity", "hold", "device", *(("grow",) if grow else ())):
        if getattr(args, name, None) is not None:
            given[name] = getattr(args, name)
    if str(given.get("device")).partition(":")[0] in EXPORTED:
        del given["device"]  # Inpaint's; the detector is torch's alone
    if args.region is not None:
        given |= region(args.region)
    if args.detector is not None:
        if not Path(args.detector).is_file():
            raise CommandError(f"--detector: there is no file {args.detector}; check its path, or leave it out")
        given["model"] = str(Path(args.detector).resolve())
    DetectSettings(kind=kinds, **given)  # refuses what the node would refuse, before anything is started
    words = {f"find_{name}": str(value) for name, value in given.items()}
    for name in ("include", "exclude"):
        if getattr(args, name) is not None:
            words[f"find_{name}"] = require_mask(getattr(args, name))
    return {"find_kind": ",".join(kinds), **words}


def region(text: str) -> dict[str, int]:
    """The part of the picture that is looked at, as arguments of `Detect`. Raises CommandError."""
    numbers = text.split(",")
    if len(numbers) != 4 or not all(number.strip().isdecimal() for number in numbers):
        raise CommandError(f"--region must be LEFT,TOP,WIDTH,HEIGHT in whole pixels, passed {text}")
    return dict(zip(("left", "top", "width", "height"), map(int, numbers), strict=True))


def hole_arguments(args: argparse.Namespace) -> tuple[str | None, dict[str, str]]:
    """The mask's file and the arguments by which one is found: one of both. Raises ArgumentError and CommandError."""
    if args.mask is None:
        return None, find_arguments(args)
    given = [f"--{name}" for name in OPTIONS if getattr(args, name) is not None]
    given += ["--keep-mask"] if getattr(args, "keep_mask", None) is not None else []
    if given:
        raise CommandError(f"{' and '.join(given)} find a mask, and --mask gives one; leave one of both out")
    return require_mask(args.mask), {}


def told(found: Mapping[str, tuple[float, float, float]]) -> str:
    """What a look at a clip says, in words. found: by kind, see `detect.survey.Found`."""
    parts = [
        f"{kind} in {frames:.0%} of the frames looked at, {area:.1%} of the picture, {sure:.0%} sure"
        for kind, (frames, area, sure) in found.items()
        if frames
    ]
    return "; ".join(parts) if parts else f"no {' and no '.join(found)}"


def check_found(found: Mapping[str, tuple[float, float, float]]) -> None:
    """Raises CommandError where a look at the clip showed none of what is always there if it is there at all."""
    if found and not any(frames for frames, _, _ in found.values()) and not {"subtitle", "moving"} & set(found):
        raise CommandError(
            f"{told(found)} found in the frames looked at: nothing to remove. Another --kind (of {', '.join(KINDS)}), "
            "a higher --sensitivity, or a mask of your own (--mask) may help"
        )


def stays(found: Mapping[str, tuple[float, float, float]]) -> bool:
    """Whether what was found is a logo that never goes."""
    return set(found) == {"logo"} and found["logo"][0] >= ALWAYS


def standing(server: FrameServer, arguments: Mapping[str, object], clip: Clip) -> np.ndarray:
    """Where something stands still, uint8 [H, W], 255 where STANDS of SAMPLED frames mark it."""
    raw = np.frombuffer(run(server.stage("mask.vpy", {**arguments, "sampled": SAMPLED})), np.uint8)
    masks = raw.reshape(-1, clip.height, clip.width) > 0
    return np.where(masks.mean(0) >= STANDS, np.uint8(255), np.uint8(0))


def tinted(server: FrameServer, arguments: Mapping[str, object], clip: Clip) -> np.ndarray:
    """The middle frame with what is marked in it tinted, uint8 BGR [H, W, 3]."""
    middle = str(clip.frames // 2)
    raw = run(server.stage("mask.vpy", {**arguments, "show": 1, "format": "RGB24"}, "-s", middle, "-e", middle))
    return pictures.of_planes(raw, clip.width, clip.height)

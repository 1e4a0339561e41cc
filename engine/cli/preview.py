"""Write one frame as a picture: before, hole (tinted) and after, side by side.

The hole is what the mask covers, or, without a mask, what is found.

  osdclean preview flight.mp4 --frame 500 -o look.png
  osdclean preview flight.mp4 --mask mask.png --frame 500 -o look.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from . import pictures
from .failure import CommandError
from .finding import add_find_arguments, hole_arguments
from .frameserver import FrameServer
from .media import probe
from .node_options import add_node_arguments, node_arguments
from .pipeline import run as run_program
from .settings_file import FOR_PREVIEW, add_settings_arguments, taken
from .workspace import Workspace

_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="INPUT", type=Path, help="the video")
    parser.add_argument("--mask", metavar="FILE", help="picture or video of the input's size; white is removed")
    parser.add_argument("--frame", type=int, default=0, metavar="N", help="frame to show, counted from 0 (0)")
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        default=Path("preview.png"),
        metavar="FILE",
        help="picture to write (preview.png)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the picture where it exists")
    add_find_arguments(parser)
    add_node_arguments(parser)
    add_settings_arguments(parser)


def run(args: argparse.Namespace) -> int:
    given = taken(args, args.input, FOR_PREVIEW).args
    preview(args.input, hole_arguments(given), args.frame, args.out, node_arguments(given), args.overwrite)
    return 0


def preview(
    source: Path, hole: tuple[str | None, dict[str, str]], frame: int, out: Path, node: dict[str, str], overwrite: bool
) -> None:
    """Write the picture of one frame; raises CommandError where that cannot be done.

    hole: the mask's file, or None and the arguments by which one is found.
    """
    if out.suffix.lower() not in _SUFFIXES:
        raise CommandError(f"the picture must end in {', '.join(_SUFFIXES)}, passed {out.name}")
    mask, find = hole
    held = find if mask is None else {"mask": mask}
    media = probe(source)
    with Workspace(out, overwrite) as workspace:
        server = FrameServer(workspace.folder)
        arguments = {"clip": source.resolve(), "track": media.video.index, **held}
        clip = server.probe(arguments)
        if not 0 <= frame < clip.frames:
            last = clip.frames - 1
            raise CommandError(f"--frame must be 0 to {last} (the last of {source}), passed {frame}")
        raw = run_program(
            server.stage("preview.vpy", {**arguments, **node}, "-s", str(frame), "-e", str(frame))
        )
        written = workspace.path(f"picture{out.suffix}")
        pictures.write(written, _labelled(pictures.of_planes(raw, 3 * clip.width, clip.height)))
        workspace.publish(written)


def _labelled(picture: np.ndarray) -> np.ndarray:
    """Three pictures side by side, uint8 BGR [H, 3 * W, 3], under their names [H + band, 3 * W, 3]."""
    import cv2

    width = picture.shape[1] // 3
    scale = max(0.3, width / 900)
    band = np.full((round(44 * scale), 3 * width, 3), 24, np.uint8)
    for place, name in enumerate(("before", "hole", "after")):
        at = place * width + round(10 * scale), round(31 * scale)
        thick = max(1, round(2 * scale))
        cv2.putText(band, name, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (240,) * 3, thick, cv2.LINE_AA)
    return np.concatenate((band, picture))

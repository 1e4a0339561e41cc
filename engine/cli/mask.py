"""Find an overlay, and write its mask.

  osdclean mask flight.mp4 -o mask.mkv                     (a lossless video, one mask for each frame)
  osdclean mask show.mkv -o logo.png --kind logo           (one picture for what stands still)
  osdclean mask film.mkv -o look.mp4 --kind subtitle --show     (the film, with what is marked tinted)
  osdclean mask flight.mp4 -o look.png --show              (its middle frame)

White is what was found. Mend the mask in any editor, and hand it to osdclean clean --mask.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .cleaning import MaskJob, mask
from .finding import add_find_arguments, find_arguments, told


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="INPUT", type=Path, help="the video")
    parser.add_argument(
        "-o", "--out", required=True, metavar="FILE", type=Path,
        help=".mkv for a mask of each frame, .png for one of what stands still; with --show .mkv, .mp4, .mov or .png",
    )  # fmt: skip
    parser.add_argument("--show", action="store_true", help="write the picture with what is marked tinted")
    parser.add_argument("--overwrite", action="store_true", help="replace FILE where it exists")
    parser.add_argument("--quiet", action="store_true", help="show no progress and no summary")
    add_find_arguments(parser, grow=True)


def run(args: argparse.Namespace) -> int:
    find = find_arguments(args, grow=True)
    clip = mask(
        MaskJob(source=args.input, target=args.out, find=find, show=args.show, overwrite=args.overwrite), args.quiet
    )
    if not args.quiet:
        what = f": {told(clip.found)}" if clip.found else ""
        print(f"{args.out}{what}", file=sys.stderr)
    return 0

"""Remove what a mask covers from a video, and write a new one.

The mask is a picture of the video's size, white where something is to be removed, or a video of such masks,
one for each frame. Sound, subtitles, chapters, fonts, names, the time of every frame and the colour tags are
kept.

  osdclean clean flight.mp4 clean.mkv --mask mask.png
  osdclean clean flight.mp4 clean.mp4 --mask masks.mp4 --encoder x264 --crf 16
  osdclean clean flight.mp4 clean.mkv --mask mask.png -- --tune grain --aq-mode 3

What follows -- goes to the encoder as it is. Nothing bears OUTPUT's name until it is whole; Ctrl-C leaves
nothing behind.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .cleaning import Job, clean
from .node_options import add_node_arguments, node_arguments
from .progress import clock


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(takes_rest=True)
    parser.add_argument("input", metavar="INPUT", type=Path, help="the video to clean")
    parser.add_argument("output", metavar="OUTPUT", type=Path, help="the video to write: .mkv, .mp4 or .mov")
    parser.add_argument(
        "--mask", required=True, metavar="FILE", help="picture or video of the input's size; white is removed"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace OUTPUT where it exists")
    parser.add_argument("--quiet", action="store_true", help="show no progress and no summary")
    add_encoder_arguments(parser)
    add_node_arguments(parser)


def add_encoder_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("encoding")
    group.add_argument(
        "--encoder", choices=("x265", "x264", "ffv1"), default="x265", help="x265 (default), x264 or ffv1"
    )
    group.add_argument("--crf", type=float, metavar="N", help="quality, lower is better (x265: 18, x264: 17)")
    group.add_argument("--preset", metavar="NAME", help="ultrafast ... veryslow (medium)")


def run(args: argparse.Namespace) -> int:
    outcome = clean(
        Job(
            source=args.input,
            target=args.output,
            mask=args.mask,
            encoder=args.encoder,
            preset=args.preset,
            crf=args.crf,
            rest=args.rest,
            node=node_arguments(args),
            overwrite=args.overwrite,
        ),
        quiet=args.quiet,
    )
    if not args.quiet:
        print(
            f"{args.output}: {outcome.frames} frames in {clock(outcome.seconds)}"
            + (f", {outcome.rate:.1f} frames/s" if outcome.rate else ""),
            file=sys.stderr,
        )
    return 0

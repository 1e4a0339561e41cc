"""Remove an overlay from a video, and write a new one.

Without a mask the overlay is found: flight telemetry and other displays of characters, or what --kind says.
A mask of your own is a picture of the video's size, white where something is to be removed, or a video of such
masks, one for each frame. Sound, subtitles, chapters, fonts, names, the time of every frame and the colour tags
are kept.

  osdclean clean flight.mp4 clean.mkv
  osdclean clean film.mkv clean.mkv --kind subtitle --keep-mask found.mkv
  osdclean clean show.mkv clean.mkv --kind logo --exclude scoreboard.png
  osdclean clean flight.mp4 clean.mp4 --mask masks.mp4 --encoder x264 --crf 16
  osdclean clean flight.mp4 clean.mkv --mask mask.png -- --tune grain --aq-mode 3

What follows -- goes to the encoder as it is. Nothing bears OUTPUT's name until it is whole; Ctrl-C leaves
nothing behind. See what would be removed with: osdclean mask INPUT -o look.mp4 --show
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .cleaning import Coding, Job, clean
from .finding import add_find_arguments, hole_arguments
from .node_options import add_node_arguments, node_arguments
from .progress import clock
from .spread_options import add_spread_arguments, spread_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(takes_rest=True)
    parser.add_argument("input", metavar="INPUT", type=Path, help="the video to clean")
    parser.add_argument("output", metavar="OUTPUT", type=Path, help="the video to write: .mkv, .mp4 or .mov")
    parser.add_argument("--mask", metavar="FILE", help="picture or video of the input's size; white is removed")
    parser.add_argument("--keep-mask", metavar="FILE", type=Path, help="write the mask that was found: .mkv")
    parser.add_argument(
        "--unblend", action=argparse.BooleanOptionalAction, default=None,
        help="solve for what is below a half-transparent mark that stands still, and inpaint only the rest "
        "(done for --kind logo where it never goes)",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace OUTPUT where it exists")
    parser.add_argument("--quiet", action="store_true", help="show no progress and no summary")
    add_find_arguments(parser)
    add_encoder_arguments(parser)
    add_node_arguments(parser)
    add_spread_arguments(parser)


def add_encoder_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("encoding")
    group.add_argument(
        "--encoder", choices=("x265", "x264", "ffv1"), default="x265", help="x265 (default), x264 or ffv1"
    )
    group.add_argument("--crf", type=float, metavar="N", help="quality, lower is better (x265: 18, x264: 17)")
    group.add_argument("--preset", metavar="NAME", help="ultrafast ... veryslow (medium)")


def coding(args: argparse.Namespace) -> Coding:
    """The options of `add_encoder_arguments`."""
    return Coding(encoder=args.encoder, preset=args.preset, crf=args.crf, rest=args.rest)


def run(args: argparse.Namespace) -> int:
    mask, find = hole_arguments(args)
    outcome = clean(
        Job(
            source=args.input,
            target=args.output,
            mask=mask,
            find=find,
            unblend=args.unblend,
            kept=args.keep_mask,
            coding=coding(args),
            node=node_arguments(args),
            spread=spread_arguments(args),
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

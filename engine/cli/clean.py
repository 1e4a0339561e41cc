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
  osdclean clean flights clean/                         (all videos of a folder, or several that are named)

What follows -- goes to the encoder as it is. Nothing bears OUTPUT's name until it is whole; Ctrl-C leaves
nothing behind. In a folder what is there already is skipped, so that a stopped run goes on where it is run again.
Exit status 3: some of several could not be done. Options for a camera can be kept in a file osdclean.toml beside its
videos; --dry-run says what would be done with which options. See what would be removed with: osdclean mask INPUT -o
look.mp4 --show
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .batch import plan, runner, tasks
from .cleaning import Coding, Job, check_programs, clean
from .failure import CommandError
from .finding import add_find_arguments, hole_arguments
from .node_options import add_node_arguments, node_arguments
from .settings_file import FOR_CLEAN, add_settings_arguments
from .spread_options import add_spread_arguments, spread_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(takes_rest=True)
    parser.add_argument("input", metavar="INPUT", nargs="+", help="the video to clean; several, or a folder of them")
    parser.add_argument(
        "output", metavar="OUTPUT", help="the video to write: .mkv, .mp4 or .mov; or the folder to write into"
    )
    parser.add_argument("--mask", metavar="FILE", help="picture or video of the input's size; white is removed")
    parser.add_argument("--keep-mask", metavar="FILE", type=Path, help="write the mask that was found: .mkv")
    parser.add_argument(
        "--unblend", action=argparse.BooleanOptionalAction, default=None,
        help="solve for what is below a half-transparent mark that stands still, and inpaint only the rest "
        "(done for --kind logo where it never goes)",
    )  # fmt: skip
    tasks.add_batch_arguments(parser, ("mkv", "mp4", "m4v", "mov"))
    add_find_arguments(parser)
    add_encoder_arguments(parser)
    add_node_arguments(parser)
    add_spread_arguments(parser)
    add_settings_arguments(parser)


def add_encoder_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("encoding")
    group.add_argument(
        "--encoder", choices=("x265", "x264", "ffv1"), help="x265 (default), x264 or ffv1"
    )
    group.add_argument("--crf", type=float, metavar="N", help="quality, lower is better (x265: 18, x264: 17)")
    group.add_argument("--preset", metavar="NAME", help="ultrafast ... veryslow (medium)")


def coding(args: argparse.Namespace) -> Coding:
    """The options of `add_encoder_arguments`."""
    return Coding(encoder=args.encoder or Coding.encoder, preset=args.preset, crf=args.crf, rest=args.encoder_options)


def run(args: argparse.Namespace) -> int:
    into_folder = tasks.is_folder(args.output)
    if into_folder and args.keep_mask is not None:
        raise CommandError(
            f"--keep-mask names the mask of one input, and {args.output} is for several; see osdclean mask --help"
        )
    asked = tasks.tasks(args, args.output, FOR_CLEAN)
    jobs = [job_of(task) for task in asked]
    for encoder in sorted({job.coding.encoder for job in jobs}):
        check_programs(encoder)
    if args.dry_run:
        plans = [plan.for_clean(task, job, into_folder) for task, job in zip(asked, jobs, strict=True)]
        return plan.tell(plans, args.json, into_folder)
    return runner.run(jobs, clean, args, into_folder)


def job_of(task: tasks.Task) -> Job:
    """What is to be done for one input. Raises ArgumentError and CommandError."""
    args = task.taken.args
    mask, find = hole_arguments(args)
    return Job(
        source=task.source,
        target=task.target,
        mask=mask,
        find=find,
        unblend=args.unblend,
        kept=args.keep_mask,
        coding=coding(args),
        node=node_arguments(args),
        spread=spread_arguments(args),
        overwrite=args.overwrite,
    )

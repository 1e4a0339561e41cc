"""Find an overlay, and write its mask.

  osdclean mask flight.mp4 -o mask.mkv                     (a lossless video, one mask for each frame)
  osdclean mask show.mkv -o logo.png --kind logo           (one picture for what stands still)
  osdclean mask film.mkv -o look.mp4 --kind subtitle --show     (the film, with what is marked tinted)
  osdclean mask flight.mp4 -o look.png --show              (its middle frame)
  osdclean mask flights -o masks/ --container png          (one for each video of a folder)

White is what was found. Mend the mask in any editor, and hand it to osdclean clean --mask.
"""

from __future__ import annotations

import argparse

from .batch import plan, runner, tasks
from .cleaning import MaskJob, mask
from .finding import add_find_arguments, find_arguments
from .settings_file import FOR_MASK, add_settings_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="INPUT", nargs="+", help="the video; several, or a folder of them")
    parser.add_argument(
        "-o", "--out", required=True, metavar="FILE",
        help=".mkv for a mask of each frame, .png for one of what stands still; with --show .mkv, .mp4, .mov or .png; "
        "or the folder to write into",
    )  # fmt: skip
    parser.add_argument("--show", action="store_true", help="write the picture with what is marked tinted")
    tasks.add_batch_arguments(parser, ("mkv", "png", "mp4", "m4v", "mov"))
    add_find_arguments(parser, grow=True)
    add_settings_arguments(parser)


def run(args: argparse.Namespace) -> int:
    into_folder = tasks.is_folder(args.out)
    asked = tasks.tasks(args, args.out, FOR_MASK)
    jobs = [job_of(task) for task in asked]
    if args.dry_run:
        plans = [plan.for_mask(task, job, into_folder) for task, job in zip(asked, jobs, strict=True)]
        return plan.tell(plans, args.json, into_folder)
    return runner.run(jobs, mask, args, into_folder)


def job_of(task: tasks.Task) -> MaskJob:
    """What is to be done for one input. Raises ArgumentError and CommandError."""
    args = task.taken.args
    find = find_arguments(args, grow=True)
    return MaskJob(source=task.source, target=task.target, find=find, show=args.show, overwrite=args.overwrite)

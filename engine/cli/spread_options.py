"""Several workers and machines, as options of the command line."""

from __future__ import annotations

import argparse

from ..spread.job import Spread, check_whole


def add_spread_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "several workers and machines",
        "The clip is cut into chunks, which are worked on at once and joined; frames are those of a single run. "
        "Finished chunks are kept in a hidden folder beside OUTPUT until it is whole: where a run was ended, by a "
        "crash, a full disk or Ctrl-C, the same command goes on with them. See docs/distributed.md.",
    )  # fmt: skip
    group.add_argument("--workers", type=int, metavar="N", help="so many chunks at once on this machine (1 or more)")
    group.add_argument(
        "--scheduler", metavar="ADDRESS",
        help="spread over the workers of a Dask scheduler, such as tcp://host:8786, which see INPUT under its path",
    )  # fmt: skip
    group.add_argument("--send", action="store_true", help="send INPUT to these workers, once to each")
    group.add_argument(
        "--chunk", type=int, metavar="FRAMES",
        help="length of a chunk (a quarter of each worker's share, at least 960 and at most 3600)",
    )  # fmt: skip


def spread_arguments(args: argparse.Namespace) -> Spread | None:
    """The options as given; None where the work is not to be spread. Raises ArgumentError and CommandError."""
    if args.workers is None and args.scheduler is None and not args.send and args.chunk is None:
        return None
    spread = Spread(workers=args.workers, scheduler=args.scheduler, send=args.send, length=args.chunk)
    check_whole(args.encoder_options)
    return spread

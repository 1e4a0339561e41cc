"""Make datasets out of footage: stills for whoever needs photographs, pairs of clips for training.

  osdclean data frames films/ -o stills --every 5 --size 1920x1080
  osdclean data clips films/ -o pairs --frames 48 --per-video 4

Both take files and folders, use all cores, and may be stopped at any moment: the same command makes what is missing.
Files that cannot be used are named on stderr and counted at the end. `osdclean data clips --help` tells the rest.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from ..errors import OsdcleanError

_FRAMES = """\
Write stills of many videos: one at the beginning of each and one after every interval.

The stills are DIR/000001.png and so on, without gaps, in the order of the videos' paths and of time. They get their
numbers when all are made; until then they are in DIR/.stills. DIR/stills.jsonl tells which still shows what. Stills
that are made later, of more videos or at a shorter interval, get the numbers that follow.

Each picture keeps its aspect: it is scaled until it covers the size, and what sticks out is cut off evenly.
"""
_CLIPS = """\
Write excerpts of videos, each as it is and under a made overlay whose every pixel is known:

  DIR/clips/NAME.mp4        the excerpt
  DIR/mask_clips/NAME.mp4   the same under telemetry, subtitles, a logo or the like
  DIR/masks/NAME.png        white where the overlay is at any time
  DIR/frame_masks/NAME.mkv  where it is in each frame; only where it changes
  DIR/manifest.jsonl        one line per pair: source, first frame, overlay, seeds, encoder, versions

No excerpt has a scene cut or black in it, and no two share a frame. The same seed gives the same files. All pairs of a
folder are made with the same arguments; only videos may be added, and --per-video raised.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `osdclean data`."""
    from .pairs import KINDS

    tools = parser.add_subparsers(title="tools", metavar="TOOL", dest="tool", required=True)
    formatter = argparse.RawDescriptionHelpFormatter
    frames = tools.add_parser(
        "frames", help="stills of videos at a time interval", description=_FRAMES, formatter_class=formatter
    )
    _add_common(frames)
    frames.add_argument(
        "--every", type=float, default=5.0, metavar="SECONDS", help="time between two stills of a video (default: 5)"
    )
    frames.add_argument(
        "--size", type=_size, default=(1920, 1080), metavar="WxH", help="size of the stills (default: 1920x1080)"
    )
    frames.add_argument(
        "--format", default="png", metavar="NAME", help="png, or jpg, which is a tenth of it (default: png)"
    )
    clips = tools.add_parser(
        "clips", help="excerpts of videos, with and without an overlay", description=_CLIPS, formatter_class=formatter
    )
    _add_common(clips)
    clips.add_argument("--frames", type=int, default=48, metavar="N", help="frames of each excerpt (default: 48)")
    clips.add_argument(
        "--per-video", type=int, default=4, metavar="N", help="excerpts of each video at most, up to 99 (default: 4)"
    )
    clips.add_argument(
        "--kinds", metavar="NAMES", help=f"overlays to draw from, comma-separated, of {', '.join(KINDS)} (default: all)"
    )
    clips.add_argument(
        "--fonts",
        type=Path,
        metavar="SHEETS",
        help="glyph sheets for displays, TrueType files for other kinds: a file, or a folder "
        "(default: drawn, and the system's)",
    )
    clips.add_argument(
        "--size", type=_size, metavar="WxH", help="size of the clips, covered and cut (default: each video's own)"
    )
    clips.add_argument(
        "--grow", type=int, default=0, metavar="N", help="pixels by which the masks are grown (default: 0, exact)"
    )
    clips.add_argument("--seed", type=int, default=1, metavar="S", help="seed of excerpts and overlays (default: 1)")
    clips.add_argument(
        "--crf", type=float, default=6, metavar="Q", help="x264's quality; 0 is lossless (default: 6, nearly so)"
    )
    clips.add_argument("--preset", default="medium", metavar="NAME", help="x264's preset (default: medium)")


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("videos", nargs="+", type=Path, metavar="VIDEOS", help="files, or folders of them")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--processes", type=int, metavar="N", help="processes that work (default: one per core)")


def _size(text: str) -> tuple[int, int]:
    width, times, height = text.partition("x")
    if not (times and width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"must be WxH, such as 1920x1080, passed {text}")
    return int(width), int(height)


def run(args: argparse.Namespace) -> int:
    """Run the tool that was asked for; 0. Raises OsdcleanError where nothing could be made."""
    try:
        return _frames(args) if args.tool == "frames" else _clips(args)
    except BrokenPipeError:
        raise
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        raise OsdcleanError(f"cannot read or write{where}: {error.strerror or error}") from None


def _frames(args: argparse.Namespace) -> int:
    from . import stills

    wanted = stills.Stills(every=args.every, size=args.size, format=args.format)
    return _told(
        "stills", "stills", args.out, lambda report: stills.run(args.videos, args.out, wanted, args.processes, report)
    )


def _clips(args: argparse.Namespace) -> int:
    from . import clips, manifest, pairs

    named = pairs.KINDS if args.kinds is None else args.kinds.split(",")
    kinds = tuple(name.strip() for name in named if name.strip())
    wanted = clips.Clips(
        frames=args.frames, per_video=args.per_video, kinds=kinds, fonts=args.fonts,
        size=args.size, grow=args.grow, seed=args.seed, encoding=pairs.Encoding(crf=args.crf, preset=args.preset),
    )  # fmt: skip
    made = manifest.versions()
    return _told(
        "pairs", "frames", args.out,
        lambda report: clips.run(args.videos, args.out, wanted, made, args.processes, report),
    )  # fmt: skip


def _told(what: str, unit: str, out: Path, work: Callable[..., tuple[int, list[str], int]]) -> int:
    """Do the work under one progress bar, then say what came of it."""
    from ..cli.progress import Progress

    bar = Progress(0, unit=unit)

    def report(done: int, total: int) -> None:
        bar.total = total
        bar.update(done)

    try:
        count, failed, sources = work(report)
    finally:
        bar.close()
    for line in failed:
        print(f"left out {line}", file=sys.stderr)
    if failed:
        print(f"{len(failed)} of {sources} sources were left out", file=sys.stderr)
    if not count:
        raise OsdcleanError(f"data: nothing could be made of {sources} videos; see above")
    print(f"{count} {what} in {out}")
    return 0

"""Show what osdclean does: a moving scene with flight telemetry over it is made, cleaned and measured.

  osdclean demo
  osdclean demo --clip flight.mp4                      (the same on footage of your own; nothing to measure)
  osdclean demo --clip flight.mp4 --mask mask.png      (where the mask was drawn, not found)

Into the folder demo/ go the scene, its mask and the truth (made scene only), the cleaned video, a video with
before and after side by side, and a picture of one frame: before, hole, after.
"""

from __future__ import annotations

import argparse
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .clean import add_encoder_arguments, coding
from .cleaning import Job, Outcome, clean
from .failure import CommandError
from .finding import add_find_arguments, hole_arguments
from .node_options import add_node_arguments, node_arguments
from .pipeline import Pipeline, Stage
from .preview import preview
from .programs import find

_FPS = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(takes_rest=True)
    parser.add_argument("--out", type=Path, default=Path("demo"), metavar="DIR", help="folder to fill (demo)")
    parser.add_argument(
        "--size", type=_size, default=(960, 540), metavar="WxH", help="of the scene (960x540)"
    )
    parser.add_argument("--frames", type=_frames, default=120, metavar="N", help="of the scene (120)")
    parser.add_argument("--seed", type=int, default=7, metavar="N", help="another number, another scene (7)")
    parser.add_argument("--clip", type=Path, metavar="FILE", help="clean this video in place of the scene")
    parser.add_argument("--mask", metavar="FILE", help="its mask: white is removed (what is found)")
    add_find_arguments(parser)
    add_encoder_arguments(parser)
    add_node_arguments(parser)


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)x(\d+)", text)
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (64 <= width <= 8192 and 64 <= height <= 8192) or width % 2 or height % 2:
        raise argparse.ArgumentTypeError(f"must be WxH, even, 64x64 to 8192x8192, passed {text}")
    return width, height


def _frames(text: str) -> int:
    if not text.isdecimal() or not 2 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"must be 2 to 100000, passed {text}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    if args.clip is None and args.mask is not None:
        raise CommandError("--mask is that of a --clip of your own; leave both out for the made scene")
    out, hole = args.out, hole_arguments(args)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(
            f"cannot make the folder {out}: {error.strerror}; choose another with --out"
        ) from None
    truth = None
    source, mask = args.clip, None
    node = node_arguments(args)
    if source is None:
        source, mask, truth = out / "telemetry.mkv", out / "mask.png", out / "truth.mkv"
        print(f"making the scene: {args.frames} frames of {args.size[0]}x{args.size[1]}")
        make_scene(*args.size, args.frames, args.seed, source, mask, truth)
        hole = str(mask.resolve()), {}
    cleaned = out / "clean.mkv"
    print(f"cleaning {source} -> {cleaned}")
    outcome = clean(
        Job(
            source=source,
            target=cleaned,
            mask=hole[0],
            find=hole[1],
            coding=coding(args),
            node=node,
            overwrite=True,
        )
    )
    both, picture = out / "before_after.mp4", out / "before_after.png"
    join_side_by_side(source, cleaned, both, outcome.fps)
    preview(source, hole, outcome.frames // 2, picture, node, overwrite=True)
    report(outcome, source, cleaned, truth, mask, coding(args).encoder)
    print(f"look at {picture} and {both}")
    return 0


def report(
    outcome: Outcome, source: Path, cleaned: Path, truth: Path | None, mask: Path | None, encoder: str
) -> None:
    """Print what was measured."""
    print(
        f"{outcome.frames} frames at {outcome.rate:.1f} frames/s, vspipe and {encoder}, starting up included"
    )
    if truth is not None:
        before, after = psnr(source, truth, mask), psnr(cleaned, truth, mask)
        print(f"in the hole, against the truth: {before:.2f} dB before, {after:.2f} dB after (PSNR of luma)")


def make_scene(
    width: int, height: int, frames: int, seed: int, source: Path, mask: Path, truth: Path
) -> None:
    """Write a procedural flight with telemetry over it, without (both lossless YUV420P8) and its mask."""
    import cv2

    from ..synth import overlays, scene

    overlay = overlays.telemetry(width, height, frames, _FPS, seed)
    if not cv2.imwrite(str(mask), overlay.static_mask()):
        raise CommandError(f"cannot write {mask}; choose another folder with --out")
    writers = [Pipeline([_lossless(width, height, file)], fed=True) for file in (source, truth)]
    with writers[0] as laid, writers[1] as bare:
        for n, rgb in zip(range(frames), scene.flight(width, height, frames, seed), strict=False):
            for pipeline, picture in ((laid, overlays.lay(rgb, overlay.rgba(n))), (bare, rgb)):
                try:
                    pipeline.feed.write(picture.tobytes())
                except BrokenPipeError:
                    pipeline.finish()
        for pipeline in (laid, bare):
            pipeline.feed.close()
            pipeline.finish()


def _lossless(width: int, height: int, file: Path) -> Stage:
    words = [find("ffmpeg"), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    words += ["-s", f"{width}x{height}", "-r", str(_FPS), "-i", "pipe:0"]
    words += ["-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "-c:v", "ffv1", "-g", "1"]
    words += [
        "-color_primaries",
        "bt709",
        "-color_trc",
        "bt709",
        "-colorspace",
        "bt709",
        "-color_range",
        "tv",
    ]
    return Stage(name="ffmpeg", command=[*words, f"file:{file}"], advice="Choose another folder with --out.")


def join_side_by_side(before: Path, after: Path, target: Path, fps: tuple[int, int]) -> None:
    """Write a video with two of the same size and length beside each other, for looking at.

    Frames are joined by number: containers round times differently.
    """
    num, den = fps if min(fps) > 0 else (25, 1)
    steady = f"settb=1/90000,setpts=floor(N*90000*{den}/{num})"
    words = [find("ffmpeg"), "-v", "error", "-y", "-i", f"file:{before}", "-i", f"file:{after}"]
    words += ["-filter_complex", f"[0:v]{steady}[a];[1:v]{steady}[b];[a][b]hstack,format=yuv420p"]
    words += ["-fps_mode", "passthrough", "-c:v", "libx264", "-crf", "18"]
    stage = Stage(name="ffmpeg", command=[*words, "-an", f"file:{target}"], advice="Is the disk full?")
    with Pipeline([stage]) as pipeline:
        pipeline.finish()


def psnr(file: Path, truth: Path, mask: Path) -> float:
    """Peak signal-to-noise ratio in dB of the luma under the mask, over all frames."""
    import cv2
    import numpy as np

    hole = cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE) >= 128
    total, count = 0.0, 0
    for ours, true in zip(_luma(file, hole.shape), _luma(truth, hole.shape), strict=True):
        difference = ours[hole].astype(np.float64) - true[hole]
        total += float(np.square(difference).sum())
        count += difference.size
    return float(10 * np.log10(255**2 * count / max(total, 1e-9)))


def _luma(file: Path, shape: tuple[int, int]) -> Iterator:
    """Luma planes of a video, uint8 [H, W]."""
    import numpy as np

    words = [
        find("ffmpeg"),
        "-v",
        "error",
        "-i",
        f"file:{file}",
        "-pix_fmt",
        "yuv420p",
        "-f",
        "rawvideo",
        "-",
    ]
    height, width = shape
    size = width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while len(frame := process.stdout.read(size)) == size:
            yield np.frombuffer(frame, np.uint8, width * height).reshape(shape)

"""One pair: an excerpt as it is, the same under an overlay, and the overlay's masks.

1. The excerpt is decoded by itself, from the time that the scan gave its first frame. Its frames' brightness must be
   the scan's; where it is not, or no frames come, the container does not seek well: the video is then decoded from its
   beginning on.
2. Kind and seed of the overlay are drawn from the run's seed and the pair's name alone.
3. The static mask is white where any frame shows any of the overlay. Where the overlay changes, a video of masks tells
   where it is in each frame.
4. Each file appears whole or not at all, the clean clip last.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from .. import outputs
from ..cli.programs import find
from ..errors import ArgumentError, OsdcleanError, PictureError
from ..footage import joined
from ..holes import grown
from ..picture import Planes
from ..synth import overlays
from ..synth.glyphs import Fonts
from . import decoder, manifest
from .process import Process
from .videos import Facts, Video
from .workers import tick

#: A pair's files by folder.
CLEAN, OVERLAID, STATIC, PER_FRAME = "clips", "mask_clips", "masks", "frame_masks"
ENDINGS = {CLEAN: ".mp4", OVERLAID: ".mp4", STATIC: ".png", PER_FRAME: ".mkv"}
#: Kinds of overlays; what differs in the bench's use of its masks alone is one kind here.
KINDS = tuple(kind for kind in overlays.KINDS_TRAINING if not kind.endswith("-per-frame"))
#: How far (code values) the mean luma of a frame may be from the scan's, which was rounded on its way: by
#: up to 0.03 in measurements.
_SAME = 0.25


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How both clips are encoded by x264. crf: 0 (lossless) to 51; preset: x264's own."""

    crf: float = 6.0
    preset: str = "medium"

    PRESETS = (
        "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow",
    )  # fmt: skip

    def __post_init__(self) -> None:
        if not 0 <= self.crf <= 51:
            raise ArgumentError(f"crf must be 0 to 51, passed {self.crf}")
        if self.preset not in self.PRESETS:
            raise ArgumentError(f"preset must be one of {', '.join(self.PRESETS)}, passed {self.preset}")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One pair to make. first: the excerpt's first frame in the video; seconds: a time after which that frame is the
    first, None for the video's first or where its times are not known; brightness: float32 [frames], the scan's."""

    folder: Path
    name: str
    video: Video
    facts: Facts
    size: decoder.Size | None
    first: int
    seconds: float | None
    brightness: np.ndarray
    kinds: tuple[str, ...]
    fonts: Fonts
    seed: int
    grow: int
    encoding: Encoding


def paths(folder: Path, name: str) -> dict[str, Path]:
    """A pair's files, by folder."""
    return {kind: folder / kind / f"{name}{ending}" for kind, ending in ENDINGS.items()}


def drawn(
    rng: np.random.Generator, kinds: Sequence[str], width: int, height: int, length: int, fps: float, fonts: Fonts
) -> tuple[str, int, overlays.Overlay]:
    """Kind, seed and overlay, drawn by `rng`. Raises OsdcleanError where ten seeds in a row show nothing."""
    kind = kinds[int(rng.integers(len(kinds)))]
    for _ in range(10):
        seed = int(rng.integers(1 << 30))
        overlay = overlays.make(kind, width, height, length, fps, seed, fonts)
        if overlay.static_mask().any():
            return kind, seed, overlay
    raise OsdcleanError(f"overlay {kind} shows nothing at {width}x{height} in {length} frames")


def changes(overlay: overlays.Overlay) -> bool:
    """Whether not all frames show the same."""
    return len({overlay.state(n) for n in range(overlay.length)}) > 1


def wider(mask: np.ndarray, grow: int) -> np.ndarray:
    """A mask grown by so many pixels: uint8 [H, W], 0 and 255."""
    return grown(mask, False, 8, grow).view(np.uint8) * 255


def make(job: Job) -> manifest.Row:
    """Write a pair's files; returns what the manifest says of it. Raises PictureError where the source cannot be used,
    OsdcleanError where the encoder fails."""

    def frames(**where: float | int | None) -> Iterator[Planes]:
        return decoder.frames(job.video.path, job.facts, job.size, len(job.brightness), **where)

    if job.seconds is not None or not job.first:
        try:
            return _made(job, frames(seconds=job.seconds))
        except PictureError:
            pass
    return _made(job, frames(first=job.first))


def _made(job: Job, frames: Iterator[Planes]) -> manifest.Row:
    width, height = decoder.shape(job.facts, job.size)
    length, fps = len(job.brightness), job.facts.fps
    rng = np.random.default_rng([job.seed, zlib.crc32(job.name.encode())])
    kind, seed, overlay = drawn(rng, job.kinds, width, height, length, float(fps), job.fonts)
    targets, moving = paths(job.folder, job.name), changes(overlay)
    if not moving:
        targets.pop(PER_FRAME).unlink(missing_ok=True)
    with ExitStack() as files:
        # Left in the reverse order: the clean clip takes its name last.
        beside = {where: files.enter_context(outputs.whole(path)) for where, path in targets.items()}
        _write_mask(wider(overlay.static_mask(), job.grow), beside[STATIC])
        with ExitStack() as programs:
            clean, laid = (
                programs.enter_context(_x264(beside[where], (width, height), fps, job.encoding))
                for where in (CLEAN, OVERLAID)
            )
            masks = programs.enter_context(_ffv1(beside[PER_FRAME], (width, height), fps)) if moving else None
            for n, planes in enumerate(frames):
                if abs(float(planes[0].mean()) - job.brightness[n]) > _SAME:
                    raise PictureError(f"frame {job.first + n} is not the one that was seen there first")
                _feed(clean, [planes])
                _feed(laid, [overlays.lay_yuv420(planes, overlay.rgba(n))])
                if masks:
                    _feed(masks, [(wider(overlay.mask(n), job.grow),)])
                tick()
            for program in (clean, laid, masks):
                if program and program.end():
                    raise OsdcleanError(f"ffmpeg cannot encode {job.name}: {program.reason()}")
    return {
        "name": job.name, "source": str(job.video.path), "first_frame": job.first, "frames": length,
        "fps": f"{fps.numerator}/{fps.denominator}", "width": width, "height": height,
        "overlay": kind, "overlay_seed": seed, "frame_masks": moving,
    }  # fmt: skip


def _x264(path: Path, size: decoder.Size, fps: Fraction, encoding: Encoding) -> Process:
    """An encoder of planes. One thread: with more, x264 writes what depends on their number."""
    coder = ("libx264", "-preset", encoding.preset, "-crf", f"{encoding.crf:g}", "-pix_fmt", "yuv420p", "-f", "mp4")
    return _encoder(path, size, fps, "yuv420p", coder)


def _ffv1(path: Path, size: decoder.Size, fps: Fraction) -> Process:
    """An encoder of masks, without loss."""
    return _encoder(path, size, fps, "gray", ("ffv1", "-level", "3", "-pix_fmt", "gray", "-f", "matroska"))


def _encoder(path: Path, size: decoder.Size, fps: Fraction, pixels: str, coder: Sequence[str]) -> Process:
    command = [
        *(find("ffmpeg"), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", pixels),
        *("-s", f"{size[0]}x{size[1]}", "-r", str(fps), "-i", "-", "-threads", "1"),
        *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-c:v", *coder, f"file:{path}"),
    ]
    return Process(command, feeds=True)


def _feed(encoder: Process, frames: Sequence[Planes]) -> None:
    try:
        for plane in joined(frames):
            encoder.stdin.write(plane)
    except BrokenPipeError:
        encoder.end()
        raise OsdcleanError(f"ffmpeg cannot encode: {encoder.reason()}") from None


def _write_mask(mask: np.ndarray, path: Path) -> None:
    path.write_bytes(cv2.imencode(".png", mask)[1].tobytes())

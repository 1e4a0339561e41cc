"""Marked footage: crops of clips under synthetic overlays, and where the overlays are; for the detector.

What is laid over a clip, and whether the recording is compressed after it, is as for the inpainter (`examples`), and
flashing marks besides; a share of the clips has nothing over it, so that the picture's own lettering is learned to be
left alone.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data.workers import tick
from ..detect import evidence
from ..detect.network import KINDS
from ..errors import PictureError
from ..picture import PictureFormat, Planes
from ..synth import compression, overlays
from . import shards
from .stored import Stored

#: Frames and side of a crop, and crops of a clip.
LENGTH, SIDE, CROPS = 6, 192, 10
#: What is laid over a clip, how often, and as which kind it counts; None: nothing.
OVERLAYS: dict[str | None, tuple[float, str | None]] = {
    "telemetry": (0.2, "osd"), "telemetry-systems": (0.18, "osd"), "timestamp": (0.08, "osd"), "logo": (0.1, "logo"),
    "logo-transparent": (0.1, "logo"), "subtitles": (0.07, "subtitle"), "subtitles-styled": (0.07, "subtitle"),
    "moving": (0.05, "moving"), "flashing": (0.05, "moving"), None: (0.1, None),
}  # fmt: skip
#: Share of the clips with a logo beside what else is laid over them.
BESIDE = 0.2


@dataclass(frozen=True, kw_only=True)
class Marked(Stored):
    """Crops of one clip. S crops of T = LENGTH frames:

    luma: uint8 [S, T + 2, SIDE, SIDE], with the frames before and after; chroma: uint8 [S, T, 2, SIDE/2, SIDE/2];
    still: uint8 [S, 2, SIDE, SIDE], see `evidence.still`; covered: uint8 [S, T, SIDE, SIDE], bit k where kind k is.
    """

    luma: np.ndarray
    chroma: np.ndarray
    still: np.ndarray
    covered: np.ndarray

    FIELDS = ("luma", "chroma", "still", "covered")


def mark(
    frames: list[Planes], picture: PictureFormat, rng: np.random.Generator, fonts: Path | None, compressed: bool
) -> tuple[list[Planes], np.ndarray]:
    """Footage under overlays, and per frame where they are: uint8 [T, H, W], bit k where kind k is.

    fonts: folder of glyph sheets for the displays; compressed: the recording is, with the overlays in it.
    """
    w, h, length = picture.width, picture.height, len(frames)
    names = list(OVERLAYS)
    drawn = [names[rng.choice(len(names), p=[share for share, _ in OVERLAYS.values()])]]
    if drawn[0] is not None and OVERLAYS[drawn[0]][1] != "logo" and rng.random() < BESIDE:
        drawn.append(str(rng.choice(["logo", "logo-transparent"])))
    covered = np.zeros((length, h, w), np.uint8)
    for name in drawn:
        if name is None:
            continue
        sheets = fonts if rng.random() < 0.6 and name.startswith("telemetry") else None
        overlay = overlays.make(name, w, h, length, 30, int(rng.integers(1 << 30)), sheets)
        bit = np.uint8(1 << KINDS.index(OVERLAYS[name][1]))
        for n in range(length):
            covered[n] |= np.where(overlay.mask(n) > 0, bit, np.uint8(0))
        frames = [overlays.lay_yuv420(planes, overlay.rgba(n)) for n, planes in enumerate(frames)]
    if compressed:
        frames = compression.compressed(frames, 30, compression.draw(rng))
    return frames, covered


def cut(frames: list[Planes], picture: PictureFormat, covered: np.ndarray, rng: np.random.Generator) -> Marked:
    """Crops of marked footage, half of them where something is. Raises PictureError where it is too small or short."""
    if min(picture.width, picture.height) < SIDE or len(frames) < LENGTH:
        raise PictureError(
            f"at least {SIDE}x{SIDE} and {LENGTH} frames are needed, passed {picture.width}x{picture.height} and "
            f"{len(frames)}"
        )
    views = [evidence.seen(planes, picture) for planes in frames]
    still = evidence.still(views[n].luma for n in evidence.sampled(len(frames)))
    # `seen` reduces what is larger; training footage is not, so that covers are exact.
    if still.shape[1:] != covered.shape[1:]:
        raise PictureError(f"at most {evidence.LINES} lines are accepted, passed {picture.height}")
    rows: dict[str, list[np.ndarray]] = {name: [] for name in Marked.FIELDS}
    for k in range(CROPS):
        first = int(rng.integers(0, len(frames) - LENGTH + 1))
        y, x = (int(rng.integers(0, side - SIDE + 1)) for side in covered.shape[1:])
        there = np.flatnonzero(covered[first]) if k % 2 else ()
        if len(there):
            at = np.unravel_index(rng.choice(there), covered.shape[1:])
            spot = (int(p - rng.integers(0, SIDE)) for p in at)
            y, x = (min(max(0, p), side - SIDE) for p, side in zip(spot, covered.shape[1:], strict=True))
        # Chroma has a sample for every second one.
        y, x = y & ~1, x & ~1
        box = slice(y, y + SIDE), slice(x, x + SIDE)
        half = tuple(slice(s.start // 2, s.stop // 2) for s in box)
        wanted = [min(max(0, n), len(frames) - 1) for n in range(first - 1, first + LENGTH + 1)]
        rows["luma"].append(np.stack([views[n].luma[box] for n in wanted]))
        rows["chroma"].append(np.stack([views[n].chroma[:, *half] for n in wanted[1:-1]]))
        rows["still"].append(still[:, *box])
        rows["covered"].append(covered[first : first + LENGTH, *box])
    return Marked(**{name: np.stack(values) for name, values in rows.items()})


def make(job: shards.Job) -> int:
    """Build one shard; returns its number of crops. All depends on the target's name alone. Raises PictureError where
    its source cannot be used."""
    rng = np.random.default_rng(zlib.crc32(job.target.name.encode()))
    frames, picture = shards.footage(job, rng)
    shown, covered = mark(shards.stretch(frames, rng), picture, rng, job.fonts, job.compressed)
    marked = cut(shown, picture, covered, rng)
    marked.save(job.target)
    tick()
    return len(marked.luma)

"""Marked footage: crops of clips under synthetic overlays, and where the overlays are; for the detector.

What is laid over a clip, and whether the recording is compressed after it, is as for the inpainter (`examples`), and
flashing marks besides; a share of the clips has nothing over it, so that the picture's own lettering is learned to be
left alone.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from ..data.workers import tick
from ..detect import evidence
from ..detect.settings import KIND_OF, LEARNED
from ..errors import PictureError
from ..picture import PictureFormat, Planes
from ..synth import compression, overlays
from . import shards
from .stored import Stored

#: Frames and side of a crop, and crops of a clip.
LENGTH, SIDE, CROPS = 6, 192, 10
#: What is laid over a clip, and over which share of the clips; None: nothing.
SHARES: dict[str | None, float] = {
    "telemetry": 0.13, "telemetry-systems": 0.13, "timestamp": 0.08, "viewfinder": 0.06, "logo": 0.1,
    "logo-transparent": 0.1, "subtitles": 0.06, "subtitles-styled": 0.08, "moving": 0.08, "flashing": 0.08, None: 0.1,
}  # fmt: skip
#: Share of the clips with a logo beside what else is laid over them, of those with black bars above and below, and of
#: those whose picture stands still as before a camera on a tripod: only looks then tell an overlay from it.
BESIDE, BARS, TRIPOD = 0.2, 0.06, 0.15
#: Share of the clips that are enlarged before anything is laid over them, and to how many lines: what is large is
#: reduced before it is looked at, and its lettering is then not as sharp as where it was drawn at that size.
ENLARGED, ENLARGED_TO = 0.4, (720, 1080)
#: Share of a reduced sample from which on it counts as covered.
COVERED = 0.25
#: Share of the clips whose still parts are those of a longer recording with other scenes in it, and of a shorter one.
LONGER, SHORTER = 0.4, 0.15


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
) -> tuple[list[Planes], np.ndarray, list[np.ndarray]]:
    """Footage under overlays; per frame where they are, uint8 [T, H, W], bit k where kind k is; and the luma of the
    frames that show what stays still.

    fonts: folder of glyph sheets for the displays; compressed: the recording is, with the overlays in it.
    """
    w, h, length = picture.width, picture.height, len(frames)
    if rng.random() < BARS:
        frames = [_barred(planes, bar) for bar in [2 * int(h * rng.uniform(0.02, 0.07))] for planes in frames]
    if rng.random() < TRIPOD:
        frames = _before_a_tripod(frames, rng)
    names = list(SHARES)
    drawn = [names[rng.choice(len(names), p=list(SHARES.values()))]]
    if drawn[0] is not None and KIND_OF[drawn[0]] != "logo" and rng.random() < BESIDE:
        drawn.append(str(rng.choice(["logo", "logo-transparent"])))
    laid = []
    for name in drawn:
        if name is None:
            continue
        sheets = fonts if rng.random() < 0.6 and name.startswith("telemetry") else None
        overlay = overlays.make(name, w, h, length, 30, int(rng.integers(1 << 30)), sheets)
        laid.append((overlay, np.uint8(1 << LEARNED.index(KIND_OF[name]))))

    def under(planes: Planes, n: int) -> Planes:
        for overlay, _ in laid:
            planes = overlays.lay_yuv420(planes, overlay.rgba(n))
        return planes

    covered = np.zeros((length, h, w), np.uint8)
    for overlay, bit in laid:
        for n in range(length):
            covered[n] |= np.where(overlay.mask(n) > 0, bit, np.uint8(0))
    # A long recording shows many scenes under one overlay; a clip of few frames tells little of what stays still.
    chance, still = rng.random(), None
    if chance < LONGER:
        still = [under(_elsewhere(frames, rng), int(rng.integers(length)))[0] for _ in range(evidence.SAMPLES)]
    shown = [under(planes, n) for n, planes in enumerate(frames)]
    if compressed:
        shown = compression.compressed(shown, 30, compression.draw(rng))
    if still is None:
        few = int(rng.integers(1, 8)) if chance < LONGER + SHORTER else length
        first = int(rng.integers(0, length - few + 1))
        still = [shown[first + n][0] for n in evidence.sampled(few)]
    return shown, covered, still


def _barred(planes: Planes, bar: int) -> Planes:
    """A frame with black bars of `bar` lines, an even number, above and below; limited range."""
    out = tuple(plane.copy() for plane in planes)
    for plane, lines, black in zip(out, (bar, bar // 2, bar // 2), (16, 128, 128), strict=True):
        plane[:lines], plane[len(plane) - lines :] = black, black
    return out


def _before_a_tripod(frames: list[Planes], rng: np.random.Generator) -> list[Planes]:
    """The first frame all through but for a strip, in which the footage goes on; with a sensor's noise."""
    w = frames[0][0].shape[1]
    left, width = 2 * int(rng.integers(w // 2)), 2 * int(rng.integers(w // 4))
    strength = rng.uniform(0, 2.5)
    out = []
    for planes in frames:
        luma, *chroma = (plane.copy() for plane in frames[0])
        for still, plane, step in zip((luma, *chroma), planes, (1, 2, 2), strict=True):
            still[:, left // step : (left + width) // step] = plane[:, left // step : (left + width) // step]
        noise = rng.normal(0, strength, luma.shape).astype(np.float32)
        out.append((np.clip(np.rint(luma + noise), 0, 255).astype(np.uint8), *chroma))
    return out


def _elsewhere(frames: list[Planes], rng: np.random.Generator) -> Planes:
    """A frame as of another scene: one of the footage's own, turned about, of other brightness."""
    planes = frames[int(rng.integers(len(frames)))]
    y, x = (int(step) for step in rng.choice([-1, 1], 2))
    roll = [2 * int(rng.integers(side // 2)) for side in planes[1].shape]
    gain, lift = rng.uniform(0.5, 1.3), rng.uniform(-40, 40)
    turned = [np.roll(p[::y, ::x], [r // (1 if k == 0 else 2) for r in roll], (0, 1)) for k, p in enumerate(planes)]
    luma = np.clip((turned[0] - np.float32(126)) * gain + (126 + lift), 16, 235).astype(np.uint8)
    return luma, *(np.ascontiguousarray(plane) for plane in turned[1:])


def _reduced(covered: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """What is covered of a frame, uint8 [H, W] with a bit per kind, at another `size`."""
    if covered.shape == size:
        return covered
    out = np.zeros(size, np.uint8)
    for k in range(len(LEARNED)):
        share = cv2.resize((covered >> k & 1).astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)
        out |= np.where(share >= COVERED, np.uint8(1 << k), np.uint8(0))
    return out


def enlarged(frames: list[Planes], picture: PictureFormat, lines: int) -> tuple[list[Planes], PictureFormat]:
    """Footage with so many lines, a multiple of 4, and its format."""
    width = 4 * round(picture.width * lines / picture.height / 4)
    sizes = (width, lines), (width // 2, lines // 2), (width // 2, lines // 2)
    larger = [
        tuple(cv2.resize(p, s, interpolation=cv2.INTER_CUBIC) for p, s in zip(planes, sizes, strict=True))
        for planes in frames
    ]
    return larger, replace(picture, width=width, height=lines)


def cut(
    frames: list[Planes],
    picture: PictureFormat,
    covered: np.ndarray,
    lumas: list[np.ndarray],
    rng: np.random.Generator,
) -> Marked:
    """Crops of marked footage, see `mark`, half of them where something is. Raises PictureError where it is too small
    or short."""
    if min(picture.width, picture.height) < SIDE or len(frames) < LENGTH:
        raise PictureError(
            f"at least {SIDE}x{SIDE} and {LENGTH} frames are needed, passed {picture.width}x{picture.height} and "
            f"{len(frames)}"
        )
    views = [evidence.seen(planes, picture) for planes in frames]
    still = evidence.still(evidence.seen((luma, *frames[0][1:]), picture).luma for luma in lumas)
    covered = np.stack([_reduced(bits, still.shape[1:]) for bits in covered])
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
    frames = shards.stretch(frames, rng)
    if rng.random() < ENLARGED:
        frames, picture = enlarged(frames, picture, int(rng.choice(ENLARGED_TO)))
    shown, covered, lumas = mark(frames, picture, rng, job.fonts, job.compressed)
    marked = cut(shown, picture, covered, lumas, rng)
    marked.save(job.target)
    tick()
    return len(marked.luma)

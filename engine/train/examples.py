"""Examples: what the node would hand the network for real footage under a synthetic overlay, with the truth.

The evidence comes from the very code that the node runs (`candidates.Pass`), so that training and serving see the same
data. An example is one tile over LENGTH frames, stored in 8 bits.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from .. import candidates, holes, motion, outputs, tiles
from ..picture import PictureFormat, Planes
from ..synth import compression, overlays

#: Frames of an example.
LENGTH = 6


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Examples of one clip under one overlay. S examples of T frames:

    truth, luma: uint8 [S, T, 64, 64] and [S, T, 4, 64, 64]; truth_chroma, chroma: [S, T, 2, 32, 32] and
    [S, T, 4, 2, 32, 32];
    age: uint8 [S, T, 2, 64, 64]; hole, counted: uint8 [S, T, 64, 64]; flow: float16 [S, T, 2, 16, 16].
    counted: the hole where the truth is known; footage of one's own has an overlay that hides it elsewhere.
    """

    truth: np.ndarray
    truth_chroma: np.ndarray
    luma: np.ndarray
    chroma: np.ndarray
    age: np.ndarray
    hole: np.ndarray
    counted: np.ndarray
    flow: np.ndarray

    FIELDS = ("truth", "truth_chroma", "luma", "chroma", "age", "hole", "counted", "flow")

    def save(self, path: Path) -> None:
        """Write beside `path`, then rename."""
        with outputs.whole(path) as beside, open(beside, "wb") as f:
            np.savez(f, **{name: getattr(self, name) for name in self.FIELDS})

    @classmethod
    def load(cls, path: Path) -> Shard:
        with np.load(path) as stored:
            return cls(**{name: stored[name] for name in cls.FIELDS})


#: What covers the footage, and how often. What moves (`moving`) or is gone most of the time is not among them: one hole
#: stands for all frames of an example.
KINDS = {
    "telemetry": 0.4, "telemetry-systems": 0.25, "subtitles": 0.05, "subtitles-styled": 0.07, "logo": 0.04,
    "logo-transparent": 0.04, "timestamp": 0.05, "blocks": 0.1,
}  # fmt: skip
#: Share of the examples whose footage is compressed with the overlay in it, so that its rings reach beyond the hole.
COMPRESSED = 0.35


def cover(
    frames: list[Planes], picture: PictureFormat, rng: np.random.Generator, fonts: Path | None
) -> tuple[list[Planes], np.ndarray]:
    """Footage as a recording with an overlay shows it, outside the hole, and the hole as users draw it (bool [H, W],
    one for all frames, grown by 1..4 pixels). What is in the hole of the result means nothing.

    fonts: folder of glyph sheets for the displays.
    """
    w, h, length = picture.width, picture.height, len(frames)
    seed, kind = int(rng.integers(1 << 30)), str(rng.choice(list(KINDS), p=list(KINDS.values())))
    sheets = fonts if rng.random() < 0.6 and kind.startswith("telemetry") else None
    squeeze = rng.random() < COMPRESSED
    if kind == "blocks":
        mask = np.zeros((h, w), np.uint8)
        for _ in range(int(rng.integers(4, 10))):
            bh, bw = rng.integers(8, 64, 2)
            y, x = rng.integers(0, h - bh), rng.integers(0, w - bw)
            mask[y : y + bh, x : x + bw] = 255
    else:
        overlay = overlays.make(kind, w, h, length, 30, seed, sheets)
        mask = overlay.static_mask()
        if squeeze:
            frames = [overlays.lay_yuv420(planes, overlay.rgba(n)) for n, planes in enumerate(frames)]
    if squeeze:
        frames = compression.compressed(frames, 30, compression.draw(rng))
    else:
        # Displays sit anywhere, and flips double what a font can show.
        mask = mask[:: rng.choice((1, -1)), :: rng.choice((1, -1))]
    return frames, holes.grown(np.ascontiguousarray(mask), False, 8, int(rng.integers(1, 5)))


def build(
    frames: list[Planes],
    picture: PictureFormat,
    hole: np.ndarray,
    rng: np.random.Generator,
    per_tile: float,
    unknown: np.ndarray | None = None,
    truth: list[Planes] | None = None,
) -> Shard:
    """Examples of one clip.

    frames: as they are seen, their hole is not looked at; truth: as they should be, `frames` where None. hole: bool
    [H, W], where the truth is known; unknown: bool [H, W], a hole where it is not. per_tile: sequences per tile of the
    layout, in the mean.
    """
    cv2.setNumThreads(1)
    counted = hole
    if unknown is not None:
        counted, hole = hole & ~unknown, hole | unknown
    window = range(len(frames))
    truth, frames = truth or frames, [_covered(planes, hole, rng) for planes in frames]
    with ThreadPoolExecutor(2) as workers:
        region = candidates.Regions(picture, workers).of(hole)
        inputs = [motion.prepare(f[0], hole, picture.peak) for f in frames]
        flows = {n: candidates.flow_between(inputs[n], inputs[n + 1], region, region) for n in window[:-1]}
        planes, regions = dict(enumerate(frames)), dict.fromkeys(window, region)
        run = candidates.Pass(picture, window, window, planes, regions, flows, workers, tiles.SQUARE)
    stored: dict[str, list[np.ndarray]] = {name: [] for name in Shard.FIELDS}
    starts = rng.permutation(len(frames) - LENGTH + 1)[: max(1, round(per_tile * 3))]
    for start in starts:
        taken = None
        rows: dict[str, list[np.ndarray]] = {name: [] for name in Shard.FIELDS}
        for n in range(start, start + LENGTH):
            found = run.evidence(n)
            (layer,), (e,) = found.placed.layers, found.evidence
            if taken is None:
                useful = np.flatnonzero(layer.windows[0].read(counted).any((1, 2)))
                taken = np.sort(rng.permutation(useful)[: max(1, round(len(useful) / 3))])
            w = layer.windows
            rows["truth"].append(w[0].read(truth[n][0])[taken])
            rows["truth_chroma"].append(np.stack([w[1].read(truth[n][k])[taken] for k in (1, 2)], 1))
            rows["luma"].append(_bytes(e.luma[taken]))
            rows["chroma"].append(_bytes(e.chroma[taken]))
            rows["age"].append(np.minimum(e.age[taken], 255).astype(np.uint8))
            rows["hole"].append(e.hole[taken].astype(np.uint8))
            rows["counted"].append(w[0].read(counted)[taken].astype(np.uint8))
            rows["flow"].append(e.flow[taken].astype(np.float16))
        for name, values in rows.items():
            stored[name].append(np.stack(values, 1))
    return Shard(**{name: np.concatenate(values) for name, values in stored.items()})


def _covered(planes: Planes, hole: np.ndarray, rng: np.random.Generator) -> Planes:
    """The frame with noise in its hole: whoever reads the hole shall gain nothing."""
    out = []
    for plane in planes:
        where = cv2.resize(hole.view(np.uint8) * 255, plane.shape[::-1], interpolation=cv2.INTER_AREA) > 0
        covered = plane.copy()
        covered[where] = rng.integers(0, 256, int(where.sum()), np.uint8)
        out.append(covered)
    return tuple(out)


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values * 255), 0, 255).astype(np.uint8)

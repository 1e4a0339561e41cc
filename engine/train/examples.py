"""Examples: what the node would hand the network for real footage under a synthetic overlay, with the truth.

The evidence comes from the very code that the node runs (`candidates.Pass`), so that training and serving see the same
data. An example is one tile over LENGTH frames, stored in 8 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from .. import candidates, holes, motion, tiles
from ..errors import PictureError
from ..picture import PictureFormat, Planes
from ..synth import compression, overlays
from .stored import Stored

#: Frames of an example.
LENGTH = 10


@dataclass(frozen=True, kw_only=True)
class Shard(Stored):
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


#: What covers the footage, and how often; and how often one mask of all that it ever shows stands for all frames,
#: instead of one per frame.
KINDS = {
    "telemetry": 0.35, "telemetry-systems": 0.22, "subtitles": 0.06, "subtitles-styled": 0.07, "logo": 0.06,
    "logo-transparent": 0.05, "timestamp": 0.05, "moving": 0.06, "blocks": 0.08,
}  # fmt: skip
STATIC = {"telemetry": 0.85, "telemetry-systems": 0.85, "subtitles": 0.5, "subtitles-styled": 0.5, "moving": 0.0}


def cover(
    frames: list[Planes],
    picture: PictureFormat,
    rng: np.random.Generator,
    fonts: Path | None,
    compressed: bool,
    laid: bool = False,
) -> tuple[list[Planes], list[np.ndarray]]:
    """Footage as a recording with an overlay shows it, outside the hole, and of each frame the hole as users draw it
    (bool [H, W], grown by 1..4 pixels; one array for all frames that share it). What is in the hole of the result means
    nothing, unless the overlay is to be `laid` there.

    fonts: folder of glyph sheets for the displays; compressed: the recording is, with the overlay in it.
    """
    w, h, length = picture.width, picture.height, len(frames)
    seed, kind = int(rng.integers(1 << 30)), str(rng.choice(list(KINDS), p=list(KINDS.values())))
    sheets = fonts if rng.random() < 0.6 and kind.startswith("telemetry") else None
    static = rng.random() < STATIC.get(kind, 1.0)
    if kind == "blocks":
        mask = np.zeros((h, w), np.uint8)
        for _ in range(int(rng.integers(4, 10))):
            bh, bw = rng.integers(8, 64, 2)
            y, x = rng.integers(0, h - bh), rng.integers(0, w - bw)
            mask[y : y + bh, x : x + bw] = 255
        shown, state_of = [mask], [0] * length
        if laid:
            frames = [_covered(planes, mask > 0, rng) for planes in frames]
    else:
        overlay = overlays.make(kind, w, h, length, 30, seed, sheets)
        state_of = [0 if static else overlay.state(n) for n in range(length)]
        first = {state: n for n, state in reversed(list(enumerate(state_of)))}
        shown = {state: overlay.static_mask() if static else overlay.mask(n) for state, n in first.items()}
        if compressed or laid:
            frames = [overlays.lay_yuv420(planes, overlay.rgba(n)) for n, planes in enumerate(frames)]
    flips = 1, 1
    if compressed:
        frames = compression.compressed(frames, 30, compression.draw(rng))
    elif not laid:
        # Displays sit anywhere, and flips double what a font can show.
        flips = rng.choice((1, -1)), rng.choice((1, -1))
    grow = int(rng.integers(1, 5))
    grown = {
        state: holes.grown(np.ascontiguousarray(shown[state][:: flips[0], :: flips[1]]), False, 8, grow)
        for state in set(state_of)
    }
    return frames, [grown[state] for state in state_of]


def build(
    frames: list[Planes],
    picture: PictureFormat,
    hole: Sequence[np.ndarray],
    rng: np.random.Generator,
    per_tile: float,
    unknown: np.ndarray | None = None,
    truth: list[Planes] | None = None,
) -> Shard:
    """Examples of one clip.

    frames: as they are seen, their hole is not looked at; truth: as they should be, `frames` where None. hole: of each
    frame, bool [H, W], where the truth is known; unknown: bool [H, W], a hole where it is not. per_tile: sequences per
    tile of the layout, in the mean. A tile is taken where the hole touches it in all frames of a sequence. Raises
    PictureError where there is none.
    """
    cv2.setNumThreads(1)
    counted = list(hole)
    if unknown is not None:
        each = {id(h): (h & ~unknown, h | unknown) for h in counted}
        counted, hole = ([each[id(h)][k] for h in hole] for k in (0, 1))
    window = range(len(frames))
    truth, frames = truth or frames, [_covered(planes, h, rng) for planes, h in zip(frames, hole, strict=True)]
    with ThreadPoolExecutor(2) as workers:
        known = candidates.Regions(picture, workers)
        regions = {n: known.of(hole[n]) for n in window}
        inputs = [motion.prepare(f[0], h, picture.peak) for f, h in zip(frames, hole, strict=True)]
        flows = {n: candidates.flow_between(inputs[n], inputs[n + 1], regions[n], regions[n + 1]) for n in window[:-1]}
        planes = dict(enumerate(frames))
        run = candidates.Pass(picture, window, window, planes, regions, flows, workers, tiles.SQUARE)
    stored: dict[str, list[np.ndarray]] = {name: [] for name in Shard.FIELDS}
    starts = rng.permutation(len(frames) - LENGTH + 1)[: max(1, round(per_tile * 3))]
    for start in starts:
        sequence = [run.evidence(n) for n in range(start, start + LENGTH)]
        if None in sequence:
            continue
        taken = None
        for n, found in enumerate(sequence, start):
            (layer,) = found.placed.layers
            useful = layer.active[layer.windows[0].read(counted[n]).any((1, 2))]
            taken = useful if taken is None else np.intersect1d(taken, useful)
        taken = np.sort(rng.permutation(taken)[: max(1, round(len(taken) / 3))])
        rows: dict[str, list[np.ndarray]] = {name: [] for name in Shard.FIELDS}
        for n, found in enumerate(sequence, start):
            (layer,), (e,) = found.placed.layers, found.evidence
            at, w = np.searchsorted(layer.active, taken), layer.windows
            rows["truth"].append(w[0].read(truth[n][0])[at])
            rows["truth_chroma"].append(np.stack([w[1].read(truth[n][k])[at] for k in (1, 2)], 1))
            rows["luma"].append(_bytes(e.luma[at]))
            rows["chroma"].append(_bytes(e.chroma[at]))
            rows["age"].append(np.minimum(e.age[at], 255).astype(np.uint8))
            rows["hole"].append(e.hole[at].astype(np.uint8))
            rows["counted"].append(w[0].read(counted[n])[at].astype(np.uint8))
            rows["flow"].append(e.flow[at].astype(np.float16))
        for name, values in rows.items():
            stored[name].append(np.stack(values, 1))
    if not sum(map(len, stored["truth"])):
        raise PictureError(f"no hole stays in one place for {LENGTH} frames")
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

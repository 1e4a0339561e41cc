"""Cases: a clean clip with a synthetic overlay laid over it, so that the truth under the overlay is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from zlib import crc32

import cv2
import numpy as np

from ..footage import decoded
from ..holes import grown
from ..picture import PictureFormat, Planes
from ..settings import Settings
from ..synth import overlays
from ..synth.glyphs import Fonts


@dataclass(frozen=True, kw_only=True)
class Case:
    """One clip under one overlay, 8-bit YUV 4:2:0.

    truth, overlaid: planes of every frame. holes: bool [H, W] of every frame, not grown; frames that share
    a hole
    share the array (a static mask is one array). kind: one of `overlays.KINDS`.
    """

    name: str
    kind: str
    seed: int
    fps: Fraction
    picture: PictureFormat
    truth: Sequence[Planes] = field(repr=False)
    overlaid: Sequence[Planes] = field(repr=False)
    holes: Sequence[np.ndarray] = field(repr=False)

    @property
    def length(self) -> int:
        return len(self.truth)

    @property
    def static(self) -> bool:
        """One hole stands for all frames."""
        return all(hole is self.holes[0] for hole in self.holes)

    @property
    def coverage(self) -> float:
        """Mean share of the frame that the hole covers before it is grown."""
        return float(np.mean([hole.mean() for hole in self.holes]))

    def grown(self, grow: int = Settings.grow) -> list[np.ndarray]:
        """Holes grown as the node grows its mask; shared arrays stay shared."""
        made = {id(hole): grown(hole.astype(np.uint8) * 255, False, 8, grow) for hole in self.holes}
        return [made[id(hole)] for hole in self.holes]


def plane_hole(hole: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """The hole on a plane of any subsampling: a sample is in it where any of its luma samples is."""
    if hole.shape == plane.shape:
        return hole
    rows, columns = -(-hole.shape[0] // plane.shape[0]), -(-hole.shape[1] // plane.shape[1])
    padded = np.zeros((plane.shape[0] * rows, plane.shape[1] * columns), bool)
    padded[: hole.shape[0], : hole.shape[1]] = hole
    return padded.reshape(plane.shape[0], rows, plane.shape[1], columns).any((1, 3))


def load(
    path: str | Path,
    overlay: str = "telemetry",
    seed: int = 1,
    frames: int | None = None,
    fonts: Fonts = None,
) -> Case:
    """Read a clip and lay an overlay over it. The overlay differs from clip to clip and repeats with the
    seed.

    overlay: `telemetry` has one hole for all frames that covers every state of the display, the others one
    hole
    per state; `logo` never changes. Raises OsdcleanError where the clip cannot be read.
    """
    path = Path(path)
    truth, picture, fps = decoded(path, frames)
    # Each clip gets a display of its own: one layout for all would measure that layout.
    own = crc32(f"{seed}/{path.stem}".encode())
    made = overlays.make(overlay, picture.width, picture.height, len(truth), float(fps), own, fonts)
    overlaid = [overlays.lay_yuv420(planes, made.rgba(n)) for n, planes in enumerate(truth)]
    if overlay == "telemetry":
        holes = [made.static_mask() > 0] * len(truth)
    else:
        states = {made.state(n): made.mask(n) > 0 for n in range(len(truth))}
        holes = [states[made.state(n)] for n in range(len(truth))]
    return Case(
        name=path.stem,
        kind=overlay,
        seed=seed,
        fps=fps,
        picture=picture,
        truth=truth,
        overlaid=overlaid,
        holes=holes,
    )


def regions(hole: np.ndarray, reach: int) -> tuple[np.ndarray, list[tuple[slice, slice]]]:
    """Parts of a hole that lie further than 2 * `reach` pixels apart.

    Returns int32 labels [H, W] (0 outside the hole) and the bounding box of each label from 1 on.
    """
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    count, labels = cv2.connectedComponents(cv2.dilate(hole.astype(np.uint8), kernel), connectivity=8)
    labels = np.where(hole, labels, 0)
    boxes = []
    for label in range(1, count):
        y, x = np.nonzero(labels == label)
        boxes.append((slice(int(y.min()), int(y.max()) + 1), slice(int(x.min()), int(x.max()) + 1)))
    return labels, boxes

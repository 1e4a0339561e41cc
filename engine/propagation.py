"""Propagation: for every sample of the hole, the place in another frame where the same thing is seen uncovered.

The policy:
1. A sample follows the flow to its neighbour frame. Where it lands on a clean sample, that is its source.
2. Where it lands in that frame's hole, it takes over the source of the hole sample it landed on, with the motion added:
   one step per frame, however far the source lies, and the source's picture is sampled once, never a resampled one.
3. A path that moves less than a pixel a frame lands on its own place again and again. So the motion to some earlier
   frames (anchors: dense nearby, sparse far away) is summed up beside it, and as soon as it leads out of that frame's
   hole, that frame is a source too. The nearest in time of all sources is taken.
4. A source is one only if the sample nearest to it is clean; this is asked anew in each frame. It is read with a
   bicubic kernel (chroma at less than luma's size: bilinearly) where all of the kernel's support is clean, else from
   what of the four samples around is clean: a gap of one pixel between two glyphs is worth having.
5. A sample that leaves the picture, or crosses a scene cut, has no source.
6. A ring around the hole follows the motion of the nearest hole sample, so that what came along can be compared with
   what is there. A drift of the path shows there as a shift: it is measured per cell (Lucas and Kanade, IJCAI 1981,
   with the frame's own gradient as in inverse composition: Baker and Matthews, IJCV 2004) and taken out of the paths,
   so that the next frame continues from a path without drift. Light goes the same way: what a source must be raised by
   to fit this frame is summed up along the path, and corrected by what is left of it in the ring.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from . import kernels

#: Half the support of the bicubic kernel.
SUPPORT = 2
#: Ring around the hole that is brought along for comparison, in pixels.
RING = 8
#: Width of the part of the ring in which drift is measured, side of the cells and number of corrections per frame.
#: Measured on ten train clips (mean PSNR of the nearer source): no correction 23.8 dB, in the output alone 24.1,
#: carried on along the paths 25.3; on nine of them twice per frame: 0.4 more, cells of 16 pixels: 0.2 less.
PROBE, CELL, CORRECTIONS = 6, 8, 2
#: How a cell weighs its neighbours (a Gaussian, sigma 1), and the miss in code values that counts half: with 16 instead
#: of 80 the nearer source loses 0.4 dB.
BLUR, MISS = np.float32([0.05448868, 0.24420134, 0.40261996, 0.24420134, 0.05448868]), 80.0
#: Every how many frames one is followed beside, up to which age, and the same for the slowest cameras. Measured on
#: twelve train clips (mean PSNR of the nearer source): every 10th frame to 60 alone 27.32 dB, every 5th to 30 27.54,
#: every 4th to 16 and 12th to 60 27.60; every 2nd to 8 instead of 4th to 16: 0.05 more.
ANCHOR, NEAR, FAR_ANCHOR, FAR = 2, 8, 12, 60
#: No source.
NOWHERE = -1


@dataclass(frozen=True, kw_only=True)
class Veil:
    """What of a plane may not be read: hole, bool [h, w], and near, where the bicubic kernel would touch it."""

    hole: np.ndarray
    near: np.ndarray


def veil(hole: np.ndarray) -> Veil:
    """The veil of a plane's hole."""
    return Veil(hole=hole, near=square_reach(hole, SUPPORT))


@dataclass(frozen=True, kw_only=True)
class Domain:
    """Where one hole needs sources: its samples, and a ring around them.

    y, x: int32 [N], samples of the hole first (`hole_count`), then the ring.
    nearest: int32 [N], for each sample the number of the hole sample whose motion it follows.
    veil: of the hole on luma. probe_y, probe_x, probe_follows: int32 [P], samples of the ring in which drift is
    measured and the hole samples they follow. cells: int32, flat numbers of the cells from which the hole takes its
    correction.
    """

    y: np.ndarray
    x: np.ndarray
    hole_count: int
    nearest: np.ndarray
    veil: Veil
    probe_y: np.ndarray
    probe_x: np.ndarray
    probe_follows: np.ndarray
    cells: np.ndarray


def square_reach(hole: np.ndarray, reach: int) -> np.ndarray:
    """`hole` (bool [H, W]) grown by `reach` pixels in each direction, corners included."""
    return cv2.dilate(hole.view(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)).view(bool)


def domain(hole: np.ndarray) -> Domain:
    """The domain of one grown hole, bool [H, W]."""
    height, width = hole.shape
    parts = [np.nonzero(part) for part in (hole, square_reach(hole, RING) & ~hole)]
    y = np.concatenate([p[0] for p in parts]).astype(np.int32)
    x = np.concatenate([p[1] for p in parts]).astype(np.int32)
    count = len(parts[0][0])
    near, label = cv2.distanceTransformWithLabels(
        (~hole).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    number = np.zeros(int(label.max()) + 1, np.int32)
    number[label[y[:count], x[:count]]] = np.arange(count)
    nearest = np.concatenate([np.arange(count, dtype=np.int32), number[label[y[count:], x[count:]]]])
    # The gradient at a probe must not see the hole; every second sample says as much as all.
    clean = ~square_reach(hole, 1)[y, x] & (near[y, x] <= PROBE)
    inside = (y > 0) & (x > 0) & (y < height - 1) & (x < width - 1)
    probe = np.flatnonzero(clean & inside & ((x + y) % 2 == 0))
    # Those that hold a hole sample, and their neighbours, between which it lies.
    rows, columns = cell_grid(hole.shape)
    held = np.zeros((rows, columns), np.uint8)
    held[y[:count] // CELL, x[:count] // CELL] = 1
    return Domain(
        y=y,
        x=x,
        hole_count=count,
        nearest=nearest,
        veil=veil(hole),
        probe_y=y[probe],
        probe_x=x[probe],
        probe_follows=nearest[probe],
        cells=np.flatnonzero(cv2.dilate(held, np.ones((3, 3), np.uint8))).astype(np.int32),
    )


def cell_grid(shape: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of the cells over a picture of `shape`."""
    return -(-shape[0] // CELL), -(-shape[1] // CELL)


def sample(plane: np.ndarray, x: np.ndarray, y: np.ndarray, interpolation: int = cv2.INTER_CUBIC) -> np.ndarray:
    """`plane` ([H, W] or [H, W, C]) at fractional positions: float32 [N] or [N, C]."""
    source = plane if plane.dtype != np.float16 else plane.astype(np.float32)
    # OpenCV's maps are two-dimensional and at most 32767 wide.
    rows = -(-len(x) // 1024)
    at = np.zeros((2, rows * 1024), np.float32)
    at[0, : len(x)], at[1, : len(x)] = x, y
    out = (
        cv2.remap(
            source, at[0].reshape(rows, 1024), at[1].reshape(rows, 1024), interpolation, borderMode=cv2.BORDER_REPLICATE
        )
        if rows
        else np.zeros((0,) + plane.shape[2:])
    )
    return out.reshape((rows * 1024,) + plane.shape[2:])[: len(x)].astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Per hole sample of a domain: frame, int32 [hole], NOWHERE if there is none; and motion, float32 [hole, 3]: the
    way to the source (x, y in pixels), and by how much its luma must be raised to fit this frame (8-bit code values).
    """

    frame: np.ndarray
    motion: np.ndarray

    @classmethod
    def none(cls, count: int) -> Sources:
        return cls(frame=np.full(count, NOWHERE, np.int32), motion=np.zeros((count, 3), np.float32))


_KINDS = {np.dtype(t): k for k, t in enumerate((np.uint8, np.uint16, np.float32, np.float16))}


class Stack:
    """One plane of successive frames, and what of it may not be read, as the kernels take them: by address.

    planes: frame number -> [H, W], all of one type; veils: of the same plane and frames, None where there is no hole.
    """

    def __init__(self, planes: Mapping[int, np.ndarray], veils: Mapping[int, Veil | None]) -> None:
        self.first = min(planes)
        frames = range(self.first, self.first + len(planes))
        # Samples of a row must lie side by side; the arrays live as long as their addresses do.
        kept = [planes[n] if planes[n].strides[1] == planes[n].itemsize else planes[n].copy() for n in frames]
        over = [veils[n] for n in frames]
        self._kept = kept, over
        self.shape = kept[0].shape
        self.kind = _KINDS[kept[0].dtype]
        self.planes = np.array([p.ctypes.data for p in kept], np.uint64)
        self.strides = np.array([p.strides[0] for p in kept], np.int64)
        self.holes = np.array([0 if v is None else v.hole.ctypes.data for v in over], np.uint64)
        self.near = np.array([0 if v is None else v.near.ctypes.data for v in over], np.uint64)


class Tracker:
    """One direction's walk over the frames of a pass; `step` once per frame, in the order of the direction.

    luma: the luma of every frame of the pass; peak: its full scale.
    """

    def __init__(self, luma: Stack, peak: float) -> None:
        self._luma, self._peak = luma, peak
        #: Number of a hole sample of the frame before, by place.
        self._number = np.full(luma.shape, -1, np.int32)
        self._numbered: Domain | None = None
        self._sources = Sources.none(0)
        #: Frames that are followed beside, and the motion to them: int32 [A] and float32 [A, hole, 3], NaN if unknown.
        self._anchors = np.zeros(0, np.int32)
        self._to_anchors = np.zeros((0, 0, 3), np.float32)
        self._missed = np.zeros((0, 3), np.float32)
        self._before: int | None = None
        rows, columns = cell_grid(luma.shape)
        self._sums = np.zeros((rows, columns, 9), np.float32)
        self._shift = np.zeros((rows, columns, 3), np.float32)

    def step(self, n: int, now: Domain | None, flow: np.ndarray | None) -> Sources | None:
        """Sources of frame `n`; None where it has no hole.

        flow: from `n` to the frame of the step before, float32 [hole, 3] (x, y, light); None at the pass's first frame
        and across a scene cut.
        """
        sources = None
        if now is None:
            self._forget(0)
        elif flow is None or self._before is None:
            sources = Sources.none(now.hole_count)
            self._forget(now.hole_count)
        else:
            sources = self._follow(n, now, flow)
        if self._numbered is not now:
            if self._numbered is not None:
                self._number[self._numbered.veil.hole] = -1
            if now is not None:
                self._number[now.y[: now.hole_count], now.x[: now.hole_count]] = np.arange(
                    now.hole_count, dtype=np.int32
                )
            self._numbered = now
        self._sources, self._before = sources or Sources.none(0), n
        return sources

    def _forget(self, count: int) -> None:
        """Follow no anchors from this frame, of `count` hole samples, on."""
        self._anchors, self._to_anchors = self._anchors[:0], self._to_anchors[:0]
        self._missed = np.zeros((count, 3), np.float32)

    def _follow(self, n: int, now: Domain, flow: np.ndarray) -> Sources:
        before, count, luma = self._before, now.hole_count, self._luma
        y, x = now.y[:count], now.x[:count]
        # The newest comes first: it is the nearest.
        fresh = int(before % ANCHOR == 0)
        anchors = self._anchors
        to_anchors = np.empty((len(anchors) + fresh, count, 3), np.float32)
        sources = Sources.none(count)
        kernels.follow(
            self._number, y, x, flow, before, luma.holes, luma.first, self._sources.frame, self._sources.motion,
            anchors, self._to_anchors, self._missed, sources.frame, sources.motion, to_anchors[fresh:],
        )  # fmt: skip
        # The ways to the anchors share what the last step of the flow missed; it is added with their next step. To
        # correct them as well is worth 0.3 dB for the nearer source.
        self._missed = np.zeros((count, 3), np.float32)
        if fresh:
            to_anchors[0] = flow
        for _ in range(CORRECTIONS):
            self._correct(n, now, sources)
        if fresh:
            anchors = np.append(np.int32(before), anchors)
        age = np.abs(anchors - n)
        kept = (age <= NEAR) | ((anchors % FAR_ANCHOR == 0) & (age <= FAR))
        self._anchors, self._to_anchors = (anchors, to_anchors) if kept.all() else (anchors[kept], to_anchors[kept])
        return sources

    def _correct(self, n: int, now: Domain, sources: Sources) -> None:
        """Take out of the sources by what they miss frame `n` around the hole."""
        luma = self._luma
        self._sums[...] = 0
        kernels.drift(
            n, luma.planes, luma.strides, luma.kind, luma.holes, luma.near, luma.first, *luma.shape, now.probe_y,
            now.probe_x, now.probe_follows, sources.frame, sources.motion, 255 / self._peak, MISS, CELL, self._sums,
        )  # fmt: skip
        kernels.shifts(self._sums, BLUR, now.cells, self._shift)
        kernels.correct(
            now.y[: now.hole_count], now.x[: now.hole_count], self._shift, CELL, luma.holes, luma.first, *luma.shape,
            sources.frame, sources.motion, self._missed,
        )  # fmt: skip


def brought(
    n: int,
    plane: Stack,
    y: np.ndarray,
    x: np.ndarray,
    follows: np.ndarray,
    luma: Stack,
    domain: Domain,
    sources: Sources,
    light: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Samples (y, x: int32 [S]) of a plane as seen in the sources of the luma samples that they follow (int32 [S],
    numbers in the domain): values in the plane's scale, NaN where there is no source, and frames to it, 0 where none;
    both float32 [S]. light: code values of the plane per 8-bit code value of light.
    """
    values, ages = np.empty(len(y), np.float32), np.empty(len(y), np.float32)
    step = [round(a / b) for a, b in zip(luma.shape, plane.shape, strict=True)]
    kernels.bring(
        n, plane.planes, plane.strides, plane.kind, plane.holes, plane.near, plane.first, *plane.shape, y, x, follows,
        *step, luma.holes, *luma.shape, domain.y, domain.x, domain.nearest, domain.hole_count, sources.frame,
        sources.motion, light, step == [1, 1], values, ages,
    )  # fmt: skip
    return values, ages

"""Propagation: for every sample of the hole, the place in another frame where the same thing is seen uncovered.

The policy:
1. A sample follows the flow to its neighbour frame. Where it lands on a clean sample, that is its source.
2. Where it lands in that frame's hole, it takes over the source of the hole sample it landed on, with the motion added:
   one step per frame, however far the source lies, and the source's picture is sampled once, never a resampled one.
3. A path that moves less than a pixel a frame lands on its own place again and again. So the motion to every ANCHOR-th
   frame is summed up beside it, and as soon as it leads out of that frame's hole, that frame is a source too. The
   nearest in time of all sources is taken.
4. A source is one only if the sample nearest to it is clean; this is asked anew in each frame. It is read with a
   bicubic kernel where all of the kernel's support is clean, else bilinearly from what of the four samples around is
   clean: a gap of one pixel between two glyphs is worth having.
5. A sample that leaves the picture, or crosses a scene cut, has no source.
6. A ring around the hole follows the motion of the nearest hole sample, so that what came along can be compared with
   what is there. A drift of the path shows there as a shift: it is measured per cell (Lucas and Kanade, IJCAI 1981,
   with the frame's own gradient as in inverse composition: Baker and Matthews, IJCV 2004) and taken out of the paths,
   so that the next frame continues from a path without drift.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

#: Half the support of the bicubic kernel.
SUPPORT = 2
#: Ring around the hole that is brought along for comparison, in pixels.
RING = 8
#: Width of the part of the ring in which drift is measured, side of the cells and number of corrections per frame.
#: Measured on ten train clips (mean PSNR of the nearer source): no correction 23.8 dB, in the output alone 24.1,
#: carried on along the paths 25.3; on nine of them twice per frame: 0.4 more, cells of 16 pixels: 0.2 less.
PROBE, CELL, CORRECTIONS = 6, 8, 2
#: Frames between two anchors, and how many of them are followed: 60 frames of reach for the slowest camera.
ANCHOR, ANCHORS = 10, 6
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
    veil: of the hole on luma. probe: int32 [P], samples of the ring in which drift is measured.
    """

    y: np.ndarray
    x: np.ndarray
    hole_count: int
    nearest: np.ndarray
    veil: Veil
    probe: np.ndarray


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
    probe = np.flatnonzero(clean & inside & ((x + y) % 2 == 0)).astype(np.int32)
    return Domain(y=y, x=x, hole_count=count, nearest=nearest, veil=veil(hole), probe=probe)


def rows(pairs: np.ndarray, index: np.ndarray) -> np.ndarray:
    """`pairs[index]` for float32 [N, 2]: a pair is read as one number, which is twice as fast."""
    return pairs.view(np.complex64).ravel()[index].view(np.float32).reshape(-1, 2)


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


def gather(
    planes: Mapping[int, np.ndarray],
    veils: Mapping[int, Veil | None],
    frame: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    interpolation: int = cv2.INTER_CUBIC,
) -> np.ndarray:
    """Samples at (frame, x, y) from the planes of many frames, float32 [N]; NaN where `frame` is NOWHERE or no clean
    sample is at hand. veils: of the same planes, None where a frame has no hole."""
    out = np.full(len(frame), np.nan, np.float32)
    order = np.argsort(frame, kind="stable")
    frames, first = np.unique(frame[order], return_index=True)
    bounds = np.append(first, len(order))
    for k, n in enumerate(frames):
        if n == NOWHERE:
            continue
        some = order[bounds[k] : bounds[k + 1]]
        plane, over = planes[int(n)], veils[int(n)]
        out[some] = sample(plane, x[some], y[some], interpolation)
        if over is not None:
            touching = some[over.near.ravel()[_nearest(plane.shape, x[some], y[some])]]
            out[touching] = _beside(plane, over.hole, x[touching], y[touching])
    return out


def _nearest(shape: tuple[int, int], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Flat index of the sample nearest to each place."""
    h, w = shape
    return np.clip(np.rint(y), 0, h - 1).astype(np.int32) * w + np.clip(np.rint(x), 0, w - 1).astype(np.int32)


def _beside(plane: np.ndarray, hole: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bilinear samples from what of the four samples around is outside the hole; NaN where none is."""
    h, w = plane.shape
    x0, y0 = np.floor(x), np.floor(y)
    total, weight = np.zeros(len(x), np.float32), np.zeros(len(x), np.float32)
    for dy in (0, 1):
        for dx in (0, 1):
            ix = np.clip(x0 + dx, 0, w - 1).astype(np.int32)
            iy = np.clip(y0 + dy, 0, h - 1).astype(np.int32)
            # A weight of nothing would leave nothing where the only clean sample lies straight under the place.
            share = (1 - np.abs(x - (x0 + dx)) + 1e-3) * (1 - np.abs(y - (y0 + dy)) + 1e-3) * ~hole[iy, ix]
            total += share * plane[iy, ix]
            weight += share
    with np.errstate(invalid="ignore"):
        return total / weight


def seen(
    veils: Mapping[int, Veil | None], shape: tuple[int, int], frame: np.ndarray, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Where luma at (frame, x, y) is clean: bool [N], False also outside the picture and where NOWHERE.

    veils: frame number -> `Domain.veil` of that frame, None where it has no hole.
    """
    height, width = shape
    good = (frame != NOWHERE) & (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    some = np.flatnonzero(good)
    flat = _nearest(shape, x[some], y[some])
    times = frame[some]
    for time in np.unique(times):
        over = veils[int(time)]
        if over is not None:
            which = times == time
            good[some[which]] = ~over.hole.ravel()[flat[which]]
    return good


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Per hole sample of a domain: source frame (int32, NOWHERE if none), displacement to it (float32, pixels)."""

    frame: np.ndarray
    dx: np.ndarray
    dy: np.ndarray


class Tracker:
    """One direction's walk over the frames of a pass; `step` once per frame, in the order of the direction.

    luma: frame number -> [H, W] luma of every frame of the pass; peak: its full scale.
    """

    def __init__(self, luma: Mapping[int, np.ndarray], peak: float) -> None:
        self._luma, self._peak = luma, peak
        self._shape = next(iter(luma.values())).shape
        #: Number of a hole sample of the frame before, by place.
        self._number = np.full(self._shape, -1, np.int32)
        self._numbered: Domain | None = None
        self._veils: dict[int, Veil | None] = {}
        self._sources: Sources | None = None
        #: Anchor frame -> motion to it, float32 [hole, 2], NaN where none is known.
        self._anchors: dict[int, np.ndarray] = {}
        self._before: int | None = None

    def step(self, n: int, now: Domain | None, flow: np.ndarray | None) -> Sources | None:
        """Sources of frame `n`; None where it has no hole.

        flow: from `n` to the frame of the step before, float32 [hole, 2]; None at the pass's first frame and
        across a scene cut.
        """
        sources = None
        if now is None:
            self._anchors.clear()
        elif flow is None or self._before is None:
            sources = Sources(
                frame=np.full(now.hole_count, NOWHERE, np.int32),
                dx=np.zeros(now.hole_count, np.float32),
                dy=np.zeros(now.hole_count, np.float32),
            )
            self._anchors.clear()
        else:
            sources, chosen = self._follow(now, flow)
            for _ in range(CORRECTIONS):
                sources = self._corrected(now, sources, self._drift(n, now, sources.frame, sources.dx, sources.dy))
            for anchor, motion in self._anchors.items():
                own = chosen == anchor
                motion[own, 0], motion[own, 1] = sources.dx[own], sources.dy[own]
        if self._numbered is not now:
            if self._numbered is not None:
                self._number[self._numbered.veil.hole] = -1
            if now is not None:
                self._number[now.y[: now.hole_count], now.x[: now.hole_count]] = np.arange(
                    now.hole_count, dtype=np.int32
                )
            self._numbered = now
        self._sources, self._before = sources, n
        self._veils[n] = None if now is None else now.veil
        return sources

    def _follow(self, now: Domain, flow: np.ndarray) -> tuple[Sources, np.ndarray]:
        """(sources, the anchor each came from or NOWHERE) before drift is taken out."""
        before, (height, width) = self._before, self._shape
        y, x = now.y[: now.hole_count], now.x[: now.hole_count]
        ix, iy = np.rint(x + flow[:, 0]).astype(np.int32), np.rint(y + flow[:, 1]).astype(np.int32)
        inside = (ix >= 0) & (iy >= 0) & (ix < width) & (iy < height)
        flat = np.clip(iy, 0, height - 1) * width + np.clip(ix, 0, width - 1)
        landed_on = self._number.ravel()[flat]
        covered = landed_on >= 0
        frame = np.where(inside & ~covered, np.int32(before), np.int32(NOWHERE))
        motion = flow.copy()
        chosen = np.full(now.hole_count, NOWHERE, np.int32)
        # A clean landing says nothing about older frames: there the sample's own place goes on (motion is smooth).
        older = np.where(covered, landed_on, self._number[y, x])
        strangers = older < 0
        strangers = strangers if strangers.any() else None
        if self._sources is not None:
            had = self._sources
            self._offer(
                now,
                frame,
                motion,
                chosen,
                None,
                np.where(covered, had.frame[landed_on], NOWHERE),
                rows(np.stack([had.dx, had.dy], 1), landed_on) + flow,
            )
        anchors = {}
        for anchor, known in sorted(self._anchors.items(), key=lambda item: abs(item[0] - before)):
            if len(anchors) == ANCHORS:
                break
            there = rows(known, older)
            there += flow
            if strangers is not None:
                there[strangers] = np.nan
            anchors[anchor] = there
            self._offer(now, frame, motion, chosen, anchor, anchor, there)
        if before % ANCHOR == 0:
            anchors[before] = flow.copy()
        self._anchors = anchors
        return Sources(frame=frame, dx=motion[:, 0], dy=motion[:, 1]), chosen

    def _offer(
        self,
        now: Domain,
        frame: np.ndarray,
        motion: np.ndarray,
        chosen: np.ndarray,
        anchor: int | None,
        offered: np.ndarray | int,
        there: np.ndarray,
    ) -> None:
        """Take the sources (frames `offered`, motion `there`) where they are clean and nearer than what there is."""
        before = self._before
        nearer = (frame == NOWHERE) | (np.abs(offered - before) < np.abs(frame - before))
        some = np.flatnonzero((offered != NOWHERE) & nearer)
        times, moved = np.broadcast_to(offered, frame.shape)[some], rows(there, some)
        good = seen(self._veils, self._shape, times, now.x[some] + moved[:, 0], now.y[some] + moved[:, 1])
        some = some[good]
        frame[some], motion[some] = times[good], moved[good]
        chosen[some] = NOWHERE if anchor is None else anchor

    def _corrected(self, now: Domain, sources: Sources, shift: np.ndarray) -> Sources:
        """The sources moved by `shift`, save those that it would move into a hole."""
        dx, dy = sources.dx + shift[:, 0], sources.dy + shift[:, 1]
        x, y = now.x[: now.hole_count] + dx, now.y[: now.hole_count] + dy
        good = seen(self._veils, self._shape, sources.frame, x, y)
        return Sources(frame=sources.frame, dx=np.where(good, dx, sources.dx), dy=np.where(good, dy, sources.dy))

    def _drift(self, n: int, now: Domain, frame: np.ndarray, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
        """Shift (x, y) of the hole samples, float32 [hole, 2], by which what came along misses frame `n`."""
        luma = self._luma[n]
        follow = now.nearest[now.probe]
        y, x = now.y[now.probe], now.x[now.probe]
        sx, sy = x + dx[follow], y + dy[follow]
        use = seen(self._veils, self._shape, frame[follow], sx, sy)
        y, x = y[use], x[use]
        brought = gather(self._luma, self._veils, frame[follow[use]], sx[use], sy[use], cv2.INTER_LINEAR)
        scale = np.float32(255 / self._peak)
        e = (luma[y, x].astype(np.float32) - brought) * scale
        gx = (luma[y, x + 1].astype(np.float32) - luma[y, x - 1]) * (scale / 2)
        gy = (luma[y + 1, x].astype(np.float32) - luma[y - 1, x]) * (scale / 2)
        # Large misses are something else than drift (occlusion, another object): they count less.
        w = 1 / (1 + (e * np.float32(1 / 16)) ** 2)
        wx, wy = w * gx, w * gy
        ch, cw = -(-luma.shape[0] // CELL), -(-luma.shape[1] // CELL)
        cell = (y // CELL) * cw + x // CELL
        sums = [
            np.bincount(cell, weights=v, minlength=ch * cw).astype(np.float32).reshape(ch, cw)
            for v in (w, wx, wy, w * e, wx * gx, wx * gy, wy * gy, wx * e, wy * e)
        ]
        s, sx, sy, se, xx, xy, yy, xe, ye = (
            cv2.GaussianBlur(v, (5, 5), 1.0, borderType=cv2.BORDER_CONSTANT) for v in sums
        )
        s = np.maximum(s, 1e-3)
        # Brightness may have changed between the frames: only what varies in space counts.
        xx, xy, yy, xe, ye = xx - sx * sx / s, xy - sx * sy / s, yy - sy * sy / s, xe - sx * se / s, ye - sy * se / s
        damp = 4.0 * s + 4.0  # the variance of noise, and one sample of doubt
        xx, yy = xx + damp, yy + damp
        det = xx * yy - xy * xy
        shift = cv2.merge([np.clip((yy * xe - xy * ye) / det, -1, 1), np.clip((xx * ye - xy * xe) / det, -1, 1)])
        # Bilinear between cell centres, so that neighbours move alike.
        px, py = now.x[: now.hole_count], now.y[: now.hole_count]
        return sample(shift, (px + 0.5) / CELL - 0.5, (py + 0.5) / CELL - 0.5, cv2.INTER_LINEAR)

"""Candidates: what a pass knows about the samples of its holes, laid out in tiles for the network.

For each frame: the picture with its hole filled from the frame itself (in two ways), the same as seen in an earlier and
in a later frame (along the paths of `propagation`), how many frames away, and the motion to the frame before. The
network sees the picture in 0..1 as luma and chroma (neutral at 0.5); RGB passes through a fixed full-range transform.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from threading import Lock

import cv2
import numpy as np

from . import kernels, motion, propagation, spatial, tiles
from .errors import PictureError
from .picture import PictureFormat, Planes

#: Side of the grid on which a tile knows its motion.
FLOW_GRID = 16
#: BT.709 weights; any fixed invertible transform would do, since it is undone sample by sample.
_TO_YUV = np.array(
    [[0.2126, 0.7152, 0.0722], [-0.2126 / 1.8556, -0.7152 / 1.8556, 0.5], [0.5, -0.7152 / 1.5748, -0.0722 / 1.5748]],
    np.float32,
)
_TO_RGB = np.linalg.inv(_TO_YUV).astype(np.float32)
_NEUTRAL = np.array([0, 0.5, 0.5], np.float32)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known about one frame's tiles; all float32.

    luma: [K, 4, 64, 64], chroma: [K, 4, 2, h, w] (its own size): the picture filled under tension, filled as a plate,
        from before, from after.
    age: [K, 2, 64, 64], frames to the source before and after, 0 where there is none.
    hole: [K, 64, 64], 1 in the hole. flow: [K, 2, 16, 16], motion (x, y) to the frame before in pixels.
    linked: whether the frame before belongs to the same scene, so that state may come from it.
    """

    luma: np.ndarray
    chroma: np.ndarray
    age: np.ndarray
    hole: np.ndarray
    flow: np.ndarray
    linked: bool


@dataclass(frozen=True, kw_only=True)
class _PlaneSamples:
    """Samples of a domain on one plane: y, x [N] with the hole's first; the luma sample each follows."""

    y: np.ndarray
    x: np.ndarray
    hole_count: int
    follows: np.ndarray


@dataclass(kw_only=True)
class Region:
    """All that depends on one hole alone, shared by all frames with this hole: domain, samples per plane, and per plane
    the fills, under tension and as a plate."""

    hole: np.ndarray
    domain: propagation.Domain
    luma: _PlaneSamples
    chroma: _PlaneSamples
    fills: tuple[tuple[spatial.Fill, spatial.Fill], ...]
    veils: tuple[propagation.Veil, propagation.Veil]


@dataclass(kw_only=True)
class Placed:
    """Where the samples of a region stand in the tiles of one frame: shown, the number of the sample at each place (-1
    where none), and owner, the flat place that owns each hole sample; both for luma and chroma."""

    origins: np.ndarray
    windows: tuple[tiles.Windows, tiles.Windows]
    shown: tuple[np.ndarray, np.ndarray]
    owner: tuple[np.ndarray, np.ndarray]
    hole: np.ndarray


class Regions:
    """Regions by hole, so that a static mask (or a display that shows the same digits again) is worked out once."""

    def __init__(self, picture: PictureFormat, keep: int = 64) -> None:
        self._picture, self._keep = picture, keep
        self._cells = spatial.Cells(spatial.TENSE), spatial.Cells(spatial.PLATE)
        self._regions: dict[bytes, Region] = {}
        self._last: tuple[np.ndarray, Region | None] | None = None

    def of(self, hole: np.ndarray) -> Region | None:
        """The region of a hole, bool [H, W]; None where it is empty."""
        if self._last is not None and self._last[0] is hole:
            return self._last[1]
        region = None
        if hole.any():
            key = np.packbits(hole).tobytes()
            region = self._regions.get(key)
            if region is None:
                while len(self._regions) >= self._keep:
                    del self._regions[next(iter(self._regions))]
                region = self._regions[key] = self._build(hole)
        self._last = (hole, region)
        return region

    def _build(self, hole: np.ndarray) -> Region:
        p = self._picture
        self._check(hole)
        domain = propagation.domain(hole)
        everything = np.arange(len(domain.y), dtype=np.int32)
        luma = _PlaneSamples(y=domain.y, x=domain.x, hole_count=domain.hole_count, follows=everything)
        fill = tuple(spatial.Fill(hole, cells) for cells in self._cells)
        if p.family != "YUV" or (p.subsampling_h, p.subsampling_w) == (0, 0):
            return Region(
                hole=hole,
                domain=domain,
                luma=luma,
                chroma=luma,
                fills=(fill,) * p.plane_count,
                veils=(domain.veil, domain.veil),
            )
        shape = p.plane_shape(1)
        cell = (domain.y >> p.subsampling_h) * shape[1] + (domain.x >> p.subsampling_w)
        # The first of a cell's luma samples stands for it; the hole's come first, so one in the hole wins.
        cells, first = np.unique(cell, return_index=True)
        # The hole's cells first here too, each part in the plane's order, which is that of the fills.
        order = np.argsort(first >= domain.hole_count, kind="stable")
        cells, first = cells[order], first[order].astype(np.int32)
        chroma = _PlaneSamples(
            y=(cells // shape[1]).astype(np.int32),
            x=(cells % shape[1]).astype(np.int32),
            hole_count=int((first < domain.hole_count).sum()),
            follows=first,
        )
        small = np.zeros(shape, bool)
        small[chroma.y[: chroma.hole_count], chroma.x[: chroma.hole_count]] = True
        self._check(small)
        other = tuple(spatial.Fill(small, cells) for cells in self._cells)
        return Region(
            hole=hole,
            domain=domain,
            luma=luma,
            chroma=chroma,
            fills=(fill, other, other),
            veils=(domain.veil, propagation.veil(small)),
        )

    @staticmethod
    def _check(hole: np.ndarray) -> None:
        if hole.all():
            raise PictureError(
                "mask must leave some of the picture uncovered, passed one that covers all of "
                f"{hole.shape[1]}x{hole.shape[0]} once grown; is it inverted?"
            )


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Motion between neighbours n and n + 1, where it is needed alone.

    forth: float32 [samples of n's hole, 3], to n + 1: x, y and light as in `motion.between`; back: the same for n + 1's
    hole, to n; None where there is no hole. field: float16 [h, w, 2], the motion back on a grid of `step` luma pixels,
    for the state's way.
    """

    forth: np.ndarray | None
    back: np.ndarray | None
    field: np.ndarray
    step: int


def flow_between(a: motion.FlowInput, b: motion.FlowInput, region_a: Region | None, region_b: Region | None) -> Flow:
    """Measure the motion between two neighbouring frames."""
    forth, back = motion.between(a, b)
    step = 2 * a.factor
    return Flow(
        forth=_in_hole(forth, region_a, step),
        back=_in_hole(back, region_b, step),
        field=back[..., :2].astype(np.float16),
        step=step,
    )


def _in_hole(field: np.ndarray, region: Region | None, step: int) -> np.ndarray | None:
    if region is None:
        return None
    d = region.domain
    return _at(field, d.y[: d.hole_count], d.x[: d.hole_count], step)


def _at(field: np.ndarray, y: np.ndarray, x: np.ndarray, step: int) -> np.ndarray:
    """A field on a grid of `step` luma pixels at luma places, float32 [N, 2]."""
    f = np.float32(1 / step)
    return propagation.sample(field, (x + 0.5) * f - 0.5, (y + 0.5) * f - 0.5, cv2.INTER_LINEAR)


class Pass:
    """One pass over the frames of a window.

    frames: frame number -> planes; regions: frame number -> region of its hole; wanted: the frames whose evidence will
    be asked for; flows: n -> motion between n and n + 1, None across a cut; workers: has at least two threads.
    """

    def __init__(
        self,
        picture: PictureFormat,
        window: range,
        wanted: range,
        frames: Mapping[int, Planes],
        regions: Mapping[int, Region | None],
        flows: Mapping[int, Flow | None],
        workers: Executor,
    ) -> None:
        self._picture, self._frames, self._flows, self._wanted = picture, frames, flows, wanted
        self._region = regions
        # RGB: green carries most of the luma, and no sample needs to be mixed.
        self._main = 1 if picture.family == "RGB" else 0
        union = np.zeros((picture.height, picture.width), bool)
        for n in wanted:
            if self._region[n] is not None:
                union |= self._region[n].hole
        self._origins = tiles.lay(union)
        #: Held while what many frames share is looked up or made; `evidence` may be called from several threads.
        self._shared = Lock()
        self._placed: tuple[Region, np.ndarray, Placed] | None = None
        self._fills: dict[int, tuple[np.ndarray, ...]] = {}
        self._stacks = [
            propagation.Stack(
                {n: frames[n][k] for n in window},
                {n: None if regions[n] is None else regions[n].veils[self._is_chroma(k)] for n in window},
            )
            for k in range(picture.plane_count)
        ]
        # The walks end where nothing more is wanted.
        first, last = window.start, window.stop
        before = workers.submit(self._walk, range(first, wanted.stop), -1)
        after = workers.submit(self._walk, range(last - 1, wanted.start - 1, -1), 1)
        self._before, self._after = before.result(), after.result()

    def _walk(self, order: range, towards: int) -> dict[int, propagation.Sources | None]:
        tracker = propagation.Tracker(self._stacks[self._main], self._picture.peak)
        found = {}
        for n in order:
            region = self._region[n]
            flow = None
            if region is not None and n != order.start:
                pair = self._flows[min(n, n + towards)]
                flow = None if pair is None else pair.forth if towards > 0 else pair.back
            sources = tracker.step(n, None if region is None else region.domain, flow)
            if n in self._wanted:
                found[n] = sources
        return found

    def _place(self, region: Region) -> tuple[np.ndarray, Placed]:
        """(numbers of the tiles this region touches, places in them)."""
        if self._placed is not None and self._placed[0] is region:
            return self._placed[1:]
        p = self._picture
        whole = tiles.windows(self._origins, p.height, p.width)
        inside = region.luma.y[: region.luma.hole_count], region.luma.x[: region.luma.hole_count]
        active = np.flatnonzero((tiles.numbers(whole, *inside, (p.height, p.width)) >= 0).any((1, 2)))
        origins = self._origins[active]
        ss = (p.subsampling_h, p.subsampling_w)
        at = (tiles.windows(origins, p.height, p.width), tiles.windows(origins, *p.plane_shape(1), *ss))
        shown, owner = [], []
        for w, s, shape, sub in (
            (at[0], region.luma, p.plane_shape(0), (0, 0)),
            (at[1], region.chroma, p.plane_shape(1), ss),
        ):
            shown.append(tiles.numbers(w, s.y, s.x, shape))
            owner.append(tiles.owned(w, origins, s.y[: s.hole_count], s.x[: s.hole_count], shape, *sub))
        hole = at[0].read(region.hole).astype(np.float32)
        placed = Placed(origins=origins, windows=at, shown=tuple(shown), owner=tuple(owner), hole=hole)
        self._placed = (region, active, placed)
        return active, placed

    def _fill(self, n: int) -> tuple[tuple[np.ndarray, ...], ...]:
        """The spatial fills of each plane's hole samples; worked out for a run of frames with the same hole at once."""
        if n not in self._fills:
            region = self._region[n]
            run = [n]
            while len(run) < 16 and run[-1] + 1 in self._wanted and self._region[run[-1] + 1] is region:
                run.append(run[-1] + 1)
            # Planes of one geometry go through the fills together.
            planes, geometry = range(self._picture.plane_count), region.fills
            alike = [[p for p in planes if geometry[p] is fills] for fills in dict.fromkeys(geometry)]
            per_plane = {}
            for some in alike:
                pictures = [self._frames[m][p] for p in some for m in run]
                filled = [fill(pictures).reshape(len(some), len(run), -1) for fill in geometry[some[0]]]
                per_plane.update((p, [f[k] for f in filled]) for k, p in enumerate(some))
            self._fills = {
                m: tuple(tuple(f[k] for f in per_plane[p]) for p in planes) for k, m in enumerate(run)
            }
        return self._fills[n]

    def evidence(self, n: int) -> tuple[np.ndarray, Placed, Evidence] | None:
        """(numbers of the tiles, their places, evidence) of a wanted frame; None where it has no hole."""
        region = self._region[n]
        if region is None:
            return None
        p = self._picture
        with self._shared:
            active, placed = self._place(region)
            fill = self._fill(n)
        count, size = len(active), tiles.SIZE
        sides = self._before[n], self._after[n]
        shapes = [placed.windows[self._is_chroma(k)].shape for k in range(p.plane_count)]
        laid = [np.empty((count, 4, *shape), np.float32) for shape in shapes]
        age = np.empty((count, 2, size, size), np.float32)
        for k, pictures in enumerate(laid):
            chroma = self._is_chroma(k)
            samples, w, shown = (region.chroma if chroma else region.luma), placed.windows[chroma], placed.shown[chroma]
            stack = self._stacks[k]
            light = 0 if k and p.family == "YUV" else p.peak / 255
            seen = [
                propagation.brought(
                    n, stack, samples.y, samples.x, samples.follows, self._stacks[self._main], region.domain, s, light
                )
                for s in sides
            ]
            kernels.lay(
                stack.planes[n - stack.first], stack.strides[n - stack.first], stack.kind, w.y, w.x, shown,
                samples.hole_count, *fill[k], *(values for values, _ in seen), 1 / p.peak,
                0.5 if p.floating and k and p.family == "YUV" else 0, pictures,
            )  # fmt: skip
            if k == 0:
                kernels.lay_ages(shown, *(ages for _, ages in seen), age)
        luma, chroma = self._split(laid)
        linked = n > self._wanted.start and self._region[n - 1] is not None
        flow = self._flows[n - 1] if linked else None
        return (
            active,
            placed,
            Evidence(
                luma=luma,
                chroma=chroma,
                age=age,
                hole=placed.hole,
                flow=_tile_flow(flow, placed.origins),
                linked=flow is not None,
            ),
        )

    def _is_chroma(self, plane: int) -> bool:
        """Whether a plane has samples of its own: the chroma of YUV."""
        return plane > 0 and self._picture.family == "YUV"

    def _split(self, planes: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """(luma [K, 4, 64, 64], chroma [K, 4, 2, h, w]) of the planes' tiles, each [K, 4, h, w]."""
        if self._picture.family == "GRAY":
            shape = planes[0].shape[:2]
            return planes[0], np.full((*shape, 2, tiles.SIZE // 2, tiles.SIZE // 2), 0.5, np.float32)
        if self._picture.family == "RGB":
            yuv = np.einsum("ij,jkphw->kpihw", _TO_YUV, np.stack(planes)) + _NEUTRAL[:, None, None]
            return np.ascontiguousarray(yuv[:, :, 0]), yuv[:, :, 1:]
        return planes[0], np.stack(planes[1:], 2)

    def patch(
        self, n: int, placed: Placed, luma: np.ndarray, chroma: np.ndarray
    ) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """Per plane the flat indices of hole samples and their new values in the clip's own type.

        luma: float32 [K, 64, 64], chroma: float32 [K, 2, h, w], the network's picture.
        """
        p, region = self._picture, self._region[n]
        out = []
        values = [luma.ravel()[placed.owner[0]]]
        if p.family == "RGB":
            yuv = np.stack(values + [np.ascontiguousarray(chroma[:, c]).ravel()[placed.owner[0]] for c in (0, 1)])
            values = list(_TO_RGB @ (yuv - _NEUTRAL[:, None]))
        elif p.family == "YUV":
            values += [np.ascontiguousarray(chroma[:, c]).ravel()[placed.owner[1]] for c in (0, 1)]
        for k, v in enumerate(values):
            samples = region.luma if k == 0 or p.family == "RGB" else region.chroma
            y, x = samples.y[: samples.hole_count], samples.x[: samples.hole_count]
            index = y.astype(np.int64) * p.plane_shape(k)[1] + x
            if p.floating:
                native = (v - (0.5 if k and p.family == "YUV" else 0)).astype(p.dtype)
            else:
                native = np.clip(np.rint(v * p.peak), 0, p.peak).astype(p.dtype)
            out.append((index, native))
        return tuple(out)


def _tile_flow(flow: Flow | None, origins: np.ndarray) -> np.ndarray:
    """Motion to the frame before on the tiles' own grid, float32 [K, 2, FLOW_GRID, FLOW_GRID]; zero where unknown."""
    k, g = len(origins), FLOW_GRID
    if flow is None:
        return np.zeros((k, 2, g, g), np.float32)
    step = tiles.SIZE // g
    at = np.arange(g, dtype=np.float32) * step + (step - 1) / 2
    y = np.broadcast_to((origins[:, :1] + at)[:, :, None], (k, g, g)).ravel()
    x = np.broadcast_to((origins[:, 1:] + at)[:, None, :], (k, g, g)).ravel()
    moved = _at(flow.field, y, x, flow.step)
    return np.ascontiguousarray(moved.reshape(k, g, g, 2).transpose(0, 3, 1, 2))

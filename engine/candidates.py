"""Candidates: what a pass knows about the samples of its holes, laid out in tiles for the network.

For each frame: the picture with its hole filled from the frame itself (in two ways), the same as seen in an earlier and
in a later frame (along the paths of `propagation`), how many frames away, and the motion to the frame before. The
network sees the picture in 0..1 as luma and chroma (neutral at 0.5); RGB passes through a fixed full-range transform.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from threading import Lock

import cv2
import numpy as np

from . import kernels, motion, propagation, spatial, tiles
from .holes import require_clean
from .picture import PictureFormat, Planes

#: Luma pixels per step of the grid on which a tile knows its motion.
FLOW_STEP = 4
#: BT.709 weights; any fixed invertible transform would do, since it is undone sample by sample.
_TO_YUV = np.array(
    [[0.2126, 0.7152, 0.0722], [-0.2126 / 1.8556, -0.7152 / 1.8556, 0.5], [0.5, -0.7152 / 1.5748, -0.0722 / 1.5748]],
    np.float32,
)
_TO_RGB = np.linalg.inv(_TO_YUV).astype(np.float32)
_NEUTRAL = np.array([0, 0.5, 0.5], np.float32)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known about one frame's tiles of one shape H x W; all float32.

    luma: [K, 4, H, W], chroma: [K, 4, 2, h, w] (its own size): the picture filled under tension, filled as a plate,
        from before, from after.
    age: [K, 2, H, W], frames to the source before and after, 0 where there is none.
    hole: [K, H, W], 1 in the hole. flow: [K, 2, H/4, W/4], motion (x, y) to the frame before in pixels.
    """

    luma: np.ndarray
    chroma: np.ndarray
    age: np.ndarray
    hole: np.ndarray
    flow: np.ndarray


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
class Layer:
    """Tiles of one shape that one hole touches, and how the samples of its region stand in them: active, their numbers
    in the pass's layout; windows, for luma and chroma; shown, the number of the sample at each place (-1 where none),
    likewise; hole, float32 [K, H, W]."""

    tiles: tiles.Tiles
    active: np.ndarray
    windows: tuple[tiles.Windows, tiles.Windows]
    shown: tuple[np.ndarray, np.ndarray]
    hole: np.ndarray


@dataclass(kw_only=True)
class Placed:
    """A region in the layout of a pass: a layer for each of its shapes, and owner, the flat place (in the tiles of all
    layers) that owns each hole sample; for luma and chroma."""

    layers: tuple[Layer, ...]
    owner: tuple[np.ndarray, np.ndarray]


@dataclass(kw_only=True)
class Found:
    """One frame's evidence: where its samples stand, what is known in each layer, and whether the frame before belongs
    to the same scene, so that state may come from it."""

    placed: Placed
    evidence: tuple[Evidence, ...]
    linked: bool


class Regions:
    """Regions by hole, so that a static mask (or a display that shows the same digits again) is worked out once."""

    def __init__(self, picture: PictureFormat, workers: Executor, keep: int = 64) -> None:
        self._picture, self._workers, self._keep = picture, workers, keep
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
        require_clean(hole)
        domain = propagation.domain(hole)
        everything = np.arange(len(domain.y), dtype=np.int32)
        luma = _PlaneSamples(y=domain.y, x=domain.x, hole_count=domain.hole_count, follows=everything)
        if p.family != "YUV" or (p.subsampling_h, p.subsampling_w) == (0, 0):
            return Region(
                hole=hole,
                domain=domain,
                luma=luma,
                chroma=luma,
                fills=(self._filled(hole)[0],) * p.plane_count,
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
        require_clean(small)
        fill, other = self._filled(hole, small)
        return Region(
            hole=hole,
            domain=domain,
            luma=luma,
            chroma=chroma,
            fills=(fill, other, other),
            veils=(domain.veil, propagation.veil(small)),
        )

    def _filled(self, *of: np.ndarray) -> list[tuple[spatial.Fill, ...]]:
        """For each hole its two fills; each kind of fill is worked out by one worker, who alone uses its cells."""
        made = self._workers.map(lambda cells: [spatial.Fill(hole, cells) for hole in of], self._cells)
        return list(zip(*made, strict=True))


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Motion between neighbours n and n + 1, where it is needed alone.

    forth: [samples of n's hole, 3], to n + 1: x, y and light as in `motion.between`; back: the same for the hole of
    n + 1, to n; None where there is no hole. field: [h, w, 2], the motion back on a grid of `step` luma pixels, for the
    state's way. All float16: a whole window of them is kept, and finer than that no flow is measured.
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
    return _at(field, d.y[: d.hole_count], d.x[: d.hole_count], step).astype(np.float16)


def _at(field: np.ndarray, y: np.ndarray, x: np.ndarray, step: int) -> np.ndarray:
    """A field on a grid of `step` luma pixels at luma places, float32 [N, 2]."""
    f = np.float32(1 / step)
    return propagation.sample(field, (x + 0.5) * f - 0.5, (y + 0.5) * f - 0.5, cv2.INTER_LINEAR)


class Pass:
    """One pass over the frames of a window.

    frames: frame number -> planes; regions: frame number -> region of its hole; wanted: the frames whose evidence will
    be asked for; flows: n -> motion between n and n + 1, None across a cut; workers: has at least two threads; shapes:
    of the tiles.
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
        shapes: Sequence[tuple[int, int]] = tiles.SHAPES,
    ) -> None:
        self._picture, self._frames, self._flows, self._wanted = picture, frames, flows, wanted
        self._region = regions
        # RGB: green carries most of the luma, and no sample needs to be mixed.
        self._main = 1 if picture.family == "RGB" else 0
        union = np.zeros((picture.height, picture.width), bool)
        for n in wanted:
            if self._region[n] is not None:
                union |= self._region[n].hole
        self._layout = tiles.lay(union, shapes)
        #: Held while what many frames share is looked up or made; `evidence` may be called from several threads.
        self._shared = Lock()
        self._placed: tuple[Region, Placed] | None = None
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
                flow = None if pair is None else (pair.forth if towards > 0 else pair.back).astype(np.float32)
            sources = tracker.step(n, None if region is None else region.domain, flow)
            if n in self._wanted:
                found[n] = sources
        return found

    def _place(self, region: Region) -> Placed:
        """Where this region's samples stand."""
        if self._placed is not None and self._placed[0] is region:
            return self._placed[1]
        p = self._picture
        ss = (p.subsampling_h, p.subsampling_w)
        shapes = p.plane_shape(0), p.plane_shape(1)
        samples = region.luma, region.chroma
        layers = []
        for laid in self._layout:
            touched = tiles.windows(laid, *shapes[0]).read(region.hole).any((1, 2))
            active = np.flatnonzero(touched)
            mine = laid[active]
            at = tiles.windows(mine, *shapes[0]), tiles.windows(mine, *shapes[1], *ss)
            shown = tuple(tiles.numbers(w, s.y, s.x, shape) for w, s, shape in zip(at, samples, shapes, strict=True))
            hole = at[0].read(region.hole).astype(np.float32)
            layers.append(Layer(tiles=mine, active=active, windows=at, shown=shown, hole=hole))
        owner = tuple(
            tiles.owned([y.windows[k] for y in layers], s.y[: s.hole_count], s.x[: s.hole_count], shapes[k], *sub)
            for k, (s, sub) in enumerate(zip(samples, ((0, 0), ss), strict=True))
        )
        placed = Placed(layers=tuple(layers), owner=owner)
        self._placed = (region, placed)
        return placed

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

    def evidence(self, n: int) -> Found | None:
        """What is known about a wanted frame; None where it has no hole."""
        region = self._region[n]
        if region is None:
            return None
        p = self._picture
        with self._shared:
            placed = self._place(region)
            fill = self._fill(n)
        seen = []
        for k in range(p.plane_count):
            samples = region.chroma if self._is_chroma(k) else region.luma
            light = 0 if k and p.family == "YUV" else p.peak / 255
            seen.append(
                [
                    propagation.brought(
                        n, self._stacks[k], samples.y, samples.x, samples.follows, self._stacks[self._main],
                        region.domain, sources, light,
                    )
                    for sources in (self._before[n], self._after[n])
                ]
            )  # fmt: skip
        linked = n > self._wanted.start and self._region[n - 1] is not None
        flow = self._flows[n - 1] if linked else None
        known = tuple(self._lay(n, region, layer, fill, seen, flow) for layer in placed.layers)
        return Found(placed=placed, evidence=known, linked=flow is not None)

    def _lay(
        self,
        n: int,
        region: Region,
        layer: Layer,
        fill: tuple[tuple[np.ndarray, ...], ...],
        seen: list[list[tuple[np.ndarray, np.ndarray]]],
        flow: Flow | None,
    ) -> Evidence:
        """The evidence of one layer, from each plane's fills and what was brought to it from before and after."""
        p, laid = self._picture, []
        age = np.empty((len(layer.active), 2, *layer.tiles.shape), np.float32)
        for k, sides in enumerate(seen):
            chroma = self._is_chroma(k)
            samples, w, shown = (region.chroma if chroma else region.luma), layer.windows[chroma], layer.shown[chroma]
            pictures = np.empty((len(layer.active), 4, *w.shape), np.float32)
            stack = self._stacks[k]
            kernels.lay(
                stack.planes[n - stack.first], stack.strides[n - stack.first], stack.kind, w.y, w.x, shown,
                samples.hole_count, *fill[k], *(values for values, _ in sides), 1 / p.peak,
                0.5 if p.floating and k and p.family == "YUV" else 0, pictures,
            )  # fmt: skip
            laid.append(pictures)
            if k == 0:
                kernels.lay_ages(shown, *(ages for _, ages in sides), age)
        luma, chroma = self._split(laid)
        return Evidence(luma=luma, chroma=chroma, age=age, hole=layer.hole, flow=_tile_flow(flow, layer.tiles))

    def _is_chroma(self, plane: int) -> bool:
        """Whether a plane has samples of its own: the chroma of YUV."""
        return plane > 0 and self._picture.family == "YUV"

    def _split(self, planes: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """(luma [K, 4, H, W], chroma [K, 4, 2, h, w]) of the planes' tiles, each [K, 4, h, w]."""
        if self._picture.family == "GRAY":
            k, four, h, w = planes[0].shape
            return planes[0], np.full((k, four, 2, h // 2, w // 2), 0.5, np.float32)
        if self._picture.family == "RGB":
            yuv = np.einsum("ij,jkphw->kpihw", _TO_YUV, np.stack(planes)) + _NEUTRAL[:, None, None]
            return np.ascontiguousarray(yuv[:, :, 0]), yuv[:, :, 1:]
        return planes[0], np.stack(planes[1:], 2)

    def patch(
        self, n: int, placed: Placed, luma: Sequence[np.ndarray], chroma: Sequence[np.ndarray]
    ) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """Per plane the flat indices of hole samples and their new values in the clip's own type.

        luma: float32 [K, 1, H, W], chroma: float32 [K, 2, h, w], the network's picture, for each layer.
        """
        p, region = self._picture, self._region[n]
        owner = placed.owner
        values = [np.concatenate([picture.ravel() for picture in luma])[owner[0]]]
        if p.family != "GRAY":
            where = owner[int(p.family == "YUV")]
            values += [np.concatenate([picture[:, c].ravel() for picture in chroma])[where] for c in (0, 1)]
        if p.family == "RGB":
            values = list(_TO_RGB @ (np.stack(values) - _NEUTRAL[:, None]))
        out = []
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


def _tile_flow(flow: Flow | None, laid: tiles.Tiles) -> np.ndarray:
    """Motion to the frame before on the tiles' own grid, float32 [K, 2, H/4, W/4]; zero where unknown."""
    k, (h, w) = len(laid.origins), (side // FLOW_STEP for side in laid.shape)
    if flow is None:
        return np.zeros((k, 2, h, w), np.float32)
    rows, columns = (np.arange(side, dtype=np.float32) * FLOW_STEP + (FLOW_STEP - 1) / 2 for side in (h, w))
    y = np.broadcast_to((laid.origins[:, :1] + rows)[:, :, None], (k, h, w)).ravel()
    x = np.broadcast_to((laid.origins[:, 1:] + columns)[:, None, :], (k, h, w)).ravel()
    moved = _at(flow.field, y, x, flow.step)
    return np.ascontiguousarray(moved.reshape(k, h, w, 2).transpose(0, 3, 1, 2))

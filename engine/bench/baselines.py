"""What people have used so far, each as a function (frames, holes) -> restored frames.

frames: planes of 8 bits, luma first, chroma of any subsampling. holes: bool [H, W] of luma, grown. Every
function leaves what lies outside the holes as it was. They take no hint of the overlay and nothing of
osdclean's own engine.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec

import cv2
import numpy as np

from ..picture import Planes
from .cases import plane_hole, regions

Fill = Callable[[Sequence[Planes], Sequence[np.ndarray]], Iterator[Planes]]
#: Frames each way that the temporal median looks at.
MEDIAN_REACH = 5
_TELEA_RADIUS = 3


def _per_plane(fill: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Fill:
    """A method that fills each plane of each frame for itself."""

    def run(frames: Sequence[Planes], holes: Sequence[np.ndarray]) -> Iterator[Planes]:
        for planes, hole in zip(frames, holes, strict=True):
            out = []
            for plane in planes:
                inside = plane_hole(hole, plane)
                out.append(np.where(inside, fill(plane, inside), plane) if inside.any() else plane)
            yield tuple(out)

    return run


def _telea(plane: np.ndarray, inside: np.ndarray) -> np.ndarray:
    return cv2.inpaint(plane, inside.astype(np.uint8), _TELEA_RADIUS, cv2.INPAINT_TELEA)


def _navier_stokes(plane: np.ndarray, inside: np.ndarray) -> np.ndarray:
    return cv2.inpaint(plane, inside.astype(np.uint8), _TELEA_RADIUS, cv2.INPAINT_NS)


def _biharmonic(plane: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """scikit-image's `inpaint_biharmonic`, region by region in tight crops.

    Its own `split_into_regions` would read unfilled neighbours two pixels away as if they were known, so
    regions are
    parted here, where everything that is not known is in the crop's mask.
    """
    from skimage.restoration import inpaint_biharmonic

    out = plane.copy()
    labels, boxes = regions(inside, 2)
    for label, (rows, columns) in enumerate(boxes, 1):
        y0, x0 = max(0, rows.start - 3), max(0, columns.start - 3)
        at = slice(y0, rows.stop + 3), slice(x0, columns.stop + 3)
        if inside[at].all():
            out[at] = _telea(plane, inside)[at]
            continue
        filled = inpaint_biharmonic(plane[at].astype(np.float64) / 255, inside[at], split_into_regions=False)
        own = labels[at] == label
        out[at][own] = np.clip(np.round(filled[own] * 255), 0, 255).astype(np.uint8)
    return out


def temporal_median(frames: Sequence[Planes], holes: Sequence[np.ndarray]) -> Iterator[Planes]:
    """Median of the samples that the +-5 frames around show at the same place; Telea where none does."""
    for n, (planes, hole) in enumerate(zip(frames, holes, strict=True)):
        near = range(max(0, n - MEDIAN_REACH), min(len(frames), n + MEDIAN_REACH + 1))
        out = []
        for p, plane in enumerate(planes):
            inside = plane_hole(hole, plane)
            filled = np.where(inside, _telea(plane, inside), plane) if inside.any() else plane.copy()
            y, x = np.nonzero(inside)
            seen = np.stack([~plane_hole(holes[m], plane)[y, x] for m in near])
            if seen.any():
                samples = np.stack([frames[m][p][y, x] for m in near]).astype(np.float32)
                samples[~seen] = np.nan
                some = seen.any(0)
                filled[y[some], x[some]] = np.round(np.nanmedian(samples[:, some], 0)).astype(np.uint8)
            out.append(filled)
        yield tuple(out)


def flow_propagation(frames: Sequence[Planes], holes: Sequence[np.ndarray]) -> Iterator[Planes]:
    """The previous restored frame warped into the hole again and again, from both ends.

    Flow is OpenCV's DIS on luma whose hole is filled by Telea first; its "fast" preset is up to 3 dB better
    here than "medium", whose finer scales follow the fill. What arrives from both ends is averaged, each
    weighted by the other's age in frames; Telea fills where nothing arrives.
    """
    spatial = list(_per_plane(_telea)(frames, holes))
    luma = [np.ascontiguousarray(planes[0]) for planes in spatial]
    count = len(frames)
    forward = _pass_over(range(count), spatial, luma, holes)
    backward = _pass_over(range(count - 1, -1, -1), spatial, luma, holes)
    for n in range(count):
        out = []
        for p, plane in enumerate(spatial[n]):
            filled = plane.copy()
            (a, age_a), (b, age_b) = forward[n][p], backward[n][p]
            some = np.isfinite(age_a) | np.isfinite(age_b)
            age_a, age_b = np.minimum(age_a, 1e6), np.minimum(age_b, 1e6)
            mixed = (a * age_b + b * age_a) / np.maximum(age_a + age_b, 1)
            y, x = np.nonzero(plane_hole(holes[n], plane))
            filled[y[some], x[some]] = np.clip(np.round(mixed[some]), 0, 255)
            out.append(filled)
        yield tuple(out)


def _pass_over(
    order: Sequence[int], spatial: Sequence[Planes], luma: Sequence[np.ndarray], holes: Sequence[np.ndarray]
) -> list[list[tuple[np.ndarray, np.ndarray]]]:
    """Frames restored in `order`: per frame and plane the hole's samples and ages (infinite: none came)."""
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    out: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in spatial]
    before: list[tuple[np.ndarray, np.ndarray]] = []
    last = -1
    for n in order:
        flow = dis.calc(luma[n], luma[last], None) if before else None
        whole = []
        for p, plane in enumerate(spatial[n]):
            inside = plane_hole(holes[n], plane)
            age = np.where(inside, np.float32(np.inf), np.float32(0))
            filled = plane.astype(np.float32)
            if flow is not None and inside.any():
                _arrive(filled, age, inside, flow, *before[p])
            whole.append((filled, age))
            out[n].append((filled[inside], age[inside]))
        before, last = whole, n
    return out


def _arrive(
    filled: np.ndarray,
    age: np.ndarray,
    inside: np.ndarray,
    flow: np.ndarray,
    source: np.ndarray,
    source_age: np.ndarray,
) -> None:
    """Warp `source` along `flow` (luma pixels) into the hole of one plane, in place."""
    h, w = filled.shape
    scale_x, scale_y = w / flow.shape[1], h / flow.shape[0]
    if (scale_x, scale_y) != (1, 1):
        flow = cv2.resize(flow, (w, h), interpolation=cv2.INTER_AREA) * np.float32([scale_x, scale_y])
    y, x = np.nonzero(inside)
    # One row of positions: the hole is a few percent of the frame. cv2.remap wants fewer than 32767 columns.
    for part in np.array_split(np.arange(len(y)), max(1, -(-len(y) // 30000))):
        py, px = y[part], x[part]
        at_x = (px + flow[py, px, 0]).astype(np.float32)[None]
        at_y = (py + flow[py, px, 1]).astype(np.float32)[None]
        inside_frame = (at_x[0] >= 0) & (at_x[0] <= w - 1) & (at_y[0] >= 0) & (at_y[0] <= h - 1)
        reached = cv2.remap(np.isfinite(source_age).astype(np.float32), at_x, at_y, cv2.INTER_LINEAR)[0] > 0.5
        use = inside_frame & reached
        moved = cv2.remap(source, at_x, at_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)[0]
        steps = cv2.remap(source_age, at_x, at_y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)[0] + 1
        filled[py[use], px[use]] = np.clip(moved[use], 0, 255)
        age[py[use], px[use]] = steps[use]


BASELINES: dict[str, Fill] = {
    "telea": _per_plane(_telea),
    "ns": _per_plane(_navier_stokes),
    "biharmonic": _per_plane(_biharmonic),
    "median": temporal_median,
    "flow": flow_propagation,
}


def source_of(name: str) -> str:
    """Source code that decides a baseline's result: its own, and Telea's where it leans on that."""
    own = {
        "telea": (_telea,),
        "ns": (_navier_stokes,),
        "biharmonic": (_biharmonic, regions, _telea),
        "median": (temporal_median, _telea),
        "flow": (flow_propagation, _pass_over, _arrive, _telea),
    }
    return "".join(inspect.getsource(one) for one in own[name]) + f"{MEDIAN_REACH} {_TELEA_RADIUS}"


def missing(name: str) -> str | None:
    """Why a baseline cannot run here, None where it can."""
    if name == "biharmonic" and find_spec("skimage") is None:
        return "scikit-image is not installed (pip install 'vapoursynth-osdclean[bench]')"
    return None

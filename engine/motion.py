"""Dense motion between two neighbouring frames, believable inside the hole.

The overlay stands still and drags any flow inside the hole towards zero. So the hole is filled before the flow is
measured (its edges must not attract patches) and what was measured inside the grown hole is replaced by a smooth fill
from outside, weighted by forward-backward agreement (push-pull on a pyramid: Gortler et al., The Lumigraph, 1996).
Flow is DIS (Kroeger et al., Fast Optical Flow using Dense Inverse Search, ECCV 2016) on luma at reduced size.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

#: The flow is measured on at most this many pixels; larger pictures are halved until they fit.
FLOW_PIXELS = 600_000
#: Pixels of the reduced picture around the hole whose flow the overlay may still have dragged along.
DRAG = 8


@dataclass(frozen=True, kw_only=True)
class FlowInput:
    """What motion needs of one frame: reduced luma with its hole filled, and where flow is not to be believed.

    luma: uint8 [h, w]; doubtful: bool [h, w]; factor: luma pixels per reduced pixel.
    """

    luma: np.ndarray
    doubtful: np.ndarray
    factor: int


def reduction(width: int, height: int) -> int:
    """Power of two by which luma is reduced before the flow is measured."""
    factor = 1
    while width * height > FLOW_PIXELS * factor * factor and min(width, height) // (2 * factor) >= 16:
        factor *= 2
    return factor


def push_pull(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Smooth field that equals `values` where `weight` is 1 and flows in from there where it is 0.

    values: float32 [h, w, c]; weight: float32 [h, w] in 0..1. Nowhere any weight: zeros.
    """
    levels = [(values * weight[..., None], weight)]
    while min(levels[-1][1].shape) > 2:
        v, w = levels[-1]
        size = ((w.shape[1] + 1) // 2, (w.shape[0] + 1) // 2)
        v = cv2.resize(v, size, interpolation=cv2.INTER_AREA)
        w = cv2.resize(w, size, interpolation=cv2.INTER_AREA)
        # A coarse pixel that saw a little of the known is known: growing weights shorten the way inwards.
        grown = np.minimum(w * 4, 1)
        levels.append((v.reshape(*w.shape, -1) * (grown / np.maximum(w, 1e-6))[..., None], grown))
    v, w = levels[-1]
    total = float(w.sum())
    field = np.broadcast_to(v.sum((0, 1)) / total if total > 1e-6 else np.zeros(v.shape[2], np.float32), v.shape)
    for v, w in reversed(levels):
        up = cv2.resize(np.ascontiguousarray(field, np.float32), w.shape[::-1], interpolation=cv2.INTER_LINEAR)
        field = v + up.reshape(v.shape) * (1 - w)[..., None]
    return field


def prepare(luma: np.ndarray, hole: np.ndarray | None, peak: float) -> FlowInput:
    """Reduced luma and doubt of one frame.

    luma: [H, W] of any real type, full scale `peak`; hole: bool [H, W] or None.
    """
    factor = reduction(luma.shape[1], luma.shape[0])
    size = (luma.shape[1] // factor, luma.shape[0] // factor)
    source = luma if luma.dtype != np.float16 else luma.astype(np.float32)
    small = cv2.resize(source, size, interpolation=cv2.INTER_AREA) if factor > 1 else np.ascontiguousarray(source)
    if small.dtype != np.uint8:
        small = np.clip(np.nan_to_num(small.astype(np.float32)) * (255 / peak), 0, 255).astype(np.uint8)
    if hole is None:
        return FlowInput(luma=small, doubtful=np.zeros(small.shape, bool), factor=factor)
    near = cv2.resize(hole.view(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 0
    fill = push_pull(small[..., None].astype(np.float32), 1.0 - near.astype(np.float32))[..., 0]
    small = np.where(near, np.clip(fill, 0, 255).astype(np.uint8), small)
    reach = 2 * DRAG + 1
    doubtful = cv2.dilate(near.view(np.uint8), np.ones((reach, reach), np.uint8)).view(bool)
    return FlowInput(luma=small, doubtful=doubtful, factor=factor)


def difference(a: FlowInput, b: FlowInput) -> float:
    """Mean absolute difference of two frames' luma outside their holes, 0..1."""
    seen = ~(a.doubtful | b.doubtful)
    return float(cv2.absdiff(a.luma, b.luma)[seen].mean()) / 255 if seen.any() else 0.0


def between(a: FlowInput, b: FlowInput) -> tuple[np.ndarray, np.ndarray]:
    """Flow a -> b and b -> a in luma pixels, float32 [h, w, 2] (x, y) on the reduced grid; smooth inside the holes."""
    # The fast preset: the medium one costs six times as much and, once drift is taken out, loses 0.1 dB.
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    forth, back = dis.calc(a.luma, b.luma, None), dis.calc(b.luma, a.luma, None)
    return _believable(forth, back, a), _believable(back, forth, b)


def _believable(flow: np.ndarray, back: np.ndarray, a: FlowInput) -> np.ndarray:
    """`flow` where `a` is to be believed, else a smooth fill from there; in luma pixels."""
    if a.doubtful.any():
        # A smooth fill needs no more than half the grid.
        h, w = a.luma.shape
        size = ((w + 1) // 2, (h + 1) // 2)
        coarse, coarse_back = (cv2.resize(f, size, interpolation=cv2.INTER_AREA) for f in (flow, back))
        x = coarse[..., 0] / 2 + np.arange(size[0], dtype=np.float32)
        y = coarse[..., 1] / 2 + np.arange(size[1], dtype=np.float32)[:, None]
        miss = coarse + cv2.remap(coarse_back, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        trust = 1 / (1 + 4 * (miss * miss).sum(2))
        trust[cv2.resize(a.doubtful.view(np.uint8), size, interpolation=cv2.INTER_LINEAR) > 0] = 0
        fill = cv2.resize(push_pull(coarse, trust), (w, h), interpolation=cv2.INTER_LINEAR)
        np.copyto(flow, fill, where=a.doubtful[..., None])
    return flow * np.float32(a.factor)

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


def prepare(luma: np.ndarray, hole: np.ndarray, peak: float) -> FlowInput:
    """Reduced luma and doubt of one frame. luma: [H, W] of any real type, full scale `peak`; hole: bool [H, W]."""
    factor = reduction(luma.shape[1], luma.shape[0])
    size = (luma.shape[1] // factor, luma.shape[0] // factor)
    source = luma if luma.dtype != np.float16 else luma.astype(np.float32)
    small = cv2.resize(source, size, interpolation=cv2.INTER_AREA) if factor > 1 else source
    if small.dtype != np.uint8:
        small = np.clip(np.nan_to_num(small.astype(np.float32)) * (255 / peak), 0, 255).astype(np.uint8)
    if not hole.any():
        return FlowInput(luma=small, doubtful=np.zeros(small.shape, bool), factor=factor)
    near = cv2.resize(hole.view(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 0
    fill = push_pull(small[..., None].astype(np.float32), 1.0 - near.astype(np.float32))[..., 0]
    small = np.where(near, np.clip(fill, 0, 255).astype(np.uint8), small)
    reach = 2 * DRAG + 1
    doubtful = cv2.dilate(near.view(np.uint8), np.ones((reach, reach), np.uint8)).view(bool)
    return FlowInput(luma=small, doubtful=doubtful, factor=factor)


def _dis(preset: int = cv2.DISOPTICAL_FLOW_PRESET_FAST) -> cv2.DISOpticalFlow:
    return cv2.DISOpticalFlow_create(preset)


def between(a: FlowInput, b: FlowInput, preset: int = cv2.DISOPTICAL_FLOW_PRESET_FAST) -> tuple[np.ndarray, np.ndarray]:
    """Flow a -> b and b -> a in luma pixels, float32 [h, w, 2] (x, y) on the reduced grid; smooth inside the holes."""
    forth = _dis(preset).calc(a.luma, b.luma, None)
    back = _dis(preset).calc(b.luma, a.luma, None)
    return _believable(forth, back, a, b), _believable(back, forth, b, a)


def _believable(flow: np.ndarray, back: np.ndarray, a: FlowInput, b: FlowInput) -> np.ndarray:
    h, w = a.luma.shape
    if a.doubtful.any():
        ys, xs = np.mgrid[0:h, 0:w].astype(np.float32)
        round_trip = flow + cv2.remap(back, xs + flow[..., 0], ys + flow[..., 1], cv2.INTER_LINEAR,
                                      borderMode=cv2.BORDER_REPLICATE)
        error = (round_trip * round_trip).sum(2)
        trust = np.where(a.doubtful, 0.0, 1.0 / (1.0 + 4.0 * error)).astype(np.float32)
        filled = push_pull(flow, trust)
        flow = np.where(a.doubtful[..., None], filled, flow)
    return flow * np.float32(a.factor)

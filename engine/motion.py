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
#: Change of light: samples of the flow's grid per sample of its field, radius over which it is averaged in such
#: samples, and the miss (code values) that counts half. Measured on twelve train clips (mean PSNR of the nearer
#: source): light left alone 25.95 dB, corrected at the ring around the hole alone 26.80, with this field 27.08 (a music
#: film under flickering light: 22.8, 28.0, 30.2); radius 3 or 10: the same.
LIGHT_GRID, LIGHT_BLUR, LIGHT_MISS = 2, 5.0, 40.0


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
    channels = values.shape[2]

    def each(w: np.ndarray) -> np.ndarray:
        return cv2.merge([w] * channels).reshape(*w.shape, channels)

    levels = [(values * each(weight), weight)]
    while min(levels[-1][1].shape) > 2:
        v, w = levels[-1]
        size = ((w.shape[1] + 1) // 2, (w.shape[0] + 1) // 2)
        v = cv2.resize(v, size, interpolation=cv2.INTER_AREA)
        w = cv2.resize(w, size, interpolation=cv2.INTER_AREA)
        # A coarse pixel that saw a little of the known is known: growing weights shorten the way inwards.
        grown = np.minimum(w * 4, 1)
        levels.append((v.reshape(*w.shape, channels) * each(grown / np.maximum(w, 1e-6)), grown))
    v, w = levels[-1]
    total = float(w.sum())
    field = np.broadcast_to(v.sum((0, 1)) / total if total > 1e-6 else np.zeros(channels, np.float32), v.shape)
    for v, w in reversed(levels):
        up = cv2.resize(np.ascontiguousarray(field, np.float32), w.shape[::-1], interpolation=cv2.INTER_LINEAR)
        field = v + up.reshape(v.shape) * each(1 - w)
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


def dense(stride: int, finest: int) -> cv2.DISOpticalFlow:
    """DIS without variational refinement; stride of its patches, and its finest scale."""
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    dis.setFinestScale(finest)
    dis.setPatchStride(stride)
    return dis


def between(a: FlowInput, b: FlowInput) -> tuple[np.ndarray, np.ndarray]:
    """Motion a -> b and b -> a, float32 [h, w, 3] on a grid of 2 * factor luma pixels: x and y in luma pixels, and by
    how many 8-bit code values the place is brighter here than there. Smooth inside the holes."""
    # Measured on twelve train clips (mean PSNR of the nearer source; time at 960x540): preset fast 27.08 dB, 10.0 ms;
    # ultrafast (no variational refinement) 27.29, 5.5; one scale finer 27.30, 19.5; with wider strides 27.32, 10.5.
    dis = dense(6, 1)
    h, w = a.luma.shape
    size = ((w + 1) // 2, (h + 1) // 2)
    # What is asked for lies in the hole, where the flow is a smooth fill: half the grid holds all of it.
    forth, back = (
        cv2.resize(dis.calc(one.luma, other.luma, None), size, interpolation=cv2.INTER_AREA)
        for one, other in ((a, b), (b, a))
    )
    return _believable(forth, back, a, b), _believable(back, forth, b, a)


def _believable(flow: np.ndarray, back: np.ndarray, a: FlowInput, b: FlowInput) -> np.ndarray:
    """`between` in one direction from the flows on its grid, in pixels of the reduced picture."""
    h, w = flow.shape[:2]
    out = np.empty((h, w, 3), np.float32)
    out[..., 2] = _light(flow, a, b)
    if a.doubtful.any():
        x = flow[..., 0] / 2 + np.arange(w, dtype=np.float32)
        y = flow[..., 1] / 2 + np.arange(h, dtype=np.float32)[:, None]
        miss = flow + cv2.remap(back, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        trust = 1 / (1 + 4 * (miss[..., 0] ** 2 + miss[..., 1] ** 2))
        doubtful = cv2.resize(a.doubtful.view(np.uint8), (w, h), interpolation=cv2.INTER_LINEAR) > 0
        trust[doubtful] = 0
        fill = push_pull(flow, trust)
        flow = flow.copy()
        flow[doubtful] = fill[doubtful]
    np.multiply(flow, np.float32(a.factor), out=out[..., :2])
    return out


def _light(flow: np.ndarray, a: FlowInput, b: FlowInput) -> np.ndarray:
    """How much brighter `a` is than `b` along `flow`, on its grid: float32 [h, w], 8-bit code values; smooth.

    Lamps flicker and exposure follows the scene: what is brought from `b` must be raised by this to fit `a`.
    """
    h, w = flow.shape[:2]
    size = (max(1, w // LIGHT_GRID), max(1, h // LIGHT_GRID))
    shrink = lambda v: cv2.resize(v, size, interpolation=cv2.INTER_AREA)  # noqa: E731
    near, luma_a, luma_b = shrink(flow), shrink(a.luma), shrink(b.luma)
    clean_a, clean_b = ((shrink(v.doubtful.view(np.uint8) * 255) == 0).astype(np.float32) for v in (a, b))
    x = near[..., 0] * np.float32(size[0] / a.luma.shape[1]) + np.arange(size[0], dtype=np.float32)
    y = near[..., 1] * np.float32(size[1] / a.luma.shape[0]) + np.arange(size[1], dtype=np.float32)[:, None]
    e = luma_a - cv2.remap(luma_b.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    weight = clean_a * cv2.remap(clean_b, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    weight /= 1 + (e * np.float32(1 / LIGHT_MISS)) ** 2
    total, known = (cv2.GaussianBlur(v, (0, 0), LIGHT_BLUR) for v in (weight * e, weight))
    field = push_pull((total / (known + np.float32(0.02)))[..., None], np.minimum(1, known * 4))
    return cv2.resize(np.ascontiguousarray(field[..., 0]), (w, h), interpolation=cv2.INTER_LINEAR)

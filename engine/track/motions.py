"""Where the object went: its translation found again by what it looks like, then its motion as a whole."""

from __future__ import annotations

import math

import cv2
import numpy as np

#: (Reduction, reach in reduced samples) of the two searches for the object's translation.
SEARCHES = ((4, 5), (2, 2))
#: Squared miss (code values, three channels together) above which one sample is as wrong as any.
MISS = 1500.0
#: Flow that misses the motion of the whole by so many samples counts a quarter.
STRAY = 2.0
#: How much of the samples' weight says that the object only shifts (no turn, zoom or shear).
RIGID = 0.5


def sought(image: np.ndarray, look: np.ndarray, weight: np.ndarray, tether: float) -> np.ndarray:
    """Shift (x, y in samples, float32) by which `look` best fits `image`.

    image: uint8 [h, w, 3]; look: float32 [h, w, 3]; weight: float32 [h, w]; tether: cost of a shift by a sample,
    quadratic, where 1 is the cost of fitting nowhere.
    """
    shift = np.zeros(2, np.float32)
    for factor, reach in SEARCHES:
        size = (image.shape[1] // factor, image.shape[0] // factor)
        to = np.float32([[1, 0, shift[0]], [0, 1, shift[1]]])
        moved = [cv2.warpAffine(v, to, image.shape[1::-1]) for v in (look, weight)]
        now, was, w = (cv2.resize(v, size, interpolation=cv2.INTER_AREA) for v in (image.astype(np.float32), *moved))
        y, x = np.nonzero(w > 0.1)
        if not len(y):
            break
        part = slice(y.min(), y.max() + 1), slice(x.min(), x.max() + 1)
        was, w = was[part], w[part]
        now = cv2.copyMakeBorder(now, *[reach] * 4, cv2.BORDER_CONSTANT, value=[-999.0] * 3)
        steps = np.arange(-reach, reach + 1)
        cost = np.empty((len(steps), len(steps)), np.float32)
        for i in range(len(steps)):
            for j in range(len(steps)):
                e = now[part[0].start + i : part[0].stop + i, part[1].start + j : part[1].stop + j] - was
                cost[i, j] = (w * np.minimum(np.einsum("ijk,ijk->ij", e, e), MISS)).sum()
        cost /= w.sum() * np.float32(MISS)
        to_y, to_x = steps[:, None] * factor + shift[1], steps * factor + shift[0]
        i, j = np.unravel_index(np.argmin(cost + tether * (to_x**2 + to_y**2)), cost.shape)
        shift = np.float32([to_x[j], to_y[i, 0]])
    return shift


def affine(flow: np.ndarray, weight: np.ndarray, start: np.ndarray, scale: float) -> np.ndarray:
    """One affine motion for what has weight, float32 [h, w, 2]; what moves otherwise is left out (iteratively
    reweighted least squares with the weights of Geman and McClure).

    flow: float32 [h, w, 2], pixels; weight: float32 [h, w]; start: the motion to begin from, float32 [2]; scale:
    samples per pixel.
    """
    h, w = weight.shape
    y, x = np.nonzero(weight > 1e-3)
    if len(y) < 20:
        return np.broadcast_to(start, flow.shape).astype(np.float32)
    v, q = flow[y, x].astype(np.float64), weight[y, x].astype(np.float64)
    cx, cy, unit = x.mean(), y.mean(), math.sqrt(h * w)
    base = np.stack([np.ones(len(x)), (x - cx) / unit, (y - cy) / unit], 1)
    c = np.zeros((3, 2))
    c[0] = start
    for _ in range(5):
        miss = ((v - np.einsum("nk,kc->nc", base, c)) ** 2).sum(1) * scale**2
        k = (q / (1 + miss / STRAY**2) ** 2)[:, None] * base
        # einsum and not a product of matrices: BLAS sums in an order that depends on its number of threads.
        normal = np.einsum("ni,nj->ij", k, base) + np.diag([0, 1, 1]) * (RIGID * k[:, 0].sum())
        c = np.linalg.solve(normal, np.einsum("ni,nc->ic", k, v))
    x, y = (np.arange(w) - cx) / unit, (np.arange(h)[:, None] - cy) / unit
    return (c[0] + x[None, :, None] * c[1] + y[..., None] * c[2]).astype(np.float32)

"""How near a restored clip is to the truth, inside the hole alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..picture import Planes
from .cases import Case, plane_hole

#: A perfect restoration has no finite PSNR; it is reported as this many decibels.
PERFECT = 99.0
_WINDOW, _SIGMA = 11, 1.5


@dataclass(frozen=True, kw_only=True)
class Score:
    """psnr: dB over all hole samples of all planes and frames. ssim: mean over the luma windows that touch
    the hole.

    flicker: mean absolute in-hole error of luma frame differences, 8-bit code values.
    """

    psnr: float
    ssim: float
    flicker: float


def score(case: Case, restored: Sequence[Planes], holes: Sequence[np.ndarray] | None = None) -> Score:
    """Compare restored planes with the case's truth in `holes` (bool [H, W] per frame; the node's default
    where None)."""
    holes = case.grown() if holes is None else holes
    return Score(
        psnr=psnr(case.truth, restored, holes),
        ssim=ssim(case.truth, restored, holes),
        flicker=flicker(case.truth, restored, holes),
    )


def psnr(truth: Sequence[Planes], restored: Sequence[Planes], holes: Sequence[np.ndarray]) -> float:
    """10 log10(255^2 / mean squared error) over every hole sample of every plane and frame, each counted
    once."""
    total, count = 0.0, 0
    for true, made, hole in zip(truth, restored, holes, strict=True):
        for a, b in zip(true, made, strict=True):
            inside = plane_hole(hole, a)
            error = a[inside].astype(np.float64) - b[inside]
            total += float((error * error).sum())
            count += error.size
    if not count or not total:
        return PERFECT
    return float(min(PERFECT, 10 * np.log10(255.0**2 * count / total)))


def ssim(truth: Sequence[Planes], restored: Sequence[Planes], holes: Sequence[np.ndarray]) -> float:
    """Mean luma SSIM over the 11x11 Gaussian windows that touch the hole (Wang et al., 2004); 1 without any
    hole."""
    total, count = 0.0, 0
    kernel = np.ones((_WINDOW, _WINDOW), np.uint8)
    touching: dict[int, np.ndarray] = {}
    for true, made, hole in zip(truth, restored, holes, strict=True):
        if not hole.any():
            continue
        if id(hole) not in touching:
            touching[id(hole)] = cv2.dilate(hole.astype(np.uint8), kernel).view(bool)
        values = _ssim_map(true[0], made[0])[touching[id(hole)]]
        total += float(values.sum(dtype=np.float64))
        count += values.size
    return total / count if count else 1.0


def _ssim_map(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a.astype(np.float32), b.astype(np.float32)

    def mean(x: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(x, (_WINDOW, _WINDOW), _SIGMA, borderType=cv2.BORDER_REFLECT_101)

    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    both = mean(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return (
        (2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    )


def flicker(truth: Sequence[Planes], restored: Sequence[Planes], holes: Sequence[np.ndarray]) -> float:
    """Mean |(out_n - out_n-1) - (true_n - true_n-1)| of luma where frame n or n-1 has a hole; 0 for one
    frame."""
    total, count = 0.0, 0
    for n in range(1, len(truth)):
        inside = holes[n] if holes[n] is holes[n - 1] else holes[n] | holes[n - 1]
        made = restored[n][0][inside].astype(np.int16) - restored[n - 1][0][inside]
        true = truth[n][0][inside].astype(np.int16) - truth[n - 1][0][inside]
        total += float(np.abs(made - true).sum(dtype=np.int64))
        count += made.size
    return total / count if count else 0.0

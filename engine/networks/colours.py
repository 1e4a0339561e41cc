"""Planes as the RGB that published networks know, and back.

BT.709 from 720 lines on, else BT.601, limited range, as players take what does not say. Whatever the clip's own matrix,
the way back undoes the way there.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..picture import PictureFormat, Planes


def _weights(picture: PictureFormat) -> tuple[float, float]:
    """Shares of red and blue in luma."""
    return (0.2126, 0.0722) if picture.height >= 720 else (0.299, 0.114)


def _levels(picture: PictureFormat) -> tuple[float, float, float, float]:
    """Black, span of luma, neutral, and half the span of chroma, in samples."""
    if picture.floating:
        return 0.0, 1.0, 0.0, 0.5
    one = 1 << (picture.bits - 8)
    return 16.0 * one, 219.0 * one, 128.0 * one, 112.0 * one


def resized(plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A plane at `size` (width, height): means where it shrinks, cubic where it grows; itself where it fits."""
    if plane.shape[::-1] == size:
        return plane
    smaller = size[0] <= plane.shape[1] and size[1] <= plane.shape[0]
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)


def rgb(planes: Planes, picture: PictureFormat, size: tuple[int, int]) -> np.ndarray:
    """A frame as RGB of `size` (width, height): float32 [3, height, width], black at -1 and white at 1, bounded there.
    Gray is taken as luma."""
    samples = [resized(plane.astype(np.float32), size) for plane in planes]
    if picture.family == "RGB":
        colours = np.stack(samples) / np.float32(picture.peak)
    else:
        red, blue = _weights(picture)
        black, span, neutral, half = _levels(picture)
        y = (samples[0] - black) / span
        if picture.family == "GRAY":
            colours = np.stack([y] * 3)
        else:
            u, v = ((c - neutral) / half for c in samples[1:])
            r, b = y + (1 - red) * v, y + (1 - blue) * u
            colours = np.stack([r, (y - red * r - blue * b) / (1 - red - blue), b])
    return np.clip(colours * 2 - 1, -1, 1).astype(np.float32)


def planes(colours: np.ndarray, picture: PictureFormat) -> list[np.ndarray]:
    """A frame of RGB, float32 [3, h, w] of -1..1, as planes of the picture's sizes and sample type."""
    r, g, b = (np.clip(colours, -1, 1) + 1) / 2
    if picture.family == "RGB":
        values = [part * picture.peak for part in (r, g, b)]
    else:
        red, blue = _weights(picture)
        black, span, neutral, half = _levels(picture)
        y = red * r + (1 - red - blue) * g + blue * b
        values = [y * span + black]
        if picture.family == "YUV":
            values += [(b - y) / (1 - blue) * half + neutral, (r - y) / (1 - red) * half + neutral]
    out = []
    for k, value in enumerate(values):
        whole = resized(value.astype(np.float32), picture.plane_shape(k)[::-1])
        out.append((whole if picture.floating else np.clip(np.rint(whole), 0, picture.peak)).astype(picture.dtype))
    return out

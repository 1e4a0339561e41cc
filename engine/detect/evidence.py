"""What a detector sees of a frame: its luma and chroma at working size, and what stayed still along the clip."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from ..picture import PictureFormat, Planes

#: Pictures of more than LINES lines are looked at with REDUCED: what is read at 1080 lines is read at 540 as well, and
#: lettering has the sizes that it was learned at.
LINES, REDUCED = 600, 540
#: Frames of a clip from which is learned what stays still.
SAMPLES = 32
#: Code values of `Still.spread` per code value of standard deviation.
SPREAD = 4


def size(picture: PictureFormat) -> tuple[int, int]:
    """(height, width) at which a picture is looked at."""
    if picture.height <= LINES:
        return picture.height, picture.width
    return REDUCED, 2 * round(picture.width * REDUCED / picture.height / 2)


def sampled(length: int) -> tuple[int, ...]:
    """Numbers of the frames, of a clip of `length`, that show what stays still: at most SAMPLES, spread out evenly."""
    return tuple(np.unique(np.linspace(0, length - 1, min(SAMPLES, length)).round().astype(int)).tolist())


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One frame at working size: luma uint8 [h, w], chroma uint8 [2, h // 2, w // 2] (neutral at 128)."""

    luma: np.ndarray
    chroma: np.ndarray


def seen(planes: Planes, picture: PictureFormat) -> Seen:
    """A frame as the detector sees it; RGB is taken as BT.709's luma and colour differences."""
    h, w = size(picture)
    half = (w // 2, h // 2)
    scale = np.float32(255 / picture.peak)

    def bytes_of(plane: np.ndarray, size: tuple[int, int], offset: float = 0.0) -> np.ndarray:
        source = plane if plane.dtype != np.float16 else plane.astype(np.float32)
        small = source if plane.shape[::-1] == size else cv2.resize(source, size, interpolation=cv2.INTER_AREA)
        if small.dtype == np.uint8:
            return small
        return np.clip(np.rint(np.nan_to_num(small.astype(np.float32)) * scale + offset), 0, 255).astype(np.uint8)

    if picture.family == "GRAY":
        return Seen(luma=bytes_of(planes[0], (w, h)), chroma=np.full((2, *half[::-1]), 128, np.uint8))
    if picture.family == "RGB":
        r, g, b = (bytes_of(plane, (w, h)).astype(np.float32) for plane in planes)
        luma = 0.2126 * r + 0.7152 * g + 0.0722 * b
        colour = ((b - luma) / 1.8556, (r - luma) / 1.5748)
        chroma = [cv2.resize(c, half, interpolation=cv2.INTER_AREA) + 128 for c in colour]
        return Seen(luma=np.rint(luma).astype(np.uint8), chroma=np.clip(np.rint(chroma), 0, 255).astype(np.uint8))
    offset = 127.5 if picture.floating else 0.0
    return Seen(
        luma=bytes_of(planes[0], (w, h)), chroma=np.stack([bytes_of(plane, half, offset) for plane in planes[1:]])
    )


def still(lumas: Iterable[np.ndarray]) -> np.ndarray:
    """Mean and spread (SPREAD times the standard deviation, clipped) of luma along a clip: uint8 [2, h, w].

    lumas: uint8 [h, w] of `sampled` frames. An overlay that stands still keeps its edges in the mean, and has a lesser
    spread than the moving picture around it.
    """
    total = square = count = 0
    for luma in lumas:
        value = luma.astype(np.uint32)
        total, square, count = total + value, square + value * value, count + 1
    mean = total / np.float32(count)
    variance = np.maximum(square / np.float32(count) - mean * mean, 0)
    return np.stack([np.rint(mean), np.minimum(np.rint(SPREAD * np.sqrt(variance)), 255)]).astype(np.uint8)

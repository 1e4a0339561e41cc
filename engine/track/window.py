"""The part of a frame around the object, at the size in which it is tracked."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from ..picture import PictureFormat, Planes

#: An object's box as the user draws it: left, top, width, height, in pixels of the frame.
Box = tuple[float, float, float, float]

#: Side of the object's box in working samples (geometric mean): a larger object is worked on at reduced size.
SIDE = 96.0
#: Margin around the box, in sides of it and in pixels.
MARGIN, LEAST_MARGIN = 0.6, 8.0


@dataclass(frozen=True, kw_only=True)
class Window:
    """A grid of width x height working samples whose corner lies at (left, top) of the frame; `scale` working samples
    per pixel, at most 1. It may reach over the frame's border."""

    left: float
    top: float
    scale: float
    width: int
    height: int

    @classmethod
    def around(cls, box: Box) -> Window:
        left, top, width, height = box
        side = math.sqrt(width * height)
        scale, margin = min(1.0, SIDE / side), MARGIN * side + LEAST_MARGIN
        return cls(
            left=left - margin,
            top=top - margin,
            scale=scale,
            width=round((width + 2 * margin) * scale),
            height=round((height + 2 * margin) * scale),
        )

    @property
    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """Places of the samples in the frame, float32 x [1, w] and y [h, 1]; integers are centres of pixels."""
        x, y = np.arange(self.width, dtype=np.float32), np.arange(self.height, dtype=np.float32)
        x, y = (np.float32(1 / self.scale) * (v + 0.5) - 0.5 for v in (x, y))
        return (x + np.float32(self.left))[None], (y + np.float32(self.top))[:, None]

    def covers(self, box: Box) -> np.ndarray:
        """Which samples lie in `box`: bool [h, w]."""
        (x, y), (left, top, width, height) = self.grid, box
        return (x > left - 0.5) & (x < left + width - 0.5) & (y > top - 0.5) & (y < top + height - 0.5)

    def read(self, picture: PictureFormat, planes: Planes) -> np.ndarray:
        """What the window shows: uint8 [h, w, 3], luma and chroma; over the border goes on what is there."""
        channels = [self._plane(picture, p, k) for k, p in enumerate(planes)]
        channels += [np.full_like(channels[0], 128)] * (3 - len(channels))
        image = cv2.merge(channels)
        return cv2.cvtColor(image, cv2.COLOR_RGB2YUV) if picture.family == "RGB" else image

    def _plane(self, picture: PictureFormat, plane: np.ndarray, number: int) -> np.ndarray:
        h, w = plane.shape
        # Samples of the plane per pixel and per working sample.
        per_pixel = w / picture.width, h / picture.height
        per_sample = [p / self.scale for p in per_pixel]
        start = self.left * per_pixel[0], self.top * per_pixel[1]
        blur = max(1, round(max(per_sample)))
        ends = start[0] + self.width * per_sample[0], start[1] + self.height * per_sample[1]
        (x0, x1), (y0, y1) = (
            (min(max(0, math.floor(a) - blur), last - 1), min(last, max(1, math.ceil(b) + blur)))
            for a, b, last in zip(start, ends, (w, h), strict=True)
        )
        part = _eight_bits(picture, plane[y0:y1, x0:x1], number)
        if blur > 1:
            part = cv2.blur(part, (blur, blur))
        to = np.float64(
            [
                [per_sample[0], 0, start[0] + per_sample[0] / 2 - 0.5 - x0],
                [0, per_sample[1], start[1] + per_sample[1] / 2 - 0.5 - y0],
            ]
        )
        size, flags = (self.width, self.height), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(part, to, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)

    def warp(self, values: np.ndarray, other: Window, motion: np.ndarray) -> np.ndarray:
        """Values of `other`'s grid ([h', w'] or [h', w', c]) as seen from this one: float32.

        motion: from here to there, float32 [h, w, 2] or [2], pixels of the frame. Over the border of `other` images go
        on, while maps ([h', w']) are zero.
        """
        x, y = self.grid
        motion = np.broadcast_to(motion, (self.height, self.width, 2))
        scale = np.float32(other.scale)
        x = (x + motion[..., 0] - np.float32(other.left - 0.5)) * scale - np.float32(0.5)
        y = (y + motion[..., 1] - np.float32(other.top - 0.5)) * scale - np.float32(0.5)
        border = cv2.BORDER_CONSTANT if values.ndim == 2 else cv2.BORDER_REPLICATE
        return cv2.remap(values.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=border)

    def spread(self, values: np.ndarray, width: int, height: int) -> np.ndarray:
        """A map of this grid ([h, w]) over the whole frame, float32 [height, width], zero outside the window."""
        s = self.scale
        to = np.float64([[s, 0, (0.5 - self.left) * s - 0.5], [0, s, (0.5 - self.top) * s - 0.5]])
        return cv2.warpAffine(values, to, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def _eight_bits(picture: PictureFormat, plane: np.ndarray, number: int) -> np.ndarray:
    if plane.dtype == np.uint8:
        return np.ascontiguousarray(plane)
    values = np.nan_to_num(plane.astype(np.float32)) * np.float32(255 / picture.peak)
    if picture.floating and picture.family == "YUV" and number:
        values += 128  # chroma of floats lies around zero
    return np.clip(values, 0, 255).astype(np.uint8)

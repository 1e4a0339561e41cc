"""What there is to learn from: folders of clips, and flights of a virtual camera over photographs.

Over a share of the photographs something moves by itself, before a camera that mostly stands still: there the motion
around a hole is not the motion in it, and what was followed must be doubted.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ..errors import PictureError
from ..footage import decoded, split
from ..picture import Planes
from ..synth import camera

PHOTO = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}


def files(folder: Path, kinds: set[str]) -> list[Path]:
    """Files of a folder with one of the endings, by name."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in kinds)


def clip(path: Path) -> list[Planes]:
    """All frames of a video, cut to even width and height."""
    frames, picture, _ = decoded(path, None)
    h, w = picture.height // 2, picture.width // 2
    return [(y[: 2 * h, : 2 * w], u[:h, :w], v[:h, :w]) for y, u, v in frames]


def flight(path: Path, width: int, height: int, length: int, rng: np.random.Generator) -> list[Planes]:
    """A virtual camera's way over a photograph (`camera.fly`), at FPV-like or slow speeds, or standing still; things
    that move before it; grain. Raises PictureError."""
    photo = cv2.imread(str(path))
    if photo is None:
        raise PictureError(f"{path} is no picture that OpenCV can read")
    passing = [Thing(photo, width, height, length, rng) for _ in range(rng.integers(1, 4) if rng.random() < 0.5 else 0)]
    still = passing and rng.random() < 0.7
    grain = np.float32(rng.uniform(0.5, 3) if rng.random() < 0.5 else 0)
    i420 = []
    for k, picture in enumerate(camera.fly(photo, width, height, length, rng, speed=0.0 if still else None)):
        for thing in passing:
            thing.draw(picture, k)
        frame = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
        if grain:
            noise = rng.standard_normal(frame.shape, np.float32) * grain
            frame = np.clip(np.rint(frame + noise), 0, 255).astype(np.uint8)
        i420.append(frame.ravel())
    return split(np.concatenate(i420), width, height)


class Thing:
    """Something that moves through the picture: a smooth outline with a texture from elsewhere in the photograph."""

    def __init__(self, photo: np.ndarray, width: int, height: int, length: int, rng: np.random.Generator) -> None:
        size = int(rng.uniform(0.2, 0.8) * height)
        noise = cv2.GaussianBlur(rng.standard_normal((size, size)).astype(np.float32), (0, 0), size / 8)
        at = np.linspace(-1, 1, size, dtype=np.float32)
        inside = 1 - (at[:, None] ** 2 + at[None] ** 2) / 0.6 + 0.28 * noise / noise.std()
        self._alpha = cv2.GaussianBlur((inside > 0).astype(np.float32), (0, 0), 0.8)
        turned = cv2.rotate(photo, int(rng.integers(0, 3)))
        side = int(min(np.exp(rng.uniform(np.log(0.5), np.log(2))) * size, *turned.shape[:2]))
        y, x = (int(rng.integers(0, whole - side + 1)) for whole in turned.shape[:2])
        skin = cv2.resize(turned[y : y + side, x : x + side], (size, size), interpolation=cv2.INTER_AREA)
        self._skin = np.clip(skin * rng.uniform(0.5, 1.2), 0, 255).astype(np.float32)
        speed = np.exp(rng.uniform(np.log(0.5), np.log(10)))
        time = np.arange(length)
        heading = rng.uniform(0, 2 * np.pi) + 1.5 * np.sin(time * rng.uniform(0.02, 0.2))
        way = [np.cumsum(speed * part) for part in (np.cos(heading), np.sin(heading))]
        self._x, self._y = (
            camera.folded(rng.uniform(0, side) + one, 0, side) for one, side in zip(way, (width, height), strict=True)
        )
        self._angle = rng.uniform(0, 0.6) * np.sin(time * rng.uniform(0.05, 0.3))

    def draw(self, picture: np.ndarray, k: int) -> None:
        """Lay it over `picture` (BGR, in place) as it is in frame `k`."""
        h, w = picture.shape[:2]
        size = self._alpha.shape[0]
        at = cv2.getRotationMatrix2D((size / 2, size / 2), float(np.degrees(self._angle[k])), 1)
        at[:, 2] += self._x[k] - size / 2, self._y[k] - size / 2
        alpha = cv2.warpAffine(self._alpha, at, (w, h))[:, :, None]
        skin = cv2.warpAffine(self._skin, at, (w, h), borderMode=cv2.BORDER_REFLECT_101)
        picture[:] = np.rint(picture + alpha * (skin - picture))

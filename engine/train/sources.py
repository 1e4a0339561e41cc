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

VIDEO = {".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v"}
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
    """A virtual camera's way over a photograph: smooth translation, rotation and zoom at FPV-like or slow speeds, or
    none; things that move before it; grain."""
    photo = cv2.imread(str(path))
    if photo is None:
        raise PictureError(f"{path} is no picture that OpenCV can read")
    ph, pw = photo.shape[:2]
    things = int(rng.integers(1, 4)) if rng.random() < 0.5 else 0
    # Slow and fast flights alike: speed is log-uniform, 0.2..12 pixels a frame.
    speed = np.exp(rng.uniform(np.log(0.2), np.log(12)))
    still = things > 0 and rng.random() < 0.7
    base = rng.uniform(0.45, 0.9) * min(pw / width, ph / height)
    t = np.zeros(length) if still else np.arange(length)
    wave = [rng.uniform(0.5, 1.5) * np.sin(t * rng.uniform(0.03, 0.2) + rng.uniform(0, 6)) for _ in range(4)]
    heading = rng.uniform(0, 2 * np.pi) + 0.4 * wave[0]
    x, y = (np.cumsum(0 * t if still else speed * turn) for turn in (np.cos(heading), np.sin(heading)))
    # The way is folded at the photograph's border.
    x, y = _folded(x * base + pw / 2, width * base * 0.6, pw), _folded(y * base + ph / 2, height * base * 0.6, ph)
    angle, zoom = 0.06 * wave[1], base * np.exp(0.05 * wave[2])
    passing = [Thing(photo, width, height, length, rng) for _ in range(things)]
    grain = rng.uniform(0.5, 3) if rng.random() < 0.5 else 0
    i420 = []
    for k in range(length):
        picture = _seen(photo, (width, height), x[k], y[k], angle[k], zoom[k])
        for thing in passing:
            thing.draw(picture, k)
        frame = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
        if grain:
            noise = rng.standard_normal(frame.shape, np.float32) * np.float32(grain)
            frame = np.clip(np.rint(frame + noise), 0, 255).astype(np.uint8)
        i420.append(frame.ravel())
    return split(np.concatenate(i420), width, height)


class Thing:
    """Something that moves through the picture: a smooth outline with a texture from elsewhere in the photograph."""

    def __init__(self, photo: np.ndarray, width: int, height: int, length: int, rng: np.random.Generator) -> None:
        size = int(rng.uniform(0.2, 0.8) * height)
        noise = cv2.GaussianBlur(rng.standard_normal((size, size)).astype(np.float32), (0, 0), size / 8)
        at = np.linspace(-1, 1, size, dtype=np.float32)
        round_ = 1 - (at[:, None] ** 2 + at[None] ** 2) / 0.6
        self._alpha = cv2.GaussianBlur((round_ + 0.28 * noise / noise.std() > 0).astype(np.float32), (0, 0), 0.8)
        turned = cv2.rotate(photo, int(rng.integers(0, 3)))
        h, w = turned.shape[:2]
        zoom = min(np.exp(rng.uniform(np.log(0.5), np.log(2))), 0.9 * min(h, w) / size)
        skin = _seen(turned, (size, size), w * rng.uniform(0.4, 0.6), h * rng.uniform(0.4, 0.6), 0.0, zoom)
        self._skin = np.clip(skin * rng.uniform(0.5, 1.2), 0, 255).astype(np.float32)
        speed = np.exp(rng.uniform(np.log(0.5), np.log(10)))
        heading = rng.uniform(0, 2 * np.pi) + 1.5 * np.sin(np.arange(length) * rng.uniform(0.02, 0.2))
        self._x = _folded(rng.uniform(0, width) + np.cumsum(speed * np.cos(heading)), 0, width)
        self._y = _folded(rng.uniform(0, height) + np.cumsum(speed * np.sin(heading)), 0, height)
        self._angle = rng.uniform(0, 0.6) * np.sin(np.arange(length) * rng.uniform(0.05, 0.3))

    def draw(self, picture: np.ndarray, k: int) -> None:
        """Lay it over `picture` (BGR, in place) as it is in frame `k`."""
        h, w = picture.shape[:2]
        size = self._alpha.shape[0]
        at = cv2.getRotationMatrix2D((size / 2, size / 2), float(np.degrees(self._angle[k])), 1)
        at[:, 2] += self._x[k] - size / 2, self._y[k] - size / 2
        alpha = cv2.warpAffine(self._alpha, at, (w, h))[:, :, None]
        skin = cv2.warpAffine(self._skin, at, (w, h), borderMode=cv2.BORDER_REFLECT_101)
        picture[:] = np.rint(picture + alpha * (skin - picture))


def _seen(photo: np.ndarray, size: tuple[int, int], x: float, y: float, angle: float, zoom: float) -> np.ndarray:
    """A picture of `size` (width, height) of the photograph around (x, y), `zoom` of its pixels to one."""
    c, s = np.cos(angle) * zoom, np.sin(angle) * zoom
    half = size[0] / 2, size[1] / 2
    at = np.array([[c, -s, x - c * half[0] + s * half[1]], [s, c, y - s * half[0] - c * half[1]]])
    return cv2.warpAffine(
        photo, at, size, flags=cv2.INTER_AREA | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT_101
    )


def _folded(way: np.ndarray, margin: float, size: int) -> np.ndarray:
    low, high = margin, size - margin
    if high <= low:
        return np.full_like(way, size / 2)
    return low + np.abs((way - low) % (2 * (high - low)) - (high - low)) * -1 + (high - low)

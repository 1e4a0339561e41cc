"""What there is to learn from: folders of clips, and flights of a virtual camera over photographs."""

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
    """A virtual camera's way over a photograph: smooth translation, rotation and zoom at FPV-like or slow speeds."""
    photo = cv2.imread(str(path))
    if photo is None:
        raise PictureError(f"{path} is no picture that OpenCV can read")
    ph, pw = photo.shape[:2]
    # Slow and fast flights alike: speed is log-uniform, 0.2..12 pixels a frame.
    speed = np.exp(rng.uniform(np.log(0.2), np.log(12)))
    base = rng.uniform(0.45, 0.9) * min(pw / width, ph / height)
    t = np.arange(length)
    wave = [rng.uniform(0.5, 1.5) * np.sin(t * rng.uniform(0.03, 0.2) + rng.uniform(0, 6)) for _ in range(4)]
    heading = rng.uniform(0, 2 * np.pi) + 0.4 * wave[0]
    x, y = np.cumsum(speed * np.cos(heading)), np.cumsum(speed * np.sin(heading))
    # The way is folded at the photograph's border.
    x, y = _folded(x * base + pw / 2, width * base * 0.6, pw), _folded(y * base + ph / 2, height * base * 0.6, ph)
    angle, zoom = 0.06 * wave[1], base * np.exp(0.05 * wave[2])
    i420 = []
    for k in range(length):
        c, s = np.cos(angle[k]) * zoom[k], np.sin(angle[k]) * zoom[k]
        at = np.array([[c, -s, x[k] - c * width / 2 + s * height / 2], [s, c, y[k] - s * width / 2 - c * height / 2]])
        picture = cv2.warpAffine(
            photo, at, (width, height), flags=cv2.INTER_AREA | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT_101
        )
        i420.append(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420))
    return split(np.concatenate([frame.ravel() for frame in i420]), width, height)


def _folded(way: np.ndarray, margin: float, size: int) -> np.ndarray:
    low, high = margin, size - margin
    if high <= low:
        return np.full_like(way, size / 2)
    return low + np.abs((way - low) % (2 * (high - low)) - (high - low)) * -1 + (high - low)

"""What a camera's viewfinder draws: the corners of a frame, a cross, a running time code and readings in plain type.

Thin, white as a rule, without an outline, and always in one place.
"""

from __future__ import annotations

from collections.abc import Hashable

import cv2
import numpy as np

from . import scripts
from .lettering import reduced
from .overlay import Overlay, Placed, assembled, checked, faded

_FACTOR = 4
_COLOURS = (*[(255, 255, 255)] * 5, (235, 235, 235), (90, 255, 120), (255, 210, 60), (255, 70, 60))
_READINGS = ("ISO 400", "1/120", "F 2.8", "4K 30", "5600K", "AF", "STBY", "REC", "0:42:17", "128 min", "1080p")


def viewfinder(
    width: int, height: int, length: int, fps: float, seed: int, fonts: scripts.Fonts = None
) -> Overlay:
    """Corners or a whole frame, perhaps a cross, a time code (three of four), and up to four readings.

    fonts: as in `scripts.faces`.
    """
    checked(width, height, length, fps)
    rng = np.random.default_rng([seed, 13])
    faces = scripts.faces("latin", fonts)
    face, bold = faces[int(rng.integers(len(faces)))], bool(rng.random() < 0.3)
    colour = _COLOURS[int(rng.integers(len(_COLOURS)))]
    opacity = 1.0 if rng.random() < 0.7 else float(rng.uniform(0.6, 0.95))
    shaded = bool(rng.random() < 0.25)
    em = max(9, round(height * rng.uniform(0.035, 0.06)))
    thick = max(1.0, height * rng.uniform(0.002, 0.006))
    inset = round(height * rng.uniform(0.03, 0.1)), round(width * rng.uniform(0.03, 0.1))

    sprites: dict[Hashable, np.ndarray] = {}
    fixed: list[Placed] = []

    def text(line: str) -> Hashable:
        if line not in sprites:
            ink = scripts.ink(line, em * 2, face, bold)
            sprites[line] = faded(_inked(ink, colour, shaded), opacity)
        return line

    if rng.random() < 0.8:
        sprites["frame"] = faded(_frame(rng, width - 2 * inset[1], height - 2 * inset[0], thick, colour), opacity)
        fixed.append((inset[0], inset[1], "frame"))
    if rng.random() < 0.5:
        side = round(height * rng.uniform(0.03, 0.1))
        sprites["cross"] = faded(_cross(side, thick, colour), opacity)
        fixed.append(((height - side) // 2, (width - side) // 2, "cross"))
    high, gap = round(1.6 * em), round(0.6 * em)
    places = [
        (inset[0] + gap, "left"), (inset[0] + gap, "right"), (height - inset[0] - gap - high, "left"),
        (height - inset[0] - gap - high, "right"),
    ]  # fmt: skip
    for k in rng.permutation(4)[: int(rng.integers(0, 5))]:
        y, side = places[k]
        word = text(str(rng.choice(_READINGS)))
        wide = sprites[word].shape[1]
        fixed.append((y, inset[1] + gap if side == "left" else width - inset[1] - gap - wide, word))
    running, start = rng.random() < 0.75, int(rng.integers(0, 400_000))
    y = height - inset[0] - gap - high if rng.random() < 0.7 else inset[0] + gap
    per_frame: list[tuple[Placed, ...]] = []
    for n in range(length):
        placed = list(fixed)
        if running:
            code = text(_code(start + n, max(1, round(fps))))
            placed.append((y, (width - sprites[code].shape[1]) // 2, code))
        per_frame.append(tuple(placed))
    return assembled(width, height, per_frame, sprites)


def _code(count: int, fps: int) -> str:
    """A time code of so many frames."""
    seconds, frames = divmod(count, fps)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{frames:02d}"


def _inked(ink: np.ndarray, colour: tuple[int, int, int], shaded: bool) -> np.ndarray:
    """A line of text (`scripts.ink` at twice the size) as a sprite; shaded: with a soft dark shadow."""
    body = ink.astype(np.float32)
    alpha = body
    if shaded:
        alpha = np.maximum(body, 0.6 * cv2.GaussianBlur(np.roll(body, (2, 2), (0, 1)), (0, 0), 1.5))
    # A shadow is black: colour counts by how much of the sample is ink.
    drawn = np.dstack([body * (c / 255) for c in colour])
    return reduced(drawn, alpha, 2)


def _frame(
    rng: np.random.Generator, width: int, height: int, thick: float, colour: tuple[int, int, int]
) -> np.ndarray:
    """A frame, or its corners alone."""
    picture = np.zeros((height, width), np.uint8)
    line = max(1, round(thick))
    cv2.rectangle(picture, (0, 0), (width - 1, height - 1), 255, 2 * line - 1)
    if rng.random() < 0.8:
        arm = round(min(width, height) * rng.uniform(0.08, 0.25))
        picture[arm:-arm] = 0
        picture[:, arm:-arm] = 0
    return np.dstack([np.where(picture > 0, np.uint8(c), np.uint8(0)) for c in colour] + [picture])


def _cross(side: int, thick: float, colour: tuple[int, int, int]) -> np.ndarray:
    """A cross, anti-aliased."""
    size = side * _FACTOR
    picture = np.zeros((size, size), np.uint8)
    line = max(1, round(thick * _FACTOR))
    cv2.line(picture, (0, size // 2), (size - 1, size // 2), 255, line)
    cv2.line(picture, (size // 2, 0), (size // 2, size - 1), 255, line)
    ink = picture.astype(np.float32)
    return reduced(np.dstack([ink * (c / 255) for c in colour]), ink, _FACTOR)

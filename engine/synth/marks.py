"""Marks that are not solid or do not stay: half transparent logos, marks that move, marks that flash.

A mark is drawn (a shape and letters, or a line of outlined text), or a picture with alpha from a folder. It is cut
where it leaves the frame.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

import cv2
import numpy as np

from ..errors import ArgumentError
from . import camera, captions, lettering, scripts
from .glyphs import scaled
from .overlay import Overlay, Placed, assembled, checked, faded

_NAMES = ("@skyline", "SAMPLE", "PREVIEW", "LIVE", "NEWS 24", "fly.example", "DEMO", "BREAKING", "www.example.org")
#: Opacities of a pulse: fewer than a video's codes, more than an eye tells apart.
_LEVELS = 12


def pictures(folder: str | Path) -> list[Path]:
    """PNG files in a folder and right below it. Raises ArgumentError where there are none."""
    found = sorted([*Path(folder).glob("*.png"), *Path(folder).glob("*/*.png")])
    if not found:
        raise ArgumentError(f"pictures must be a folder with PNG files, passed {folder}")
    return found


def read(path: Path, height: int, widest: int) -> np.ndarray:
    """A picture `height` pixels high, less where it would be wider than `widest`: uint8 RGBA, straight alpha.

    Raises ArgumentError for what is no picture or has no alpha: a mark without one is a rectangle, and its edge would
    be learned instead of its shape.
    """
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None or image.ndim != 3 or image.shape[2] != 4:
        raise ArgumentError(f"a mark must be a picture with alpha, passed {path}")
    if image.dtype == np.uint16:
        image = (image // 257).astype(np.uint8)
    scale = min(height / image.shape[0], widest / image.shape[1])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return scaled(np.ascontiguousarray(image[..., [2, 1, 0, 3]]), *size)


def _mark(
    rng: np.random.Generator,
    height: int,
    widest: int,
    fonts: scripts.Fonts,
    folder: str | Path | None,
) -> np.ndarray:
    """A mark `height` pixels high or a little more: uint8 RGBA, straight alpha, trimmed to what shows."""
    if folder is not None:
        found = pictures(folder)
        made = read(found[int(rng.integers(len(found)))], height, widest)
    elif rng.random() < 0.6:
        made = lettering.mark(rng, height, [])
    else:
        faces = scripts.faces("latin", fonts)
        looks = captions.style(rng, faces)
        em = max(8, round(0.6 * height)) * 2
        made, _ = captions.block([scripts.ink(str(rng.choice(_NAMES)), em, looks.face, looks.bold)], em, looks)
    rows, columns = np.flatnonzero(made[..., 3].any(1)), np.flatnonzero(made[..., 3].any(0))
    if not len(rows):
        raise ArgumentError(f"a mark must show something, passed an empty picture from {folder}")
    return made[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def transparent(
    width: int,
    height: int,
    length: int,
    fps: float,
    seed: int,
    fonts: scripts.Fonts = None,
    pictures: str | Path | None = None,
    opacity: float | None = None,
) -> Overlay:
    """A half transparent mark that never changes: in a corner, or a large one in the middle.

    fonts: see `scripts.faces`. pictures: a folder of PNG files with alpha; drawn marks where None. opacity: above 0 and
    below 1; 0.3..0.8 where None.
    """
    checked(width, height, length, fps)
    if opacity is not None and not 0 < opacity < 1:
        raise ArgumentError(f"opacity must be above 0 and below 1, passed {opacity}")
    rng = np.random.default_rng([seed, 7])
    strength = rng.uniform(0.3, 0.8) if opacity is None else opacity
    large = rng.random() < 0.2
    size = max(10, round(height * (rng.uniform(0.15, 0.3) if large else rng.uniform(0.06, 0.14))))
    mark = faded(_mark(rng, size, round(width * 0.6), fonts, pictures), strength)
    if large:
        y, x = (height - mark.shape[0]) // 2, (width - mark.shape[1]) // 2
    else:
        inset = max(1, round(height * rng.uniform(0.03, 0.07)))
        y = inset if rng.random() < 0.6 else height - inset - mark.shape[0]
        x = inset if rng.random() < 0.4 else width - inset - mark.shape[1]
    return assembled(width, height, [((y, x, "mark"),)] * length, {"mark": mark})


def _room(frame: int, mark: int) -> tuple[int, int]:
    """First and last place of a mark along one side; one without room is cut by the frame instead."""
    return (0, frame - mark) if frame - mark >= 8 else (-(mark // 2), frame - mark // 2)


def moving(
    width: int,
    height: int,
    length: int,
    fps: float,
    seed: int,
    fonts: scripts.Fonts = None,
    pictures: str | Path | None = None,
) -> Overlay:
    """A mark that bounces between the frame's sides, drifts in waves, runs through as a ticker, or jumps.

    0.3..6 pixels a frame at 640 pixels of width; jumps every 0.3..2.5 seconds. fonts, pictures: as in `transparent`.
    """
    checked(width, height, length, fps)
    rng = np.random.default_rng([seed, 8])
    size = max(10, round(height * rng.uniform(0.06, 0.16)))
    mark = _mark(rng, size, round(width * 0.6), fonts, pictures)
    if rng.random() < 0.4:
        mark = faded(mark, rng.uniform(0.3, 0.9))
    (top, bottom), (left, right) = _room(height, mark.shape[0]), _room(width, mark.shape[1])
    t = np.arange(length)
    speed = np.exp(rng.uniform(np.log(0.3), np.log(6))) * max(1.0, width / 640)
    way = rng.choice(["bounce", "drift", "ticker", "jump"], p=[0.3, 0.25, 0.15, 0.3])
    start = rng.uniform(top, bottom), rng.uniform(left, right)
    if way == "bounce":
        turn = rng.uniform(0.15, 0.5 * np.pi - 0.15) + 0.5 * np.pi * rng.integers(4)
        y = camera.folded(start[0] + speed * np.sin(turn) * t, top, bottom)
        x = camera.folded(start[1] + speed * np.cos(turn) * t, left, right)
    elif way == "drift":
        y, x = (
            (low + high) / 2 + (high - low) / 2 * np.sin(2 * speed * rng.uniform(0.6, 1.4) * t / (high - low) + phase)
            for low, high, phase in ((top, bottom, rng.uniform(0, 6)), (left, right, rng.uniform(0, 6)))
        )
    elif way == "ticker":
        span = width + mark.shape[1]
        y = np.full(length, start[0])
        x = width - (speed * t + rng.uniform(0.2, 0.8) * span) % span
    else:
        y, x = _jumps(rng, length, fps, (top, bottom), (left, right))
    places = zip(np.rint(y).astype(int).tolist(), np.rint(x).astype(int).tolist(), strict=True)
    return assembled(width, height, [((py, px, "mark"),) for py, px in places], {"mark": mark})


def _jumps(
    rng: np.random.Generator, length: int, fps: float, rows: tuple[int, int], columns: tuple[int, int]
) -> np.ndarray:
    """Places [2, length] that hold for a while; two that follow each other lie apart."""
    out = np.zeros((2, length))
    n, at = 0, np.array([np.inf, np.inf])
    low, high = (np.array(ends, float) for ends in zip(rows, columns, strict=True))
    while n < length:
        held = max(1, min(length // 3, round(fps * rng.uniform(0.3, 2.5))))
        # The best of a few: the nearest may be where the mark already is.
        places = rng.uniform(low, high, (6, 2))
        at = places[0] if n == 0 else places[int(np.argmax(((places - at) ** 2).sum(1)))]
        out[:, n : n + held] = at[:, None]
        n += held
    return out


def flashing(
    width: int,
    height: int,
    length: int,
    fps: float,
    seed: int,
    fonts: scripts.Fonts = None,
    pictures: str | Path | None = None,
) -> Overlay:
    """A mark that blinks, flashes for a moment, or pulses in opacity; some come back at another place.

    Periods of 0.15..2 seconds, at most half the clip. fonts, pictures: as in `transparent`.
    """
    checked(width, height, length, fps)
    rng = np.random.default_rng([seed, 9])
    size = max(10, round(height * rng.uniform(0.06, 0.16)))
    mark = _mark(rng, size, round(width * 0.6), fonts, pictures)
    period = int(np.clip(round(fps * np.exp(rng.uniform(np.log(0.15), np.log(2)))), 2, max(2, length // 2)))
    t = np.arange(length) + int(rng.integers(period))
    way = rng.choice(["blink", "flash", "pulse"], p=[0.5, 0.2, 0.3])
    phase = t % period
    if way == "pulse" and period >= 4:
        level = np.rint(_LEVELS * (0.5 - 0.5 * np.cos(2 * np.pi * phase / period))).astype(int)
    else:
        on = max(1, round(fps * 0.05)) if way == "flash" else round(period * rng.uniform(0.3, 0.7))
        level = np.where(phase < np.clip(on, 1, period - 1), _LEVELS, 0)
    (top, bottom), (left, right) = _room(height, mark.shape[0]), _room(width, mark.shape[1])
    turns = int(t[-1]) // period + 1
    places = np.rint(rng.uniform((top, left), (bottom, right), (turns, 2))).astype(int)
    if rng.random() < 0.7:
        places[:] = places[0]
    sprites: dict[Hashable, np.ndarray] = {k: faded(mark, k / _LEVELS) for k in sorted(set(level.tolist()) - {0})}
    per_frame: list[tuple[Placed, ...]] = [
        ((*places[turn].tolist(), k),) if k else ()
        for turn, k in zip((t // period).tolist(), level.tolist(), strict=True)
    ]
    return assembled(width, height, per_frame, sprites)

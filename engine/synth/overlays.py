"""Kinds of overlays by name, and how an overlay is laid over a picture.

The kinds that the benchmark measures (`KINDS`) are made here and never change for a seed; training also sees the
styled, moving and half transparent ones (`KINDS_TRAINING`) of the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

import numpy as np

from ..errors import ArgumentError
from . import captions, displays, lettering, marks, stamps, strokes, viewfinder
from . import glyphs as glyph_sets
from . import telemetry as flight_display
from .glyphs import Fonts
from .overlay import Overlay, Placed, assembled, checked, faded

#: Grids of real displays, columns x rows: HDZero and wtfos, Walksnail and DJI O3, analog and SD.
GRIDS = ((50, 18), (53, 20), (30, 16))
KINDS = ("telemetry", "telemetry-per-frame", "subtitles", "logo")
#: What training may see besides.
_STYLED: dict[str, Callable[..., Overlay]] = {
    "telemetry-systems": displays.telemetry,
    "subtitles-styled": captions.subtitles,
    "logo-transparent": marks.transparent,
    "moving": marks.moving,
    "flashing": marks.flashing,
    "timestamp": stamps.timestamp,
    "viewfinder": viewfinder.viewfinder,
}
KINDS_TRAINING = (*KINDS, *_STYLED)


def telemetry(
    width: int,
    height: int,
    length: int,
    fps: float,
    seed: int,
    fonts: Fonts = None,
    coverage: float | None = None,
) -> Overlay:
    """On-screen display of a drone: a grid of glyphs whose readings change 12 times a second.

    fonts: glyph sheets (see `glyphs.files`); drawn glyphs where None. coverage: share of the frame that the
    all-states mask should cover; drawn from 2.2..4.6 % where None. Small frames take the coarsest grid or a
    part of it.
    """
    checked(width, height, length, fps)
    rng = np.random.default_rng([seed, 1])
    columns, rows = GRIDS[int(rng.choice(3, p=[0.5, 0.3, 0.2]))]
    if width // columns < 10 or height // rows < 14:
        columns, rows = GRIDS[2]
    cell_width = max(7, min(width // columns, round(height / rows * 0.75)))
    cell_height = max(10, min(height // rows, round(cell_width * 1.6)))
    columns, rows = min(columns, width // cell_width), max(height // cell_height, 1)
    left, top = (width - columns * cell_width) // 2, (height - rows * cell_height) // 2

    paths = glyph_sets.files(fonts)
    sheet = glyph_sets.sheet(paths[int(rng.integers(len(paths)))]) if paths else None
    pen = strokes.Pen(
        width=rng.uniform(0.65, 1.1), outline=rng.uniform(0.35, 0.6), slant=float(rng.choice([0, 0, 0.12])),
        squeeze=rng.uniform(0.85, 1.05), hard=bool(rng.random() < 0.3),
    )  # fmt: skip
    glyphs = glyph_sets.GlyphSet(cell_width, cell_height, pen, sheet)

    # Rounding guards against 3.9999999 refreshes at rates such as 30000/1001.
    refresh_of = np.floor(np.arange(length) * flight_display.REFRESH / fps + 1e-6).astype(np.int64)
    count = int(refresh_of[-1]) + 1
    wanted = (rng.uniform(0.022, 0.046) if coverage is None else coverage) * width * height
    kept = flight_display.chosen(rng, glyphs, rows, columns, count, wanted)

    sprites: dict[Hashable, np.ndarray] = {}
    refreshes: list[tuple[Placed, ...]] = []
    for k in range(count):
        placed = []
        for element in kept:
            for row, column, name, tint in element.states[k]:
                sprites.setdefault((name, tint), glyphs.glyph(name, tint))
                placed.append((top + row * cell_height, left + column * cell_width, (name, tint)))
        refreshes.append(tuple(placed))
    return assembled(width, height, [refreshes[k] for k in refresh_of], sprites)


def subtitles(width: int, height: int, length: int, fps: float, seed: int, fonts: Fonts = None) -> Overlay:
    """One or two lines of text that come and go at the bottom, outlined or on a box.

    fonts: TrueType files or a folder of them, where this OpenCV can read them; its own letters otherwise.
    """
    checked(width, height, length, fps)
    rng = np.random.default_rng([seed, 2])
    style = lettering.style(rng, lettering.faces(fonts))
    size = max(9, round(height * rng.uniform(0.045, 0.07)))
    sprites: dict[Hashable, np.ndarray] = {}
    per_frame: list[tuple[Placed, ...]] = [()] * length
    n = int(rng.integers(0, max(1, min(length // 3, round(fps)))))
    while n < length:
        block = lettering.block(rng, style, size, int(width * 0.86))
        key = len(sprites)
        sprites[key] = block
        y, x = height - block.shape[0] - round(height * 0.05), (width - block.shape[1]) // 2
        stop = min(length, n + max(1, round(fps * rng.uniform(0.8, 3.0))))
        per_frame[n:stop] = [((y, x, key),)] * (stop - n)
        n = stop + int(rng.integers(1, max(2, round(fps * 0.7))))
    return assembled(width, height, per_frame, sprites)


def logo(
    width: int, height: int, length: int, fps: float, seed: int, fonts: Fonts = None, opacity: float = 1.0
) -> Overlay:
    """A station's mark in a corner that never moves: a drawn shape and letters, 0 < opacity <= 1."""
    checked(width, height, length, fps)
    if not 0 < opacity <= 1:
        raise ArgumentError(f"opacity must be above 0 and at most 1, passed {opacity}")
    rng = np.random.default_rng([seed, 3])
    mark = lettering.mark(rng, max(12, round(height * rng.uniform(0.07, 0.12))), lettering.faces(fonts))
    mark = faded(mark, opacity)
    inset = max(1, round(height * rng.uniform(0.03, 0.07)))
    y = inset if rng.random() < 0.6 else height - inset - mark.shape[0]
    x = inset if rng.random() < 0.4 else width - inset - mark.shape[1]
    return assembled(width, height, [((y, x, "mark"),)] * length, {"mark": mark})


def lay(rgb: np.ndarray, rgba: np.ndarray) -> np.ndarray:
    """`rgba` [H, W, 4] over `rgb` uint8 [H, W, 3]: a new picture."""
    out = rgb.copy()
    at = rgba[..., 3] > 0
    alpha = rgba[at][:, 3:].astype(np.uint16)
    out[at] = (rgb[at] * (255 - alpha) + rgba[at][:, :3] * alpha + 127) // 255
    return out


#: RGB 0..255 to BT.709 limited-range Y, Cb, Cr (ITU-R BT.709-6, 8 bit).
_BT709 = np.array(
    [
        [0.2126, 0.7152, 0.0722],
        [-0.2126 / 1.8556, -0.7152 / 1.8556, 0.5],
        [0.5, -0.7152 / 1.5748, -0.0722 / 1.5748],
    ]
) * (np.array([[219], [224], [224]]) / 255)
_OFFSET = np.array([16.0, 128.0, 128.0])


def lay_yuv420(planes: Sequence[np.ndarray], rgba: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`rgba` over 8-bit BT.709 limited planes Y [H, W], Cb and Cr [ceil(H/2), ceil(W/2)]: new planes.

    A chroma sample takes the mean of alpha and of alpha-weighted colour over its 2x2 pixels.
    """
    luma, *chroma = (plane.copy() for plane in planes)
    y, x = np.nonzero(rgba[..., 3])
    if not len(y):
        return luma, chroma[0], chroma[1]
    touched = rgba[y, x].astype(np.float32)
    alpha = touched[:, 3] / 255
    yuv = touched[:, :3] @ _BT709.T.astype(np.float32) + _OFFSET.astype(np.float32)
    luma[y, x] = np.round(luma[y, x] * (1 - alpha) + yuv[:, 0] * alpha)

    columns = chroma[0].shape[1]
    place = (y // 2) * columns + x // 2
    samples, place = np.unique(place, return_inverse=True)
    # The last sample of an odd row or column stands for fewer than four pixels.
    tall = np.minimum(2, luma.shape[0] - 2 * (samples // columns))
    wide = np.minimum(2, luma.shape[1] - 2 * (samples % columns))
    pixels = (tall * wide).astype(np.float64)
    covered = np.bincount(place, alpha) / pixels
    for plane, colour in zip(chroma, (yuv[:, 1], yuv[:, 2]), strict=True):
        flat = plane.reshape(-1)
        flat[samples] = np.round(flat[samples] * (1 - covered) + np.bincount(place, alpha * colour) / pixels)
    return luma, chroma[0], chroma[1]


def make(
    kind: str,
    width: int,
    height: int,
    length: int,
    fps: float,
    seed: int,
    fonts: Fonts = None,
    pictures: str | Path | None = None,
) -> Overlay:
    """Overlay by its name in `KINDS_TRAINING`.

    fonts: of `KINDS`, telemetry alone takes them (glyph sheets); the other kinds take glyph sheets, TrueType files or a
    folder of both, the system's where None, and drawn letters alone where empty. pictures: a folder of PNG files with
    alpha, for the marks that are not in `KINDS`.
    """
    if kind in _STYLED:
        more = {"pictures": pictures} if kind in ("logo-transparent", "moving", "flashing") else {}
        return _STYLED[kind](width, height, length, fps, seed, fonts, **more)
    if kind not in KINDS:
        raise ArgumentError(f"overlay must be one of {', '.join(KINDS_TRAINING)}, passed {kind}")
    if kind.startswith("telemetry"):
        return telemetry(width, height, length, fps, seed, fonts)
    return (subtitles if kind == "subtitles" else logo)(width, height, length, fps, seed)

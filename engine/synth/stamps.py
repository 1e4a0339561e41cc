"""Stamps that cameras and recorders write into the picture: date, running time, frame numbers, a sign that records.

Every character stands in a cell of its own, its box with it, so that a second that passes changes the cells of its
digits alone.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import datetime, timedelta

import cv2
import numpy as np

from . import displays, glyphs, scripts, strokes, typeset
from .glyphs import GlyphSet
from .overlay import Overlay, Placed, assembled, checked

#: What recorders write: `strftime` codes; names of months are English whatever the machine speaks.
_FORMATS = (
    "%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S {half}", "{month} %d %Y %H:%M:%S",
    "%H:%M:%S", "%d-{month}-%Y %H:%M:%S",
)  # fmt: skip
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_CAMERAS = ("CAM 1", "CAM 02", "CH01", "CH 4", "FRONT", "DVR 03", "")
_COLOURS = (None, None, None, (255, 225, 60), (255, 150, 30), (120, 255, 120))


def _written(form: str, at: datetime) -> str:
    """The moment as text; %p and %b would follow the machine's language."""
    return at.strftime(form).format(half="AM" if at.hour < 12 else "PM", month=_MONTHS[at.month - 1])


def timestamp(
    width: int,
    height: int,
    length: int,
    fps: float,
    seed: int,
    fonts: scripts.Fonts = None,
    numbers: bool | None = None,
    rec: bool | None = None,
) -> Overlay:
    """Date and running time in a corner, outlined or on a box; with it, perhaps, frame numbers and a blinking REC.

    fonts: as in `displays.sheets`. numbers: frame numbers or a time code, which change with every frame; rec: the sign,
    half a second on and half a second off. Both are drawn (30 % and 35 %) where None.
    """
    checked(width, height, length, fps)
    rng = np.random.default_rng([seed, 11])
    with_numbers, with_rec = rng.random() < 0.3, rng.random() < 0.35
    with_numbers = with_numbers if numbers is None else numbers
    with_rec = with_rec if rec is None else rec
    form = _FORMATS[int(rng.integers(len(_FORMATS)))]
    camera = str(rng.choice(_CAMERAS)) if rng.random() < 0.4 else ""
    start = datetime(2009, 1, 1) + timedelta(seconds=float(rng.uniform(0, 5e8)))
    counted, as_code = int(rng.integers(0, 90000)), bool(rng.random() < 0.5)
    top, left = bool(rng.random() < 0.45), bool(rng.random() < 0.5)

    def text(n: int) -> str:
        # The small share guards against 3.9999999 seconds at rates such as 30000/1001.
        at = start + timedelta(seconds=n / fps + 1e-6)
        stamp = _written(form, at)
        if with_numbers:
            frame = int((at.microsecond / 1e6) * fps + 1e-4)
            stamp += f":{frame:02d}" if as_code and form.endswith("%S") else f" {(counted + n) % 1000000:06d}"
        return f"{camera} {stamp}".strip()

    longest = max(len(text(0)), len(text(length - 1)))
    tall = max(9, round(height * rng.uniform(0.035, 0.06)))
    wide = max(5, min(round(tall * rng.uniform(0.55, 0.7)), int(width * 0.94) // longest))
    tall = max(9, min(tall, round(wide * 2)))
    cell = _cells(rng, wide, tall, fonts)
    inset = max(1, round(height * rng.uniform(0.02, 0.06)))
    y = inset if top else height - inset - tall
    x = inset if left else max(0, width - inset - longest * wide)

    sprites: dict[Hashable, np.ndarray] = {}
    per_frame: list[tuple[Placed, ...]] = []
    sign_y, sign_x = y, (width - inset - 5 * wide) if left else inset
    if rng.random() < 0.5 or (longest + 6) * wide + 2 * inset > width:
        sign_y = height - inset - tall if top else inset
    for n in range(length):
        placed: list[Placed] = [(y, x + i * wide, c) for i, c in enumerate(text(n))]
        if with_rec and int(2 * n / fps + 1e-6) % 2 == 0:
            placed += [(sign_y, sign_x + i * wide, c) for i, c in enumerate(("dot", " ", "R", "E", "C"))]
        for _, _, c in placed:
            if c not in sprites:
                sprites[c] = cell(str(c))
        per_frame.append(tuple(placed))
    return assembled(width, height, per_frame, sprites)


def _cells(rng: np.random.Generator, wide: int, tall: int, fonts: scripts.Fonts) -> Callable[[str], np.ndarray]:
    """Draws a character of one stamp: uint8 [tall, wide, 4], on its part of the box where the stamp has one."""
    sources, pick = displays.sheets(fonts), rng.random(2)
    source = sources[int(pick[0] * len(sources))] if sources and pick[1] < 0.6 else None
    sheet = typeset.sheet(source) if isinstance(source, scripts.Face) else glyphs.sheet(source) if source else None
    pen = strokes.Pen(
        width=rng.uniform(0.7, 1.1), outline=rng.uniform(0.3, 0.6), squeeze=rng.uniform(0.8, 1.0),
        hard=bool(rng.random() < 0.5),
    )  # fmt: skip
    drawn = GlyphSet(wide, tall, pen, sheet)
    colour = _COLOURS[int(rng.integers(len(_COLOURS)))]
    box = float(rng.choice([0.0, rng.uniform(0.35, 0.7), 1.0], p=[0.6, 0.2, 0.2]))

    def cell(name: str) -> np.ndarray:
        made = _dot(wide, tall) if name == "dot" else drawn.glyph(name, colour).copy()
        if not box:
            return made
        # The glyph over a black cell.
        alpha = made[..., 3:].astype(np.float32) / 255
        total = alpha + box * (1 - alpha)
        made[..., :3] = np.rint(made[..., :3] * alpha / total)
        made[..., 3:] = np.rint(255 * total)
        return made

    return cell


def _dot(wide: int, tall: int) -> np.ndarray:
    """The red dot of a recorder, outlined in black."""
    made = np.zeros((tall * 4, wide * 4, 4), np.uint8)
    at, r = (wide * 2, tall * 2), int(1.8 * min(wide, tall))
    cv2.circle(made, at, r, (0, 0, 0, 255), -1)
    cv2.circle(made, at, int(r * 0.78), (235, 30, 25, 255), -1)
    return glyphs.scaled(made, wide, tall)

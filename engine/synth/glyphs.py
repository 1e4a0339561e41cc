"""Glyphs of on-screen displays: from sheets of real systems where the user has them, drawn otherwise.

Sheets are PNG files in one of two layouts: a grid of 16 columns of 24x36 or 36x54 glyphs on the key colour
127,127,127 (HDZero goggles), or a strip one glyph wide with an alpha channel. Glyph n is MAX7456 code n;
letters and digits stand at their ASCII codes in every system, symbols where each flight controller's
firmware puts them.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from ..errors import ArgumentError
from . import strokes

Fonts = str | Path | Iterable[str | Path] | None

_COMMON = {"rssi": 0x01, "volt": 0x06, "mah": 0x07, "sat_l": 0x1E, "sat_r": 0x1F, "amp": 0x9A}
_COMMON |= {f"arrow{i}": 0x60 + i for i in range(16)} | {f"ah{i}": 0x80 + i for i in range(9)}
_COMMON |= {f"batt{i}": 0x90 + i for i in range(7)}
_COMMON |= {"hdg_n": 0x18, "hdg_s": 0x19, "hdg_e": 0x1A, "hdg_w": 0x1B, "hdg_mark": 0x1C, "hdg_line": 0x1D}
#: Codes of symbols by firmware (Betaflight drivers/osd_symbols.h, ArduPilot AP_OSD/AP_OSD_Backend.h, INAV
#: osd_symbols). What a firmware's table lacks is drawn.
SYMBOLS = {
    "BTFL": _COMMON | {
        "ah_left": 0x02, "ah_right": 0x03, "metre": 0x0C, "home": 0x11, "ah_deco": 0x13, "speed": 0x70,
        "ahc_l": 0x72, "ahc_c": 0x73, "ahc_r": 0x74, "temp": 0x7A, "lq": 0x7B, "km": 0x7D, "alt": 0x7F,
        "lat": 0x89, "lon": 0x98,
        "fly_m": 0x9C, "kmh": 0x9E,
    },
    "ARDU": _COMMON | {
        "ah_left": 0x02, "ah_right": 0x03, "ah_deco": 0x13, "ahc_c": 0x7E, "kmh": 0xA1,
        "lat": 0xA6, "lon": 0xA7, "alt": 0xB1,
        "metre": 0xB9, "km": 0xBA, "fly_m": 0xBC, "home": 0xBF, "lq": 0xF8,
    },
    "INAV": {
        "rssi": 0x01, "lq": 0x02, "lat": 0x03, "lon": 0x04, "sat_l": 0x08, "sat_r": 0x09, "home": 0x0A,
        "volt": 0x1F,
        "amp": 0x6A, "alt": 0x76, "kmh": 0x90, "mah": 0x99,
    } | {f"batt{i}": 0x63 + i for i in range(7)},
    "": {},
}  # fmt: skip
_FAMILIES = (("BTFL", "BTFL"), ("_BF", "BTFL"), ("ARDU", "ARDU"), ("INAV", "INAV"), ("_IN_", "INAV"))


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A glyph sheet: `cells` uint8 [count, h, w, 4], straight alpha, RGB; `family`: its table of symbols."""

    name: str
    family: str
    cells: np.ndarray = field(repr=False)


def files(fonts: Fonts) -> list[Path]:
    """Sheet files in a folder (and those right below), a file, a glob pattern, or a list of these."""
    if fonts is None:
        return []
    if not isinstance(fonts, str | Path):
        return [path for one in fonts for path in files(one)]
    path = Path(fonts)
    if path.is_dir():
        found = [*path.glob("*.png"), *path.glob("*/*.png")]
    else:
        found = [path] if path.is_file() else [Path(p) for p in glob.glob(str(fonts))]
    found = sorted(p for p in found if p.suffix.lower() == ".png")
    usable = [p for p in found if _layout(p) is not None]
    if not usable:
        raise ArgumentError(
            f"fonts must hold glyph sheets (PNG, 16 columns or a strip of 2:3 glyphs), passed {fonts}"
        )
    return usable


@lru_cache(256)
def _layout(path: Path) -> tuple[int, int] | None:
    """(columns, glyph width) of a sheet file, from its header alone; None where the layout is another."""
    with open(path, "rb") as file:
        head = file.read(24)
    width, height = int.from_bytes(head[16:20]), int.from_bytes(head[20:24])
    for columns, glyph in ((1, 24), (1, 36), (16, 24), (16, 36)):
        if width == columns * glyph and height and height % (glyph * 3 // 2) == 0:
            return columns, glyph
    return None


@lru_cache(32)
def sheet(path: Path) -> Sheet:
    """Read a sheet file. Raises ArgumentError where the layout is unknown."""
    layout = _layout(path)
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if layout is None or image is None:
        raise ArgumentError(
            f"a glyph sheet must have 1 or 16 columns of 24x36 or 36x54 glyphs, passed {path}"
        )
    columns, w = layout
    h = w * 3 // 2
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    keyed = image.shape[2] == 3
    alpha = np.where((image == 127).all(2), np.uint8(0), np.uint8(255)) if keyed else image[..., 3]
    rgba = np.dstack([image[..., 2::-1], alpha])
    rgba[alpha == 0] = 0
    rows = rgba.shape[0] // h
    cells = rgba.reshape(rows, h, columns, w, 4).transpose(0, 2, 1, 3, 4).reshape(-1, h, w, 4)
    name = path.stem.upper()
    family = next((family for part, family in _FAMILIES if part in name), "")
    return Sheet(name=path.stem, family=family, cells=np.ascontiguousarray(cells))


class GlyphSet:
    """Glyphs of one display at one cell size, made once each and kept."""

    def __init__(
        self, cell_width: int, cell_height: int, pen: strokes.Pen, sheet: Sheet | None = None
    ) -> None:
        self.cell_width, self.cell_height = cell_width, cell_height
        self.pen, self.sheet = pen, sheet
        self._made: dict[tuple[str, tuple[int, int, int] | None], np.ndarray] = {}

    def glyph(self, name: str, tint: tuple[int, int, int] | None = None) -> np.ndarray:
        """uint8 [cell_height, cell_width, 4] of a character or a symbol; `tint` colours what is white."""
        key = name, tint
        if key not in self._made:
            made = self._from_sheet(name)
            if made is None:
                made = strokes.draw(name, self.cell_width, self.cell_height, self.pen)
            if tint is not None:
                made = made.copy()
                made[..., :3] = (made[..., :3].astype(np.uint16) * np.array(tint, np.uint16) // 255).astype(
                    np.uint8
                )
            self._made[key] = made
        return self._made[key]

    def _from_sheet(self, name: str) -> np.ndarray | None:
        if self.sheet is None:
            return None
        code = ord(name) if len(name) == 1 else SYMBOLS[self.sheet.family].get(name)
        if code is None or code >= len(self.sheet.cells) or not self.sheet.cells[code][..., 3].any():
            return None
        return scaled(self.sheet.cells[code], self.cell_width, self.cell_height, self.pen.hard)


def scaled(rgba: np.ndarray, width: int, height: int, hard: bool = False) -> np.ndarray:
    """Resize straight-alpha RGBA without dark fringes; `hard` makes alpha 0 or 255."""
    if rgba.shape[:2] == (height, width):
        made = rgba.copy()
    else:
        alpha = rgba[..., 3:].astype(np.float32) / 255
        premultiplied = np.concatenate([rgba[..., :3] * alpha, alpha * 255], 2)
        shrinks = width < rgba.shape[1] or height < rgba.shape[0]
        mode = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        small = cv2.resize(premultiplied, (width, height), interpolation=mode)
        made = np.zeros((height, width, 4), np.uint8)
        made[..., :3] = np.clip(small[..., :3] * 255 / np.maximum(small[..., 3:], 1), 0, 255)
        made[..., 3] = np.clip(small[..., 3] + 0.5, 0, 255)
    if hard:
        made[..., 3] = np.where(made[..., 3] >= 112, 255, 0)
    made[made[..., 3] < 12] = 0
    return made

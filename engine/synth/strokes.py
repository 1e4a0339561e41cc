"""Drawn glyphs: letters, digits and flight symbols from strokes, white with a black outline.

A glyph is a list of polylines and filled shapes on a 6 x 9 box (x to the right, y down). Own data: no font
file and no version of OpenCV changes how they look.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import cos, pi, sin

import cv2
import numpy as np

#: The box that strokes are drawn in, with the pen's centre between (1, 1.5) and (5, 7.5).
BOX = (6.0, 9.0)

# Polylines as digit pairs xy on a 5 x 7 grid (0..4, 0..6), polylines separated by spaces.
_LETTERS = {
    "0": "103041453616050110 0541", "1": "11202646 0646", "2": "01103041422406 0646",
    "3": "0110304142332344 334445361605",
    "4": "3630040444", "5": "40000323344445361605", "6": "301001051636454433230413", "7": "00404126",
    "8": "103041423313020110 1333444536160504 0413", "9": "433313020110304145361605", "A": "0602204246 0444",
    "B": "00304142330300063645443303", "C": "4130100105163645", "D": "00304245360600", "E": "4000064603 0333",
    "F": "40000603 0333", "G": "41301001051636454323", "H": "0006 4046 0343", "I": "1030 2026 1636",
    "J": "404536160504",
    "K": "0006 4003 0346", "L": "000646", "M": "0600224046", "N": "06004640", "O": "103041453616050110",
    "P": "060030414233230333", "Q": "103041453616050110 2446", "R": "0600304142330323 2346",
    "S": "4130100102134445361605", "T": "0040 2026", "U": "000516364540", "V": "002640", "W": "0016233640",
    "X": "0046 4006", "Y": "002340 2326", "Z": "00400646", ".": "2526", ",": "2517", ":": "2122 2425",
    "-": "1333",
    "+": "1333 2224", "/": "4006", "%": "4006 0111 3545", "!": "2024 2626", "?": "011030414223 2424 2626",
    "(": "30111536", ")": "10313536", "=": "0242 0444", "<": "400346", ">": "004306", "*": "1333 1133 3113",
    "#": "1016 3036 0242 0444", "_": "0646", "'": "2021",
}  # fmt: skip

Polyline = list[tuple[float, float]]


def _decoded(text: str) -> list[Polyline]:
    lines = []
    for part in text.split():
        points = [(1.0 + int(a), 1.5 + int(b)) for a, b in zip(part[::2], part[1::2], strict=True)]
        lines.append(points)
    return lines


def _circle(x: float, y: float, r: float, start: float = 0, stop: float = 2 * pi) -> Polyline:
    return [(x + r * cos(a), y + r * sin(a)) for a in np.linspace(start, stop, 17)]


def _arrow(sixteenth: int) -> Polyline:
    a = sixteenth * pi / 8
    shape = [(0, -2.6), (2.2, 0.2), (0.8, 0.2), (0.8, 2.6), (-0.8, 2.6), (-0.8, 0.2), (-2.2, 0.2)]
    return [(3 + x * cos(a) - y * sin(a), 4.5 + x * sin(a) + y * cos(a)) for x, y in shape]


@lru_cache(1)
def _symbols() -> tuple[dict[str, list[Polyline]], dict[str, list[Polyline]]]:
    """Stroked and filled shapes by symbol name."""
    small = {c: [[(x * 0.5, y * 0.5) for x, y in line] for line in _decoded(s)] for c, s in _LETTERS.items()}

    def word(text: str, x: float, y: float) -> list[Polyline]:
        return [
            [(px + x + 2.4 * i, py + y) for px, py in line] for i, c in enumerate(text) for line in small[c]
        ]

    wave = [_circle(3, 6.5, r, -0.8 * pi, -0.2 * pi) for r in (1.2, 2.4, 3.6)]
    house = [[(0.8, 4.5), (3, 2.2), (5.2, 4.5)], [(1.5, 4.5), (1.5, 7.2), (4.5, 7.2), (4.5, 4.5)]]
    globe = [_circle(3, 4.5, 2.2), _circle(3, 4.5, 1.0), [(0.8, 4.5), (5.2, 4.5)]]
    stroked: dict[str, list[Polyline]] = {
        "rssi": wave, "lq": [*wave[:2], *word("L", 1.8, 4.6)], "home": house, "lat": globe,
        "lon": [*globe[:2], [(3, 2.3), (3, 6.7)]],
        "volt": _decoded("012541"), "amp": _decoded("0602204246 0444"),
        "mah": [*word("M", 0, 1.2), *word("AH", 0, 4.6)],
        "metre": word("M", 1.8, 3.4), "km": word("KM", 0, 3.4),
        "kmh": [*word("KM", 0, 1.0), *word("H", 1.8, 4.6), [(0.8, 4.9), (5.2, 4.9)]],
        "fly_m": [_circle(3, 4.5, 2.3), [(3, 3), (3, 4.7), (4.2, 4.7)]],
        "alt": [[(1, 7), (3, 3), (5, 7)], [(3, 3), (3, 7)]],
        "speed": [_circle(3, 5.5, 2.3, pi, 2 * pi), [(3, 5.5), (4.2, 4)]],
        "sat_l": [[(2, 3), (4, 5), (5.5, 3.5), (3.5, 1.5), (2, 3)], [(3, 4), (1, 6)]],
        "sat_r": [[(1, 3), (2.5, 1.5), (4.5, 3.5), (3, 5), (1, 3)], _circle(2, 5, 2, 0, 0.5 * pi)],
        "temp": [_circle(3, 6.5, 1.1), [(3, 5.4), (3, 2)]],
        "ahc_l": [[(1, 4.5), (6, 4.5)]], "ahc_c": [_circle(3, 4.5, 1.5)], "ahc_r": [[(0, 4.5), (5, 4.5)]],
        "ah_deco": [[(2.4, 1.5), (3.6, 1.5)], [(2.4, 6), (3.6, 6)]],
        "ah_left": [[(1.5, 3), (4.5, 4.5), (1.5, 6)]], "ah_right": [[(4.5, 3), (1.5, 4.5), (4.5, 6)]],
        "hdg_line": [[(3, 3.5), (3, 6)]], "hdg_mark": [[(3, 1.5), (3, 7.5)]],
        "hdg_n": _decoded(_LETTERS["N"]), "hdg_e": _decoded(_LETTERS["E"]), "hdg_s": _decoded(_LETTERS["S"]),
        "hdg_w": _decoded(_LETTERS["W"]),
    }  # fmt: skip
    filled: dict[str, list[Polyline]] = {f"arrow{i}": [_arrow(i)] for i in range(16)}
    for i in range(9):
        y = 0.5 + i
        filled[f"ah{i}"] = [[(1.6, y - 0.5), (4.4, y - 0.5), (4.4, y + 0.5), (1.6, y + 0.5)]]
    for i in range(7):
        stroked[f"batt{i}"] = [
            [(1.5, 2), (4.5, 2), (4.5, 7.5), (1.5, 7.5), (1.5, 2)],
            [(2.5, 1.4), (3.5, 1.4)],
        ]
        top = 7.1 - 4.6 * (6 - i) / 6
        filled[f"batt{i}"] = [[(2, top), (4, top), (4, 7.1), (2, 7.1)]]
    return stroked, filled


@dataclass(frozen=True, kw_only=True)
class Pen:
    """How glyphs are drawn, in units of the box: pen and outline width, slant (dx per dy)."""

    width: float = 0.9
    outline: float = 0.45
    slant: float = 0.0
    squeeze: float = 1.0
    hard: bool = False


def draw(name: str, cell_width: int, cell_height: int, pen: Pen) -> np.ndarray:
    """Glyph as uint8 [cell_height, cell_width, 4], straight alpha, RGB. Unknown names and " " are empty."""
    stroked, filled = _symbols()
    lines = stroked.get(name, []) if len(name) > 1 else _decoded(_LETTERS.get(name, ""))
    shapes = filled.get(name, [])
    factor = 4
    size = (cell_width * factor, cell_height * factor)
    scale = (size[0] / BOX[0], size[1] / BOX[1])

    def pixels(line: Polyline) -> np.ndarray:
        points = [
            ((3 + (x - 3) * pen.squeeze + (4.5 - y) * pen.slant) * scale[0], y * scale[1]) for x, y in line
        ]
        return np.round(np.array(points) * 16).astype(np.int32)

    ink = np.zeros(size[::-1], np.uint8)
    unit = min(scale)
    cv2.polylines(ink, [pixels(p) for p in lines], False, 255, max(1, round(pen.width * unit)), cv2.LINE_8, 4)
    for shape in shapes:
        cv2.fillPoly(ink, [pixels(shape)], 255, cv2.LINE_8, 4)
    reach = 2 * max(1, round(pen.outline * unit)) + 1
    around = cv2.dilate(ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    cell = (cell_width, cell_height)
    alpha = cv2.resize(around, cell, interpolation=cv2.INTER_AREA)
    white = cv2.resize(ink, cell, interpolation=cv2.INTER_AREA).astype(np.float32)
    if pen.hard:
        alpha = np.where(alpha >= 96, np.uint8(255), np.uint8(0))
        white = np.where(white >= 128, 255.0, 0.0)
    alpha[alpha < 12] = 0
    tone = np.where(alpha > 0, white * 255 / np.maximum(alpha, 1), 0)
    return np.dstack([np.clip(tone, 0, 255).astype(np.uint8)] * 3 + [alpha])

"""Glyph sheets of displays made from a typeface: white letters with a black outline, each in a cell of its own."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from . import scripts
from .glyphs import Sheet
from .lettering import reduced

_FACTOR = 2


@lru_cache(16)
def sheet(face: scripts.Face, outline: float = 0.09, cell_width: int = 36, cell_height: int = 54) -> Sheet:
    """Characters 32..126 at their codes, white on transparent; symbols stay empty and are drawn by whoever asks.

    outline: its width in em. A letter wider than the cell is squeezed into it, as display fonts do.
    """
    cells = np.zeros((128, cell_height, cell_width, 4), np.uint8)
    wide, tall = cell_width * _FACTOR, cell_height * _FACTOR
    # Capitals then fill as much of the cell as those of the systems' own sheets.
    em = round(0.88 * tall)
    reach = outline * em
    for code in range(33, 127):
        line = scripts.ink(chr(code), em, face)
        # Baseline at 1.1 em; capitals are 0.7 em high: the middle of a capital goes to the middle of the cell.
        top = round(0.75 * em) - tall // 2
        line = line[max(0, top) : max(0, top) + tall]
        room = wide - 2 * int(np.ceil(reach)) - 2
        if line.shape[1] > room:
            line = cv2.resize(line, (room, line.shape[0]), interpolation=cv2.INTER_AREA)
        ink = np.zeros((tall, wide), np.uint8)
        x, y = (wide - line.shape[1]) // 2, max(0, -top)
        line = line[: tall - y]
        ink[y : y + line.shape[0], x : x + line.shape[1]] = line
        away = cv2.distanceTransform((ink < 128).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        body = ink.astype(np.float32)
        alpha = np.maximum(body, 255 * np.clip(reach + 1 - away, 0, 1))
        cells[code] = reduced(np.dstack([body] * 3), alpha, _FACTOR)
    cells.setflags(write=False)
    return Sheet(name=face.name, family="", cells=cells)

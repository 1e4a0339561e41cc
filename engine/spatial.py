"""The spatial candidate: biharmonic filling with a little tension, the best fill from one frame alone.

The fill solves the discrete biharmonic equation in the hole with the picture around it as boundary (Damelin and Hoang,
On Surface Completion and Image Inpainting by Biharmonic Functions, 2018), less a share of the Laplacian (splines in
tension: Smith and Wessel, Gridding with continuous curvature splines in tension, Geophysics 1990). For a fixed hole the solution is a fixed
linear map from the known samples within two pixels to the hole's samples: it is factored once per shape of hole, and
a frame (or all frames of a pass at once) costs a matrix product.

1. The hole is cut into cells of CELL pixels; what a cell's map yields is its own hole samples.
2. Each cell is solved together with a margin of MARGIN pixels around it. Hole samples beyond that margin are
   boundary: their values come from the same fill at half size, so that a hole of any size costs the same per sample.
3. Outside the picture the equation knows nothing: its stencil there mirrors the picture's edge.
4. Maps are shared by all cells of one shape, so that a glyph which comes again costs nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import cv2
import numpy as np
from scipy.linalg import solveh_banded

from .propagation import sample

CELL = 16
MARGIN = 6
#: Weight of the membrane against the plate. Pure biharmonic filling overshoots in texture and in wide holes; measured
#: on ten train clips (text / big boxes, luma PSNR): 0: 23.1 / 22.7, 0.05: 23.5 / 23.5, 0.2: 23.9 / 24.1, 0.8: 24.2 /
#: 24.4 (Telea 23.3 / 22.8), but from 0.2 on smooth pictures begin to lose (34.0, 33.8, 33.3, 32.6 in one).
TENSION = 0.2
#: The biharmonic operator (the Laplacian applied twice) less TENSION times the Laplacian.
STENCIL = (
    (0, 0, 20.0 + 4 * TENSION),
    (0, 1, -8.0 - TENSION), (0, -1, -8.0 - TENSION), (1, 0, -8.0 - TENSION), (-1, 0, -8.0 - TENSION),
    (1, 1, 2.0), (1, -1, 2.0), (-1, 1, 2.0), (-1, -1, 2.0),
    (0, 2, 1.0), (0, -2, 1.0), (2, 0, 1.0), (-2, 0, 1.0),
)
#: Cached maps, in samples of their matrices (float32): 64 MiB.
CACHE = 16 << 20


def _solve(hole: np.ndarray, core: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(unknown samples to yield [o, 2], known samples [k, 2], matrix float32 [o, k]) for one window.

    hole: bool [h, w] unknown samples; core: bool [h, w] those to yield. The window's edge is the picture's edge
    or lies two samples beyond the unknown.
    """
    h, w = hole.shape
    uy, ux = np.nonzero(hole)
    number = np.full((h, w), -1, np.int64)
    number[uy, ux] = np.arange(len(uy))
    touched = np.zeros((h, w), bool)
    inner, outer = [], []
    for dy, dx, c in STENCIL:
        y, x = uy + dy, ux + dx
        y = np.where(y < 0, -y - 1, np.where(y >= h, 2 * h - 1 - y, y))
        x = np.where(x < 0, -x - 1, np.where(x >= w, 2 * w - 1 - x, x))
        row, other, inside = np.arange(len(uy)), number[y, x], hole[y, x]
        touched[y[~inside], x[~inside]] = True
        outer.append((row[~inside], y[~inside], x[~inside], np.full((~inside).sum(), c)))
        inner.append((row[inside], other[inside], np.full(inside.sum(), c)))
    ky, kx = np.nonzero(touched)
    place = np.full((h, w), -1, np.int64)
    place[ky, kx] = np.arange(len(ky))
    row, y, x, c = (np.concatenate(part) for part in zip(*outer, strict=True))
    known = np.bincount(row * len(ky) + place[y, x], -c, len(uy) * len(ky)).reshape(len(uy), len(ky))
    # Row by row the unknown make a band matrix, symmetric and positive: little work, however wide the window.
    row, other, c = (np.concatenate(part) for part in zip(*inner, strict=True))
    lower = row >= other
    row, other, c = row[lower], other[lower], c[lower]
    band = int((row - other).max()) + 1
    matrix = np.bincount((row - other) * len(uy) + other, c, band * len(uy)).reshape(band, len(uy))
    # With no sample known the constant is free: a faint pull to zero settles it.
    matrix[0] += 1e-9
    solved = solveh_banded(matrix, known, overwrite_ab=True, overwrite_b=True, lower=True, check_finite=False)
    yielded = hole & core
    return np.argwhere(yielded), np.stack([ky, kx], 1), solved[number[yielded]].astype(np.float32)


class Cells:
    """A cache of cell solutions by shape, shared by all fills of one inpainter."""

    def __init__(self) -> None:
        self._solved: OrderedDict[bytes, tuple[np.ndarray, np.ndarray, np.ndarray]] = OrderedDict()
        self._size = 0

    def solve(self, hole: np.ndarray, core: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        key = bytes(hole.shape) + np.packbits(hole).tobytes() + np.packbits(core).tobytes()
        if key in self._solved:
            self._solved.move_to_end(key)
            return self._solved[key]
        solved = self._solved[key] = _solve(hole, core)
        self._size += solved[2].size
        while self._size > CACHE and len(self._solved) > 1:
            self._size -= self._solved.popitem(last=False)[1][2].size
        return solved


class Fill:
    """The fill of one hole, bool [H, W], ready for any number of pictures. It must leave some sample known."""

    def __init__(self, hole: np.ndarray, cells: Cells) -> None:
        self.hole = hole
        #: Flat indices of the hole's samples, in the order of the results.
        self.index = np.flatnonzero(hole)
        h, w = hole.shape
        found = []
        far = np.zeros((h, w), bool)
        for y0 in range(0, h, CELL):
            if not hole[y0 : y0 + CELL].any():
                continue
            for x0 in range(0, w, CELL):
                y1, x1 = min(h, y0 + CELL), min(w, x0 + CELL)
                if not hole[y0:y1, x0:x1].any():
                    continue
                # The unknown reach MARGIN around the cell, the equation two samples more.
                reach = MARGIN + 2
                wy, wx = max(0, y0 - reach), max(0, x0 - reach)
                vy, vx = min(h, y1 + reach), min(w, x1 + reach)
                inner = np.zeros((vy - wy, vx - wx), bool)
                inner[max(0, y0 - MARGIN) - wy : min(h, y1 + MARGIN) - wy,
                      max(0, x0 - MARGIN) - wx : min(w, x1 + MARGIN) - wx] = True
                core = np.zeros_like(inner)
                core[y0 - wy : y1 - wy, x0 - wx : x1 - wx] = True
                out, known, matrix = cells.solve(hole[wy:vy, wx:vx] & inner, core)
                out, known = out + (wy, wx), known + (wy, wx)
                beyond = known[hole[known[:, 0], known[:, 1]]]
                far[beyond[:, 0], beyond[:, 1]] = True
                found.append((out[:, 0] * w + out[:, 1], known[:, 0] * w + known[:, 1], matrix))
        #: Flat indices of the samples that are read; those in the hole itself are guessed.
        self._reads = np.unique(np.concatenate([known for _, known, _ in found]))
        self._far = np.flatnonzero(hole.ravel()[self._reads])
        order = np.zeros(h * w, np.int32)
        order[self.index] = np.arange(len(self.index), dtype=np.int32)
        place = np.zeros(h * w, np.int32)
        place[self._reads] = np.arange(len(self._reads), dtype=np.int32)
        self._maps = [(order[out], place[known], matrix) for out, known, matrix in found]
        self._coarse = _Coarse(hole, self._reads[self._far], cells) if len(self._far) else None

    def __call__(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """Fill. pictures: T planes [H, W] of any real type (their hole is not read), in their own scale.
        Returns float32 [T, hole samples]."""
        known = np.stack([_flat(p, self._reads) for p in pictures], 1)  # [reads, T]
        if self._coarse is not None:
            known[self._far] = np.stack([self._coarse(p) for p in pictures], 1)
        filled = np.empty((len(self.index), len(pictures)), np.float32)
        # A picture's level is taken out first: the maps keep constants, and float32 then loses nothing.
        level = known.mean(0)
        known -= level
        for out, reads, matrix in self._maps:
            filled[out] = matrix @ known[reads]
        return (filled + level).T


class _Coarse:
    """The fill at half size, which supplies the hole's far samples as boundary values."""

    def __init__(self, hole: np.ndarray, far: np.ndarray, cells: Cells) -> None:
        h, w = hole.shape
        self._far = far
        self._odd = (h % 2, w % 2)
        self._hole = hole
        known = self._even((~hole).astype(np.float32))
        self._share = known.reshape(known.shape[0] // 2, 2, -1, 2).mean((1, 3))
        small = self._share == 0
        self._fill = Fill(small, cells) if small.any() else None

    def _even(self, picture: np.ndarray) -> np.ndarray:
        return cv2.copyMakeBorder(picture, 0, self._odd[0], 0, self._odd[1], cv2.BORDER_REPLICATE)

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Values of the far samples, float32 [far]."""
        h, w = picture.shape
        known = self._even(np.where(self._hole, np.float32(0), picture.astype(np.float32)))
        half = known.reshape(known.shape[0] // 2, 2, -1, 2).mean((1, 3)) / np.maximum(self._share, 1e-6)
        if self._fill is not None:
            half.ravel()[self._fill.index] = self._fill([half])[0]
        y, x = np.divmod(self._far, w)
        return sample(half, (x + 0.5) / 2 - 0.5, (y + 0.5) / 2 - 0.5)


def _flat(plane: np.ndarray, index: np.ndarray) -> np.ndarray:
    y, x = np.divmod(index, plane.shape[1])
    return plane[y, x].astype(np.float32)

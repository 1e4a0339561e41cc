"""Spatial candidates: smooth fills from one frame alone.

A fill solves the discrete biharmonic equation in the hole with the picture around it as boundary (Damelin and Hoang,
On Surface Completion and Image Inpainting by Biharmonic Functions, 2018), less a share of the Laplacian, the tension
(Smith and Wessel, Gridding with continuous curvature splines in tension, Geophysics 1990). For a fixed hole the
solution is a fixed linear map from the known samples within two pixels to the hole's samples: it is factored once per
shape of hole, and a frame (or all frames of a pass at once) costs a matrix product.

1. The hole is cut into cells of CELL pixels; what a cell's map yields is its own hole samples.
2. Each cell is solved together with a margin of MARGIN pixels around it. Hole samples beyond that margin are
   boundary: their values come from the same fill at half size, so that a hole of any size costs the same per sample.
3. Outside the picture the equation knows nothing: its stencil there mirrors the picture's edge.
4. Maps are shared by all cells of one shape, so that a glyph which comes again costs nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from . import kernels

CELL = 16
MARGIN = 6
#: Two fills are offered: a plate, best in smooth pictures, and one under tension, best in texture and wide holes, where
#: the plate overshoots. Tension measured on ten train clips (text / big boxes, luma PSNR): 0: 23.1 / 22.7, 0.05: 23.5 /
#: 23.5, 0.2: 23.9 / 24.1, 0.8: 24.2 / 24.4 (Telea 23.3 / 22.8); in the smoothest of them 34.0, 33.8, 33.3, 32.6.
PLATE, TENSE = 0.0, 0.8


def stencil(tension: float) -> tuple[tuple[int, int, float], ...]:
    """(dy, dx, weight) of the biharmonic operator (the Laplacian applied twice) less `tension` times the Laplacian."""
    near = -8.0 - tension
    return (
        (0, 0, 20.0 + 4 * tension),
        *((dy, dx, near) for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0))),
        *((dy, dx, 2.0) for dy in (-1, 1) for dx in (-1, 1)),
        *((dy, dx, 1.0) for dy, dx in ((0, 2), (0, -2), (2, 0), (-2, 0))),
    )


#: Cached maps, in samples of their matrices (float32): 64 MiB.
CACHE = 16 << 20


def _solve(hole: np.ndarray, core: np.ndarray, tension: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
    for dy, dx, c in stencil(tension):
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
    columns = -(-len(ky) // 16) * 16
    values = np.bincount(row * columns + place[y, x], -c, len(uy) * columns).reshape(len(uy), columns)
    # Row by row the unknown make a band matrix, symmetric and positive: little work, however wide the window.
    row, other, c = (np.concatenate(part) for part in zip(*inner, strict=True))
    lower = row >= other
    row, other, c = row[lower], other[lower], c[lower]
    band = int((row - other).max()) + 1
    matrix = np.bincount(row * band + band - 1 - (row - other), c, band * len(uy)).reshape(len(uy), band)
    # With no sample known the constant is free: a faint pull to zero settles it.
    matrix[:, -1] += 1e-9
    start = np.arange(len(uy), dtype=np.int32)
    np.minimum.at(start, row, other.astype(np.int32))
    yielded = hole & core
    wanted = number[yielded]
    kernels.solve(matrix, start, values, wanted[0])
    return np.argwhere(yielded), np.stack([ky, kx], 1), values[wanted, : len(ky)].astype(np.float32)


class Cells:
    """A cache of cell solutions by shape, for fills of one tension."""

    def __init__(self, tension: float) -> None:
        self._tension = tension
        self._solved: OrderedDict[bytes, tuple[np.ndarray, np.ndarray, np.ndarray]] = OrderedDict()
        self._size = 0

    def solve(self, hole: np.ndarray, core: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        key = bytes(hole.shape) + np.packbits(hole).tobytes() + np.packbits(core).tobytes()
        if key in self._solved:
            self._solved.move_to_end(key)
            return self._solved[key]
        solved = self._solved[key] = _solve(hole, core, self._tension)
        self._size += solved[2].size
        while self._size > CACHE and len(self._solved) > 1:
            self._size -= self._solved.popitem(last=False)[1][2].size
        return solved


class Fill:
    """The fill of one hole, bool [H, W], ready for any number of pictures. It must leave some sample known."""

    def __init__(self, hole: np.ndarray, cells: Cells) -> None:
        #: Flat indices of the hole's samples, in the order of the results.
        self.index = np.flatnonzero(hole)
        h, w = hole.shape
        found = []
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
                inner[
                    max(0, y0 - MARGIN) - wy : min(h, y1 + MARGIN) - wy,
                    max(0, x0 - MARGIN) - wx : min(w, x1 + MARGIN) - wx,
                ] = True
                core = np.zeros_like(inner)
                core[y0 - wy : y1 - wy, x0 - wx : x1 - wx] = True
                out, known, matrix = cells.solve(hole[wy:vy, wx:vx] & inner, core)
                out, known = out + (wy, wx), known + (wy, wx)
                found.append((out[:, 0] * w + out[:, 1], known[:, 0] * w + known[:, 1], matrix))
        boundary = np.unique(np.concatenate([known for _, known, _ in found]))
        far = hole.ravel()[boundary]
        self._coarse = _Coarse(hole, boundary[far], cells) if far.any() else None
        #: Flat indices of the known samples that the fill reads.
        self.reads = boundary[~far]
        if self._coarse is not None:
            self.reads = np.union1d(self.reads, self._coarse.reads)
            self._to_coarse = np.searchsorted(self.reads, self._coarse.reads)
        # The boundary's values stand in one table: first those that were read, then the far ones.
        place = np.zeros(h * w, np.int32)
        place[self.reads] = np.arange(len(self.reads), dtype=np.int32)
        place[boundary[far]] = len(self.reads) + np.arange(int(far.sum()), dtype=np.int32)
        order = np.zeros(h * w, np.int32)
        order[self.index] = np.arange(len(self.index), dtype=np.int32)
        self._maps = [(matrix, place[known], order[out]) for out, known, matrix in found]

    def __call__(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """Fill. pictures: T planes [H, W] of any real type (their hole is not read), in their own scale.
        Returns float32 [T, hole samples]."""
        y, x = np.divmod(self.reads, pictures[0].shape[1])
        known = np.stack([p[y, x] for p in pictures], 1).astype(np.float32)
        # A picture's level is taken out first: the maps keep constants, and float32 then loses nothing.
        level = known.mean(0)
        return np.ascontiguousarray((self.solve(known - level) + level).T)

    def solve(self, known: np.ndarray) -> np.ndarray:
        """The hole's samples [hole, T] from the samples at `reads`, float32 [reads, T]."""
        if self._coarse is not None:
            known = np.concatenate([known, self._coarse.solve(known[self._to_coarse])])
        filled = np.empty((len(self.index), known.shape[1]), np.float32)
        for matrix, reads, writes in self._maps:
            kernels.apply(matrix, reads, writes, known, filled)
        return filled


class _Coarse:
    """The fill at half size, which supplies the hole's far samples (flat indices) as boundary values."""

    def __init__(self, hole: np.ndarray, far: np.ndarray, cells: Cells) -> None:
        h, w = hole.shape
        ch, cw = (h + 1) // 2, (w + 1) // 2
        # A coarse sample is the mean of those of its four samples that are known, and unknown if none is.
        known = np.pad(~hole, ((0, h % 2), (0, w % 2)), mode="edge")
        small = ~known.reshape(ch, 2, cw, 2).any((1, 3))
        self._fill = Fill(small, cells) if small.any() else None
        # Bilinear between coarse samples: (y + 0.5) / 2 - 0.5 lies a quarter beside one.
        y, x = np.divmod(far, w)
        near_y, near_x = y // 2, x // 2
        next_y = np.clip(near_y + np.where(y % 2, 1, -1), 0, ch - 1)
        next_x = np.clip(near_x + np.where(x % 2, 1, -1), 0, cw - 1)
        taps = np.stack([near_y * cw + near_x, near_y * cw + next_x, next_y * cw + near_x, next_y * cw + next_x], 1)
        self._weights = np.tile(np.float32([9 / 16, 3 / 16, 3 / 16, 1 / 16]), (len(far), 1))
        wanted = np.unique(taps[~small.ravel()[taps]])
        coarse = wanted if self._fill is None else np.union1d(wanted, self._fill.reads)
        self._to_fill = None if self._fill is None else np.searchsorted(coarse, self._fill.reads)
        place = np.zeros(ch * cw, np.int32)
        place[coarse] = np.arange(len(coarse), dtype=np.int32)
        if self._fill is not None:
            place[self._fill.index] = len(coarse) + np.arange(len(self._fill.index), dtype=np.int32)
        self._taps = place[taps]
        cy, cx = np.divmod(coarse, cw)
        ys = np.minimum(2 * cy[:, None] + (0, 0, 1, 1), h - 1)
        xs = np.minimum(2 * cx[:, None] + (0, 1, 0, 1), w - 1)
        fine, share = ys * w + xs, (~hole)[ys, xs].astype(np.float32)
        self._share = share / share.sum(1, keepdims=True)
        #: Flat indices of the known samples that are read.
        self.reads = np.unique(fine[share > 0])
        self._fine = np.searchsorted(self.reads, np.where(share > 0, fine, self.reads[0])).astype(np.int32)

    def solve(self, known: np.ndarray) -> np.ndarray:
        """Values of the far samples [far, T] from the samples at `reads` [reads, T]."""
        half = np.empty((len(self._fine), known.shape[1]), np.float32)
        kernels.mix(known, self._fine, self._share, half)
        if self._fill is not None:
            half = np.concatenate([half, self._fill.solve(half[self._to_fill])])
        out = np.empty((len(self._taps), known.shape[1]), np.float32)
        kernels.mix(half, self._taps, self._weights, out)
        return out

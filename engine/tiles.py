"""Tiles: windows of fixed size that cover a hole and some context, so that work is spent on the hole alone.

Every tile has SIZE x SIZE luma samples and starts at a multiple of ALIGN, so that chroma samples and the network's
coarse grids never straddle two tiles. The hole samples of a tile are those in its core (MARGIN away from its edge, save
at the picture's edge); a sample in two cores belongs to the tile that was laid first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIZE, MARGIN, ALIGN = 64, 8, 4


def lay(hole: np.ndarray) -> np.ndarray:
    """Origins (y, x) of tiles whose cores cover `hole` (bool [H, W]), int32 [K, 2]: shelves from the top, each filled
    from the left. Tiles may reach beyond the picture at its right and lower edge."""
    height, width = hole.shape
    last_y, last_x = (max(0, -(-(n - SIZE) // ALIGN) * ALIGN) for n in (height, width))
    origins = []
    rows = hole.any(1)
    y = 0
    while y < height:
        if not rows[y]:
            y += 1
            continue
        oy = min(max(0, y - MARGIN) // ALIGN * ALIGN, last_y)
        below = height if oy == last_y else oy + SIZE - MARGIN
        columns = np.flatnonzero(hole[y:below].any(0))
        x = 0
        while (k := np.searchsorted(columns, x)) < len(columns):
            ox = min(max(0, int(columns[k]) - MARGIN) // ALIGN * ALIGN, last_x)
            origins.append((oy, ox))
            x = width if ox == last_x else ox + SIZE - MARGIN
        y = below
    return np.array(origins, np.int32).reshape(-1, 2)


@dataclass(frozen=True, kw_only=True)
class Windows:
    """The tiles of one layout on one plane.

    y, x: int32 [K, h], [K, w], the picture's rows and columns under each tile, clamped to the picture.
    inside_y, inside_x: bool, where they were not clamped.
    """

    y: np.ndarray
    x: np.ndarray
    inside_y: np.ndarray
    inside_x: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a tile."""
        return self.y.shape[1], self.x.shape[1]

    def read(self, plane: np.ndarray) -> np.ndarray:
        """The plane's samples under the tiles, [K, h, w] in the plane's type; edges are repeated outside."""
        return plane[self.y[:, :, None], self.x[:, None, :]]


def windows(origins: np.ndarray, height: int, width: int, subsampling_h: int = 0, subsampling_w: int = 0) -> Windows:
    """Windows of `origins` on a plane of `height` x `width` samples."""
    y = (origins[:, :1] >> subsampling_h) + np.arange(SIZE >> subsampling_h, dtype=np.int32)
    x = (origins[:, 1:] >> subsampling_w) + np.arange(SIZE >> subsampling_w, dtype=np.int32)
    return Windows(y=np.minimum(y, height - 1), x=np.minimum(x, width - 1), inside_y=y < height, inside_x=x < width)


def numbers(at: Windows, y: np.ndarray, x: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The number of the sample at each place of the tiles, -1 where none: int32 [K, h, w].

    y, x: int [N], samples of a plane of `shape`.
    """
    number = np.full(shape, -1, np.int32)
    number[y, x] = np.arange(len(y), dtype=np.int32)
    shown = at.read(number)
    shown[~(at.inside_y[:, :, None] & at.inside_x[:, None, :])] = -1
    return shown


def owned(
    at: Windows,
    origins: np.ndarray,
    y: np.ndarray,
    x: np.ndarray,
    shape: tuple[int, int],
    subsampling_h: int = 0,
    subsampling_w: int = 0,
) -> np.ndarray:
    """For each sample (y, x: int [N]) its place in the tile that owns it, int64 [N] flat in [K, h, w]."""
    h, w = at.y.shape[1], at.x.shape[1]
    shown = numbers(at, y, x, shape)
    place = np.flatnonzero(shown >= 0)
    number = shown.ravel()[place]
    ty, tx = place // w % h, place % w
    tile = place // (h * w)
    my, mx = MARGIN >> subsampling_h, MARGIN >> subsampling_w
    # Distance from the tile's edge; edges that are the picture's edge are no edges.
    ey = np.minimum(
        np.where(origins[tile, 0] == 0, h, ty),
        np.where(~at.inside_y[tile, -1] | (at.y[tile, -1] == shape[0] - 1), h, h - 1 - ty),
    )
    ex = np.minimum(
        np.where(origins[tile, 1] == 0, w, tx),
        np.where(~at.inside_x[tile, -1] | (at.x[tile, -1] == shape[1] - 1), w, w - 1 - tx),
    )
    core = (ey >= my) & (ex >= mx)
    # Chroma samples on the rim of luma cores may lie in no core: then the deepest tile is as good.
    depth = np.minimum(np.minimum(ey, my), np.minimum(ex, mx))
    order = np.lexsort((tile, -np.where(core, 1 << 20, depth), number))
    sample, first = np.unique(number[order], return_index=True)
    result = np.full(len(y), -1, np.int64)
    result[sample] = place[order][first]
    return result

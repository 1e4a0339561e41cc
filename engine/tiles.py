"""Tiles: windows that cover a hole and some context, so that work is spent on the hole alone.

A layout has tiles of a few shapes, since a line of text, a number and an artificial horizon want different ones: rows
of tiles (shelves) from the top, each of the shape with which all shelves together cover least. Every tile starts at a
multiple of ALIGN and its sides are multiples of 16, so that chroma samples and the network's coarse grids never
straddle two tiles. The hole samples of a tile are those in its core (MARGIN away from its edge, save at the picture's
edge); a sample in two cores belongs to the tile that comes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MARGIN, ALIGN = 8, 4
#: Rows and columns of a tile. Each shape takes a call of the network, which costs as much as some 5,000 samples more.
#: With that counted in, over ten displays, four subtitles and four logos at 360 to 1080 lines: 64x64 alone 1, the best
#: single shape 0.96, two 0.85, three 0.81, these four 0.80, six 0.79.
SHAPES = ((32, 48), (48, 96), (64, 128), (80, 96))
#: The one shape of examples for training, which are to be stacked.
SQUARE = ((64, 64),)


@dataclass(frozen=True, kw_only=True)
class Tiles:
    """Tiles of one shape (rows, columns); origins: their first row and column, int32 [K, 2]."""

    shape: tuple[int, int]
    origins: np.ndarray

    def __getitem__(self, numbers: np.ndarray) -> Tiles:
        return Tiles(shape=self.shape, origins=self.origins[numbers])


def lay(hole: np.ndarray, shapes: Sequence[tuple[int, int]] = SHAPES) -> tuple[Tiles, ...]:
    """Tiles whose cores cover `hole` (bool [H, W]), for each of the shapes that is used. They may reach beyond the
    picture at its right and lower edge."""
    rows = np.flatnonzero(hole.any(1))
    #: First row of a shelf -> (area from there on, shape of the shelf, its origins, first row of the next).
    best: dict[int, tuple[int, tuple[int, int], list[tuple[int, int]], int | None]] = {}
    reached = [int(rows[0])] if len(rows) else []
    shelves = {}
    for y in reached:
        shelves[y] = []
        for shape in shapes:
            origins, below = _shelf(hole, y, *shape)
            k = int(np.searchsorted(rows, below))
            following = int(rows[k]) if k < len(rows) else None
            shelves[y].append((shape, origins, following))
            if following is not None and following not in reached:
                reached.append(following)
    for y in sorted(reached, reverse=True):
        best[y] = min(
            (len(origins) * h * w + (best[following][0] if following is not None else 0), (h, w), origins, following)
            for (h, w), origins, following in shelves[y]
        )
    laid: dict[tuple[int, int], list[tuple[int, int]]] = {shape: [] for shape in shapes}
    y = reached[0] if reached else None
    while y is not None:
        _, shape, origins, y = best[y]
        laid[shape] += origins
    return tuple(Tiles(shape=s, origins=np.array(o, np.int32)) for s, o in laid.items() if o)


def _shelf(hole: np.ndarray, y: int, h: int, w: int) -> tuple[list[tuple[int, int]], int]:
    """Origins of tiles [h, w] that cover the hole from row `y` on, from the left, and the first row below."""
    height, width = hole.shape
    last_y, last_x = (max(0, -(-(n - size) // ALIGN) * ALIGN) for n, size in ((height, h), (width, w)))
    oy = min(max(0, y - MARGIN) // ALIGN * ALIGN, last_y)
    below = height if oy == last_y else oy + h - MARGIN
    columns = np.flatnonzero(hole[y:below].any(0))
    origins, x = [], 0
    while (k := np.searchsorted(columns, x)) < len(columns):
        ox = min(max(0, int(columns[k]) - MARGIN) // ALIGN * ALIGN, last_x)
        origins.append((oy, ox))
        x = width if ox == last_x else ox + w - MARGIN
    return origins, below


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


def windows(tiles: Tiles, height: int, width: int, subsampling_h: int = 0, subsampling_w: int = 0) -> Windows:
    """Windows of `tiles` on a plane of `height` x `width` samples."""
    (h, w), origins = tiles.shape, tiles.origins
    y = (origins[:, :1] >> subsampling_h) + np.arange(h >> subsampling_h, dtype=np.int32)
    x = (origins[:, 1:] >> subsampling_w) + np.arange(w >> subsampling_w, dtype=np.int32)
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
    at: Sequence[Windows],
    y: np.ndarray,
    x: np.ndarray,
    shape: tuple[int, int],
    subsampling_h: int = 0,
    subsampling_w: int = 0,
) -> np.ndarray:
    """For each sample (y, x: int [N]) its place in the tile that owns it, int64 [N], flat in all [K, h, w] of `at`, one
    behind the other."""
    my, mx = MARGIN >> subsampling_h, MARGIN >> subsampling_w
    offset, found = 0, []
    for one in at:
        h, w = one.shape
        shown = numbers(one, y, x, shape)
        place = np.flatnonzero(shown >= 0)
        tile, ty, tx = place // (h * w), place // w % h, place % w
        # Distance from the tile's edge; edges that are the picture's edge are no edges.
        ey = np.minimum(
            np.where(one.y[tile, 0] == 0, h, ty),
            np.where(~one.inside_y[tile, -1] | (one.y[tile, -1] == shape[0] - 1), h, h - 1 - ty),
        )
        ex = np.minimum(
            np.where(one.x[tile, 0] == 0, w, tx),
            np.where(~one.inside_x[tile, -1] | (one.x[tile, -1] == shape[1] - 1), w, w - 1 - tx),
        )
        # Chroma samples on the rim of luma cores may lie in no core: then the deepest tile is as good.
        depth = np.minimum(np.minimum(ey, my), np.minimum(ex, mx))
        core = (ey >= my) & (ex >= mx)
        found.append((offset + place, np.where(core, 1 << 20, depth), shown.ravel()[place]))
        offset += shown.size
    place, depth, number = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.lexsort((place, -depth, number))
    sample, first = np.unique(number[order], return_index=True)
    result = np.full(len(y), -1, np.int64)
    result[sample] = place[order][first]
    return result

"""The samples of one plane that a mark's estimate looks at: the hole's, and a ring of clean ones around it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

#: Width of the ring of clean samples, pixels: one touches the hole, the others tell how rough the picture is there.
RING = 4


@dataclass(frozen=True, kw_only=True)
class Grid:
    """y, x: int32 [N], the hole's samples first (`hole_count`), in the plane's order, then the ring's.

    pairs: for neighbours to the right and below, the numbers of both: int32 [E, 2] each.
    """

    y: np.ndarray
    x: np.ndarray
    hole_count: int
    pairs: tuple[np.ndarray, np.ndarray]


def grid(hole: np.ndarray) -> Grid:
    """The grid of a hole, bool [H, W]."""
    near = cv2.dilate(hole.view(np.uint8), np.ones((2 * RING + 1, 2 * RING + 1), np.uint8)).view(bool)
    parts = np.nonzero(hole), np.nonzero(near & ~hole)
    y, x = (np.concatenate([part[k] for part in parts]).astype(np.int32) for k in (0, 1))
    number = np.full((hole.shape[0] + 1, hole.shape[1] + 1), -1, np.int32)
    number[y, x] = np.arange(len(y), dtype=np.int32)
    pairs = []
    for dy, dx in ((0, 1), (1, 0)):
        other = number[y + dy, x + dx]
        here = np.flatnonzero(other >= 0).astype(np.int32)
        pairs.append(np.stack([here, other[here]], 1))
    return Grid(y=y, x=x, hole_count=len(parts[0][0]), pairs=(pairs[0], pairs[1]))

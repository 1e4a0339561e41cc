"""What a coder left in the samples that are solved for: the inverse multiplies its noise by 1 / (1 - opacity).

How noisy the result is can be told from the picture itself, by what the finest scale has too much beside the ring,
which is coded as it is and not stretched:

1. Detail of 2x2 samples, against that of 2x2 means of 2x2 samples. Clean pictures have both in one proportion, which
   the ring shows, however rough hole and ring are. Thin strokes have no room for the larger one.
2. Differences between neighbours in the hole, against those in the ring. There is room for that anywhere, but it takes
   a rougher picture for noise, and counts less.
"""

from __future__ import annotations

import numpy as np

from .grid import Grid

#: Share by which the hole may exceed what the ring has before it counts, and what the second sign counts.
SLACK, PLAIN = 1.2, 0.75
#: Opacity from which a sample is looked at, and fewest places that say anything.
FAINT, FEWEST = 0.1, 24


def noise(grid: Grid, restored: np.ndarray, opacity: np.ndarray) -> float:
    """RMS of what the finest scale of the hole has too much, 8-bit code values; 0 where too little can be seen.

    restored: float32 [N, T], the hole's samples as they were solved for, the ring's as they are shown; opacity: float32
    [hole samples], 0 where a sample is not to be looked at.
    """
    count, n = len(grid.y), grid.hole_count
    marked, ring = np.zeros(count, bool), np.arange(count) >= n
    marked[:n] = opacity > FAINT
    right, below = (_neighbours(pairs, count) for pairs in grid.pairs)
    fine, coarse = _detail(restored, right, below, marked)
    usual, usual_coarse = _detail(restored, right, below, ring)
    excess = _excess(fine, coarse, usual, usual_coarse)
    plain, plain_usual = (_differences(grid, restored, some) for some in (marked, ring))
    one = np.ones(FEWEST)
    return float(np.sqrt(max(excess, PLAIN**2 * _excess(plain, one, plain_usual, one))))


def _excess(fine: np.ndarray, coarse: np.ndarray, usual: np.ndarray, usual_coarse: np.ndarray) -> float:
    """By how much `fine` is more than `coarse` asks for, in the proportion that is usual; 0 for too few places."""
    if min(map(len, (fine, coarse, usual, usual_coarse))) < FEWEST:
        return 0.0
    proportion = usual.mean() / max(float(usual_coarse.mean()), 1e-6)
    return max(0.0, float(fine.mean() - SLACK * proportion * coarse.mean()))


def _neighbours(pairs: np.ndarray, count: int) -> np.ndarray:
    """The number of each sample's neighbour, int [count]; the sample's own where it has none."""
    out = np.arange(count)
    out[pairs[:, 0]] = pairs[:, 1]
    return out


def _detail(
    values: np.ndarray, right: np.ndarray, below: np.ndarray, some: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean square over time of the diagonal detail of 2x2 samples, and of 2x2 means of 2x2 samples, wherever all of
    them are of `some`: float32 [places] each (#1)."""
    out = []
    own = np.arange(len(right))
    for _ in range(2):
        # At an edge a sample is its own neighbour, and its square is no square.
        whole = some & (right != own) & (below != own) & some[right] & some[below] & some[below[right]]
        whole &= right[below] == below[right]
        a = np.flatnonzero(whole)
        b, c, d = right[a], below[a], below[right[a]]
        part = (values[a] - values[b] - values[c] + values[d]) / 2
        out.append((part * part).mean(1))
        means = np.zeros_like(values)
        means[a] = (values[a] + values[b] + values[c] + values[d]) / 4
        # The next scale's neighbours lie two samples away, and have all their samples.
        values, some, right, below = means, whole, right[right], below[below]
    return out[0], out[1]


def _differences(grid: Grid, values: np.ndarray, some: np.ndarray) -> np.ndarray:
    """Half the mean square over time of differences between neighbours on one side of the hole's edge, at least one of
    them of `some`: float32 [places] (#2)."""
    out = []
    for pairs in grid.pairs:
        i, j = pairs[(some[pairs].any(1)) & ((pairs < grid.hole_count).all(1) | (pairs >= grid.hole_count).all(1))].T
        apart = values[i] - values[j]
        out.append((apart * apart).mean(1) / 2)
    return np.concatenate(out)

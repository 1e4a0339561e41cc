"""The inverse of a mark, sample by sample, from many frames: true = gain * shown + offset.

What is below a mark continues the picture beside it. So the gains and offsets sought are those under which neighbours
differ as little as neighbours of a clean picture do, over all frames at once: for every two neighbours i, j and every
frame t the difference d = (g_i s_it + o_i) - (g_j s_jt + o_j) is drawn from Cauchy's distribution of the scale that the
ring around the hole has. Clean samples have gain 1 and offset 0 and hold the whole.

1. The likelihood of what is *shown* asks for -log(gain) beside the sum of d^2: without it the flattest picture would
   win, and every gain would be too small (the same bias that a regression on noisy values has).
2. Weighted anew from its last result, each step is a linear system of 2x2 blocks between neighbours, summed over time
   once and solved by conjugate gradients. The first has all but equal weights, is convex and needs no first guess.
3. A mark's colour is one that a screen can show: the opacity is at least what the mean shift asks for.
4. Far from the hole's edge level and contrast drift, at hardly any cost. Marks are mostly painted in few paints, so
   samples that look like one paint are tied to each other across the hole (`paints`). What the contrast within one
   paint says of its gain counts less: it compares the picture inside with the picture beside, and these may differ.

The sum over frames of natural gradients as the measure, and the alternation of opacity and picture: Dekel et al., On
the Effectiveness of Visible Watermarks, CVPR 2017; one line per sample over all frames: MakKi's delogo for AviUtl.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .grid import Grid
from .paints import links, paints

#: Scales of Cauchy's distribution, 8-bit code values, over the steps without paints and over those with them.
WIDE, NARROW = (64.0, 32.0), (8.0, 8.0, 8.0, 4.0, 2.0, 2.0)
#: How far apart tied samples may stand (code values) before the tie lets go, in the steps with paints.
REACH = (30.0, 20.0, 12.0, 8.0, 6.0, 6.0)
#: Strength of a tie, and by how much neighbours of one paint count less for their gain.
TIE, DISCOUNT = 0.01, 0.5
#: Most that is asked of one sample: opacity 0.95.
MOST_GAIN = 20.0
_ITERATIONS, _TOLERANCE = 100, 1e-2
_CHUNK = 4096


@dataclass(frozen=True, kw_only=True)
class Inverse:
    """gain, offset: float32 [hole samples]; true = gain * shown + offset in 8-bit code values."""

    gain: np.ndarray
    offset: np.ndarray

    def restored(self, shown: np.ndarray) -> np.ndarray:
        """What is below `shown`, float32 [hole samples, T]."""
        return self.gain[:, None] * shown + self.offset[:, None]


class Solver:
    """Steps towards the inverse of one plane.

    shown: float32 [N, T], the grid's samples in 8-bit code values. gain: known gains, float32 [hole samples], where
    only offsets are sought (chroma, whose opacity is that of luma).
    """

    def __init__(self, grid: Grid, shown: np.ndarray, gain: np.ndarray | None = None) -> None:
        self._grid, self._held = grid, gain is not None
        self._count, self._frames = grid.hole_count, shown.shape[1]
        self.mean = shown.mean(1)
        # Samples are told apart by u = gain * deviation and v = restored mean, which hardly depend on each other.
        self._deviation = shown.std(1) + np.float32(1)
        self._unit = (shown - self.mean[:, None]) / self._deviation[:, None]
        self._top = max(255.0, float(shown.max()))
        self._u, self._v = self._deviation.astype(np.float64), self.mean.astype(np.float64)
        if gain is not None:
            self._u[: self._count] *= gain

    @property
    def inverse(self) -> Inverse:
        n = self._count
        gain = self._u[:n] / self._deviation[:n]
        return Inverse(gain=gain.astype(np.float32), offset=(self._v[:n] - gain * self.mean[:n]).astype(np.float32))

    def step(self, scale: float, paint: np.ndarray | None = None, reach: float = 0.0) -> None:
        """One step. paint: int [hole samples], number of its paint, 0 for none (#4)."""
        n = self._count
        blocks, others = [], []
        own, free = np.zeros((len(self._u), 3)), np.full(n, float(self._frames))
        for pairs in self._grid.pairs:
            block = self._moments(pairs, scale)
            i, j = pairs.T
            if paint is not None:
                inner = np.flatnonzero((i < n) & (j < n))
                same = inner[(paint[i[inner]] > 0) & (paint[i[inner]] == paint[j[inner]])]
                block[same] *= 1 - DISCOUNT
                for end in (i, j):
                    free[end[same]] -= DISCOUNT * self._frames / 4
            for k, (end, other) in enumerate(((i, j), (j, i))):
                own[end] += block[:, 3 * k : 3 * k + 3]
                here = end < n
                slot, to = np.zeros((n, 4), np.float32), np.zeros(n, np.int32)
                slot[end[here]] = block[here][:, (6, 7, 8, 9) if k == 0 else (6, 8, 7, 9)]
                to[end[here]] = other[here]
                blocks.append(slot)
                others.append(to)
        if paint is not None:
            for tied in links(paint):
                block, mine = self._tie(tied, reach)
                own[:n] += mine
                blocks.append(block)
                others.append(tied)
        # Newton's step for the logarithm of #1.
        u = self._u[:n]
        start = np.stack([self._u, self._v], 1)
        own = own[:n] + [1e-3, 0, 1e-4]
        right = np.stack([2 * free / u + 1e-3 * u, 1e-4 * self._v[:n]], 1)
        own[:, 0] += free / (u * u)
        found = _conjugate(own, np.stack(blocks, 1), np.stack(others, 1), right, start, self._held)
        self._v[:n] = found[:, 1]
        if not self._held:
            self._u[:n] = np.maximum(found[:, 0], 0.3 * u)
            self._bound()

    def _bound(self) -> None:
        """Keep opacities to what can be (#3)."""
        n, mean = self._count, self.mean[: self._count]
        below = np.clip(self._v[:n], 1, self._top - 1)
        least = np.maximum((below + 1) / (mean + 1), (self._top + 1 - below) / (self._top + 1 - mean))
        self._u[:n] = np.clip(self._u[:n], np.maximum(1, least) * self._deviation[:n], MOST_GAIN * self._deviation[:n])

    def _moments(self, pairs: np.ndarray, scale: float) -> np.ndarray:
        """Per pair the sums over time that make its blocks, float64 [E, 10]: own of i (uu, uv, vv), own of j, then
        between them (u_i u_j, u_i v_j, v_i u_j, v_i v_j)."""
        n = self._count
        between = np.flatnonzero((pairs < n).any(1))
        clean = pairs[(pairs >= n).all(1)]
        # Neighbours on a grid, each held by four, differ by half of their weight's inverse; the ring shows the scale.
        share = [w * d * d for _, _, w, d in self._weights(clean, scale)]
        total, seen = sum(float(s.sum()) for s in share), sum(s.size for s in share)
        strength = 0.5 * seen / max(total, 1e-3 * max(seen, 1)) if seen else 0.5
        out = np.zeros((len(pairs), 10))
        at = 0
        for zi, zj, w, _ in self._weights(pairs[between], scale):
            w *= np.float32(strength)
            rows = between[at : at + len(w)]
            at += len(w)
            wi, wj, total = w * zi, w * zj, w.sum(1)
            si, sj = wi.sum(1), wj.sum(1)
            dot = lambda a, b: np.einsum("et,et->e", a, b)  # noqa: E731
            out[rows] = np.stack([dot(wi, zi), si, total, dot(wj, zj), sj, total, dot(wi, zj), si, sj, total], 1)
        return out

    def _weights(self, pairs: np.ndarray, scale: float) -> Iterator[tuple[np.ndarray, ...]]:
        """In chunks that fit the cache: units of both ends, weight and difference, float32 [e, T]."""
        u, v = self._u.astype(np.float32)[:, None], self._v.astype(np.float32)[:, None]
        for first in range(0, len(pairs), _CHUNK):
            i, j = pairs[first : first + _CHUNK].T
            zi, zj = self._unit[i], self._unit[j]
            d = u[i] * zi + v[i] - u[j] * zj - v[j]
            yield zi, zj, 1 / (np.float32(scale * scale) + d * d), d

    def _tie(self, tied: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
        """Ties of each hole sample to another: between the two, float32 [hole samples, 4], and its own, [.., 3]."""
        n = self._count
        gain, mean = self._u[:n] / self._deviation[:n], self.mean[:n]
        middle, spread = (mean + mean[tied]) / 2, float(self._deviation[:n].mean())
        # Two inverses are compared as what they make of shown values half way between both, and of their spread.
        level = self._v[:n] + gain * (middle - mean)
        other = self._v[tied] + gain[tied] * (middle - mean[tied])
        both = 1 / (gain * gain[tied])
        apart = both * (((gain - gain[tied]) * spread) ** 2 + (level - other) ** 2)
        w = TIE * self._frames * both * np.exp(-apart / (2 * reach * reach))
        w[tied == np.arange(n)] = 0
        a, b = spread / self._deviation[:n], spread / self._deviation[tied]
        c, e = (middle - mean) / self._deviation[:n], (middle - mean[tied]) / self._deviation[tied]
        between = np.stack([w * (a * b + c * e), w * c, w * e, w], 1).astype(np.float32)
        return between, np.stack([w * (a * a + c * c), w * c, w], 1)


def _conjugate(
    own: np.ndarray, blocks: np.ndarray, others: np.ndarray, right: np.ndarray, start: np.ndarray, held: bool
) -> np.ndarray:
    """Solve own x - blocks x[others] = right for the first samples of `start`; the others stay as they are.

    own: [n, 3]; blocks: float32 [n, K, 4]; others: int32 [n, K]; right: [n, 2]; start: [N, 2]. held: only the second
    unknown of each sample is sought. Preconditioned by the inverse of each sample's own block.
    """
    n = len(own)
    uu, uv, vv = own.T
    if held:
        inverse = np.stack([np.zeros(n), np.zeros(n), 1 / vv])
    else:
        inverse = np.stack([vv, -uv, uu]) / np.maximum(uu * vv - uv * uv, 1e-9)
    # One slot after the other: rows of this length stay in the cache.
    slots = [(others[:, k].copy(), *np.ascontiguousarray(blocks[:, k].T)) for k in range(blocks.shape[1])]

    def mapped(x: np.ndarray) -> np.ndarray:
        u, v = np.ascontiguousarray(x.T, np.float32)
        first, second = np.zeros((2, n), np.float32)
        for other, b00, b01, b10, b11 in slots:
            ou, ov = u[other], v[other]
            first += b00 * ou
            first += b01 * ov
            second += b10 * ou
            second += b11 * ov
        return np.stack([uu * x[:n, 0] + uv * x[:n, 1] - first, uv * x[:n, 0] + vv * x[:n, 1] - second], 1)

    def solved(r: np.ndarray) -> np.ndarray:
        a, b, c = inverse
        return np.stack([a * r[:, 0] + b * r[:, 1], b * r[:, 0] + c * r[:, 1]], 1)

    x, r = start[:n].copy(), right - mapped(start)
    z = solved(r)
    way = np.zeros_like(start)
    way[:n] = z
    old = first = float((r * z).sum())
    for _ in range(_ITERATIONS):
        if old <= _TOLERANCE**2 * first or old <= 1e-12:
            break
        image = mapped(way)
        length = old / float((way[:n] * image).sum())
        x += length * way[:n]
        r -= length * image
        z = solved(r)
        new = float((r * z).sum())
        way[:n] = z + (new / old) * way[:n]
        old = new
    return x


def begun(grid: Grid, shown: np.ndarray) -> Solver:
    """A solver that has taken the steps without paints."""
    solver = Solver(grid, shown)
    for scale in WIDE:
        solver.step(scale)
    return solver


def finished(solver: Solver, doubt: tuple[float, float]) -> np.ndarray:
    """Take the steps with paints, and say which paint each hole sample has. doubt: see `paints`."""
    for k, (scale, reach) in enumerate(zip(NARROW, REACH, strict=True)):
        now = solver.inverse
        # The first steps gather what has drifted apart; then only what is near belongs.
        paint = paints(now.gain, now.offset, solver.mean[: len(now.gain)], doubt, 1.0 if k < 2 else 0.65)
        solver.step(scale, paint, reach)
    return paint

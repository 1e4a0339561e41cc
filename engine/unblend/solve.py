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
5. What inpainting makes of the hole is a guess at what is below: often a blurred one, but free of drift. What is shown,
   given the guess, has the likelihood of a regression of the guess on what is shown, with -log(gain) as in #1. A guess
   counts as much as it may be trusted: by how far it strays over time, and by how far its means over stretches of time
   do, for what strays slowly strays the same way in many frames; and for less where the ring shows a picture that
   mostly stays in place, for there it may be wrong in the same way at all times.

The sum over frames of natural gradients as the measure, and the alternation of opacity and picture: Dekel et al., On
the Effectiveness of Visible Watermarks, CVPR 2017; one line per sample over all frames: MakKi's delogo for AviUtl.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import kernels
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
#: What a frame of a guess counts, by how much more straying counts that is slow, and how far a guess strays at least
#: (code values). Set on 16 train clips (docs/unblend.md, Level).
TRUST, SLOW, STRAY = 6.0, 2.0, 2.0
#: Stretches of time whose means are compared, and by how much they may stray beyond chance before they count double.
STRETCHES, CHANCE = 6, 2.0
_ITERATIONS, _TOLERANCE = 100, 1e-2


@dataclass(frozen=True, kw_only=True)
class Inverse:
    """gain, offset: float32 [hole samples]; true = gain * shown + offset in 8-bit code values."""

    gain: np.ndarray
    offset: np.ndarray

    def restored(self, shown: np.ndarray) -> np.ndarray:
        """What is below `shown`, float32 [hole samples, T]."""
        return self.gain[:, None] * shown + self.offset[:, None]


@dataclass(frozen=True, kw_only=True)
class Guess:
    """What is below the mark in some frames, as inpainting has it, and what is shown there: float32 [hole samples, K]
    in 8-bit code values, in the order of time (#5)."""

    shown: np.ndarray
    below: np.ndarray


class Solver:
    """Steps towards the inverse of one plane.

    shown: float32 [N, T], the grid's samples in 8-bit code values. gain: known gains, float32 [hole samples], where
    only offsets are sought (chroma, whose opacity is that of luma). guess: of what is below, where there is one.
    """

    def __init__(
        self, grid: Grid, shown: np.ndarray, gain: np.ndarray | None = None, guess: Guess | None = None
    ) -> None:
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
        self._below = None if guess is None else guess.below
        if guess is not None:
            n = self._count
            self._seen = (guess.shown - self.mean[:n, None]) / self._deviation[:n, None]
            # How much of what the ring shows moves, against what stays.
            clean = self.mean[n:].astype(np.float64)
            clean -= clean.sum() / max(1, len(clean))
            moves, stays = np.square(self._deviation[n:]).sum(), np.square(clean).sum()
            self._trust = TRUST * min(1.0, float(moves / max(stays, 1e-3))) ** 2

    @property
    def inverse(self) -> Inverse:
        n = self._count
        gain = self._u[:n] / self._deviation[:n]
        return Inverse(gain=gain.astype(np.float32), offset=(self._v[:n] - gain * self.mean[:n]).astype(np.float32))

    def step(self, scale: float, paint: np.ndarray | None = None, reach: float = 0.0) -> None:
        """One step. paint: int [hole samples], number of its paint, 0 for none (#4)."""
        n = self._count
        ties = [] if paint is None else list(links(paint))
        own, free = np.zeros((len(self._u), 3)), np.full(n, float(self._frames))
        blocks = np.zeros((n, 4 + len(ties), 4), np.float32)
        others = np.zeros((n, 4 + len(ties)), np.int32)
        for way, pairs in enumerate(self._grid.pairs):
            self._couple(2 * way, pairs, scale, paint, own, free, blocks, others)
        for slot, tied in enumerate(ties, 4):
            blocks[:, slot], mine = self._tie(tied, reach)
            others[:, slot] = tied
            own[:n] += mine
        u = self._u[:n]
        own = own[:n] + [1e-3, 0, 1e-4]
        right = np.stack([1e-3 * u, 1e-4 * self._v[:n]], 1)
        if self._below is not None:
            self._lean(own, free, right)
        # Newton's step for the logarithm of #1.
        right[:, 0] += 2 * free / u
        own[:, 0] += free / (u * u)
        found = _conjugate(own, blocks, others, right, np.stack([self._u, self._v], 1), self._held)
        self._v[:n] = found[:, 1]
        if not self._held:
            self._u[:n] = np.maximum(found[:, 0], 0.3 * u)
            self._bound()

    def _lean(self, own: np.ndarray, free: np.ndarray, right: np.ndarray) -> None:
        """Add what the guess says of each sample to the system (#5)."""
        n, x, y = self._count, self._seen, self._below
        u, v = self._u[:n, None].astype(np.float32), self._v[:n, None].astype(np.float32)
        apart = y - u * x - v
        # A wrong level is what is sought: it makes the guess no worse.
        apart -= np.median(apart, 1, keepdims=True)
        square = np.square(1.48 * np.median(np.abs(apart), 1, keepdims=True)) + STRAY**2
        count = y.shape[1]
        if length := count // STRETCHES:
            means = apart[:, : STRETCHES * length].reshape(n, STRETCHES, length).mean(2)
            slow = length * means.var(1, keepdims=True)
            slow *= 1 + np.square(np.median(slow / square) / CHANCE)
            square = np.maximum(square, SLOW * slow)
        w = self._trust / (square + apart * apart)
        own += np.stack([(w * x * x).sum(1), (w * x).sum(1), w.sum(1)], 1)
        right += np.stack([(w * x * y).sum(1), (w * y).sum(1)], 1)
        free += (w * apart * apart).sum(1)

    def _bound(self) -> None:
        """Keep opacities to what can be (#3)."""
        n, mean = self._count, self.mean[: self._count]
        below = np.clip(self._v[:n], 1, self._top - 1)
        least = np.maximum((below + 1) / (mean + 1), (self._top + 1 - below) / (self._top + 1 - mean))
        self._u[:n] = np.clip(self._u[:n], np.maximum(1, least) * self._deviation[:n], MOST_GAIN * self._deviation[:n])

    def _couple(
        self,
        slot: int,
        pairs: np.ndarray,
        scale: float,
        paint: np.ndarray | None,
        own: np.ndarray,
        free: np.ndarray,
        blocks: np.ndarray,
        others: np.ndarray,
    ) -> None:
        """Add neighbours of one kind to the system (see `kernels.couple`), those of one paint for less (#4)."""
        n = self._count
        u, v, square = self._u.astype(np.float32), self._v.astype(np.float32), scale * scale
        clean = pairs[(pairs >= n).all(1)]
        # Neighbours on a grid, each held by four, differ by half of their weight's inverse; the ring shows the scale.
        total, seen = kernels.roughness(self._unit, u, v, clean, square), len(clean) * self._frames
        strength = 0.5 * seen / max(total, 1e-3 * max(seen, 1)) if seen else 0.5
        between = pairs[(pairs < n).any(1)]
        share = np.ones(len(between))
        if paint is not None:
            known = np.append(paint, np.zeros(len(self._u) - n, paint.dtype))
            i, j = between.T
            same = (known[i] > 0) & (known[i] == known[j])
            share[same] -= DISCOUNT
            for end in (i, j):
                free[end[same]] -= DISCOUNT * self._frames / 4
        kernels.couple(self._unit, u, v, between, square, strength, share, own, blocks, others, slot)

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
    unknown of each sample is sought. Preconditioned by the inverse of each sample's own block. Returns [n, 2].
    """
    n = len(own)
    uu, uv, vv = own.T
    if held:
        inverse = np.stack([np.zeros(n), np.zeros(n), 1 / vv], 1)
    else:
        inverse = np.stack([vv, -uv, uu], 1) / np.maximum(uu * vv - uv * uv, 1e-9)[:, None]
    first = start.astype(np.float32)
    x, image, still = np.empty((n, 2)), np.empty((n, 2)), np.empty((n, 2), np.float32)
    kernels.conjugate(
        own, inverse.astype(np.float32), blocks, others, right.copy(), first, np.empty_like(first), still, image, x,
        _ITERATIONS, _TOLERANCE,
    )  # fmt: skip
    return x


def begun(grid: Grid, shown: np.ndarray, guess: Guess | None = None) -> Solver:
    """A solver that has taken the steps without paints."""
    solver = Solver(grid, shown, guess=guess)
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

"""From frames to a mark: which frames, what of them is kept, the estimate, and how far it may be trusted.

1. The sample is a pure function of the clip's length: frames evenly spread over it.
2. Of a frame only the hole's samples and a ring around them are kept, in the clip's own type.
3. Opacity is sought in luma (green, for RGB) and is that of all planes; a chroma sample has the mean of its luma
   samples' opacities. Only the colour is sought in every plane.
4. The same is estimated from each half of the sample alone. What the halves disagree by is how far samples of one
   paint may lie apart.
5. The estimate is thin where the mark is all but opaque, and where the picture stands still, or does what its
   neighbours do not: there any opacity explains what is shown.
6. All of it is thin where a coder's noise, stretched by the inverse, is worse than what inpainting does (`noise`).
7. Of some of these frames an inpainted version may be seen as well: it keeps the level from drifting (`solve` #5).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..errors import ArgumentError, PictureError
from ..holes import require_clean
from ..picture import PictureFormat, Planes
from .grid import Grid, grid
from .mark import Layer, Mark
from .noise import noise
from .solve import Guess, Inverse, Solver, begun, finished

#: Frames of the sample, and fewest that say anything.
FRAMES, FEWEST = 120, 12
#: Inpainted frames among them: each costs a block of Inpaint in a long clip.
GUESSES = 40
#: Shown samples that are solved over at once; of a larger mark fewer frames are looked at, but not fewer than LEAST.
BUDGET, LEAST = 1_500_000, 32
#: Opacity from which a sample is thin: rounding alone is then worth three code values.
OPAQUE = 0.9
#: Standard deviation over time (8-bit code values) below which what is shown stands still.
STILL = 0.75
#: Relative doubt of the gain, from how well neighbours agree over time, above which it is thin.
DOUBT = 0.15
#: Share of a mark's samples that may stand still before all of it is refused.
STILL_SHARE = 0.5
#: A mark that changes a sample by less than this (RMS over time, 8-bit code values) is none.
NOTHING = 0.75
#: Stretched noise (its RMS at the finest scale, 8-bit code values) above which the mark is painted instead. Measured on
#: 13 train clips under marks of 0.3, 0.5 and 0.7, not compressed and at crf 18, 23 and 28, mean luma PSNR in the hole:
#: Inpaint alone 32.0, 31.4, 31.0, 29.3; solved for in any case 40.0, 33.4, 31.5, 28.2 (at worst 6 dB behind Inpaint);
#: with this limit 40.0, 33.4, 31.9, 29.6 (at worst 2 dB behind, once). Not compressed, no clip has more than 1.35.
NOISY = 1.4


def sample_frames(length: int, most: int = FRAMES) -> tuple[int, ...]:
    """Numbers of the frames to look at (#1): all of a clip of at most `most` frames, else `most` evenly spread ones.
    Raises ArgumentError for less than one of either."""
    if length < 1 or most < 1:
        raise ArgumentError(f"length and most must be 1 or more, passed {length} and {most}")
    if length <= most:
        return tuple(range(length))
    return tuple((2 * k + 1) * length // (2 * most) for k in range(most))


def guess_places(count: int) -> tuple[int, ...]:
    """Which of `count` frames of the sample are to be seen inpainted, too: numbers among them (#7)."""
    return sample_frames(count, GUESSES)


class Observer:
    """Gathers what an estimate needs of `count` frames, in any order; not thread-safe."""

    def __init__(self, picture: PictureFormat, hole: np.ndarray, count: int) -> None:
        """hole: bool [H, W], where the mark may be; grown, so that none of it stands outside. Raises PictureError for a
        hole of another size or over the whole picture."""
        if hole.shape != picture.plane_shape(0):
            raise PictureError(
                f"hole must have the clip's dimensions, passed {hole.shape[1]}x{hole.shape[0]} "
                f"and {picture.width}x{picture.height}"
            )
        require_clean(hole)
        self.picture, self.hole, self._count = picture, hole, count
        # Luma first, whatever it is called.
        self._order = (1, 0, 2) if picture.family == "RGB" else tuple(range(picture.plane_count))
        step = (1 << picture.subsampling_h, 1 << picture.subsampling_w)
        small = _reduced(hole, picture.plane_shape(1), step).any((1, 3)) if picture.plane_count > 1 else hole
        luma = grid(hole)
        chroma = luma if small.shape == hole.shape else grid(small)
        self._step, self._grids = step, [luma if k == self._order[0] else chroma for k in range(picture.plane_count)]
        self._seen = [np.zeros((count, len(g.y)), picture.dtype) for g in self._grids]
        self._there = np.zeros(count, bool)
        self._inpainted: dict[int, list[np.ndarray]] = {}

    def see(self, k: int, planes: Planes) -> None:
        """Frame number `k` of the sample. Raises PictureError for samples that are not numbers."""
        for seen, plane, g in zip(self._seen, planes, self._grids, strict=True):
            seen[k] = self._finite(plane[g.y, g.x], k)
        self._there[k] = True

    def see_inpainted(self, k: int, planes: Planes) -> None:
        """The same frame, its hole inpainted; it counts where the frame itself is seen, too. Raises as `see`."""
        self._inpainted[k] = [
            self._finite(plane[g.y[: g.hole_count], g.x[: g.hole_count]], k)
            for plane, g in zip(planes, self._grids, strict=True)
        ]

    def _finite(self, samples: np.ndarray, k: int) -> np.ndarray:
        if self.picture.floating and not np.isfinite(samples).all():
            raise PictureError(
                f"float samples must be finite, passed NaN or infinity in sample frame {k}; "
                "clean the clip with std.Expr"
            )
        return samples

    def mark(self) -> Mark:
        """The mark, from all frames seen. All of the hole is thin where fewer than FEWEST were."""
        main, *others = self._order
        luma = self._grids[main]
        if not len(luma.y) or not luma.hole_count or self._there.sum() < FEWEST:
            return self._nothing()
        shown = self._shown(main)
        guess, depth, n = self._guess(main), _depth(self.hole), luma.hole_count
        # A guess is to mend an estimate, not to have it refused.
        for one in (None,) if guess is None else (guess, None):
            found, paint = _estimated(luma, shown, depth, one)
            opacity = 1 - 1 / found.gain
            thin = _thin(luma, shown, found)
            if noise(luma, np.concatenate([found.restored(shown[:n]), shown[n:]]), opacity * ~thin) <= NOISY:
                break
        else:
            return self._nothing()
        whole = np.zeros(self.hole.shape, np.float32)
        whole[self.hole] = opacity
        painted = np.zeros(self.hole.shape, np.int32)
        painted[self.hole] = paint
        bad = np.zeros(self.hole.shape, bool)
        bad[self.hole] = thin
        layers: dict[int, Layer] = {main: self._layer(luma, found, ~thin)}
        for k in others:
            g, shown = self._grids[k], self._shown(k)
            shape = self.picture.plane_shape(k)
            step = self._step if g is not luma else (1, 1)
            mine = (g.y[: g.hole_count], g.x[: g.hole_count])
            through = 1 - _reduced(whole, shape, step).mean((1, 3))[mine]
            paints = _reduced(painted, shape, step)
            # A chroma sample has a paint where all its luma samples have that one.
            one = np.where(paints.min((1, 3)) == paints.max((1, 3)), paints.max((1, 3)), 0)[mine]
            solver = Solver(g, shown, (1 / np.maximum(through, 0.05)).astype(np.float32), self._guess(k))
            for scale in (64.0, 8.0, 2.0):
                solver.step(scale, one, 30.0)
            clean = ~_reduced(bad, shape, step).any((1, 3))[mine]
            layers[k] = self._layer(g, _emptied(solver.inverse, shown[: g.hole_count]), clean)
        return Mark(picture=self.picture, layers=tuple(layers[k] for k in range(len(layers))), thin=bad)

    def _shown(self, plane: int) -> np.ndarray:
        """What was seen of a plane, float32 [N, T] in 8-bit code values; at most BUDGET of it."""
        seen = np.flatnonzero(self._there)
        room = max(LEAST, BUDGET // len(self._grids[self._order[0]].y))
        if len(seen) > room:
            seen = seen[(np.arange(room) * len(seen)) // room]
        return self._in_code_values(self._seen[plane][seen])

    def _guess(self, plane: int) -> Guess | None:
        """What was seen inpainted of a plane; None for nothing."""
        places = [k for k in sorted(self._inpainted) if self._there[k]]
        if not places:
            return None
        shown = self._seen[plane][places, : self._grids[plane].hole_count]
        below = np.stack([self._inpainted[k][plane] for k in places])
        return Guess(shown=self._in_code_values(shown), below=self._in_code_values(below))

    def _in_code_values(self, samples: np.ndarray) -> np.ndarray:
        """Samples [T, N] as float32 [N, T] in 8-bit code values."""
        return np.ascontiguousarray(samples.T.astype(np.float32) * np.float32(255 / self.picture.peak))

    def _layer(self, g: Grid, found: Inverse, kept: np.ndarray) -> Layer:
        width = self.picture.plane_shape(0)[1] if g is self._grids[self._order[0]] else self.picture.plane_shape(1)[1]
        opacity = 1 - 1 / found.gain[kept]
        # Without opacity there is no colour: the offset is then 0.
        colour = -found.offset[kept] / np.maximum(found.gain[kept] - 1, 1e-6) * (self.picture.peak / 255)
        y, x = g.y[: g.hole_count][kept].astype(np.int64), g.x[: g.hole_count][kept]
        return Layer(index=y * width + x, opacity=opacity, colour=colour.astype(np.float32))

    def _nothing(self) -> Mark:
        none = Layer(index=np.zeros(0, np.int64), opacity=np.zeros(0, np.float32), colour=np.zeros(0, np.float32))
        return Mark(picture=self.picture, layers=(none,) * self.picture.plane_count, thin=self.hole.copy())


def estimate(
    frames: Sequence[Planes], picture: PictureFormat, hole: np.ndarray, inpainted: Sequence[Planes] = ()
) -> Mark:
    """The mark in `hole` (bool [H, W], see `Observer`) from frames that were picked by `sample_frames`. inpainted: of
    those that `guess_places` picks, the same with the hole inpainted; or none."""
    observer = Observer(picture, hole, len(frames))
    for k, planes in enumerate(frames):
        observer.see(k, planes)
    if inpainted:
        for k, planes in zip(guess_places(len(frames)), inpainted, strict=True):
            observer.see_inpainted(k, planes)
    return observer.mark()


def _reduced(plane: np.ndarray, shape: tuple[int, int], step: tuple[int, int]) -> np.ndarray:
    """Luma [H, W] as [h, rows, w, columns], its samples grouped by the chroma sample that they belong to; an odd last
    row or column belongs to none."""
    h, w = shape
    return plane[: h * step[0], : w * step[1]].reshape(h, step[0], w, step[1])


def _depth(hole: np.ndarray) -> float:
    """How far most of the hole is from its edge, pixels."""
    distance = cv2.distanceTransform(np.pad(hole, 1).view(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    return float(np.percentile(distance[hole], 90))


def _estimated(g: Grid, shown: np.ndarray, depth: float, guess: Guess | None) -> tuple[Inverse, np.ndarray]:
    """The inverse, and each sample's paint (#4)."""
    n, half = g.hole_count, shown.shape[1] // 2
    halves = [begun(g, np.ascontiguousarray(part)).inverse for part in (shown[:, :half], shown[:, half:])]
    solver = begun(g, shown, guess)
    mean = solver.mean[:n]
    one, other = halves
    level = (one.gain - other.gain) * mean + one.offset - other.offset
    through = 1 / one.gain - 1 / other.gain
    # Half of what two halves differ by is the deviation of their mean; the median is not moved by a few.
    spread = lambda v: 1.48 * float(np.median(np.abs(v))) / 2  # noqa: E731
    # Deep inside both halves drift alike.
    doubt = max(0.04, 2.5 * spread(through), min(0.35, 0.02 * depth)), max(1.5, 2 * spread(level / solver.inverse.gain))
    paint = finished(solver, doubt)
    return _emptied(solver.inverse, shown[:n]), paint


def _emptied(found: Inverse, shown: np.ndarray) -> Inverse:
    """The inverse without what is no mark."""
    change = found.restored(shown) - shown
    none = (change * change).mean(1) < NOTHING**2
    return Inverse(gain=np.where(none, 1, found.gain), offset=np.where(none, 0, found.offset))


def _thin(g: Grid, shown: np.ndarray, found: Inverse) -> np.ndarray:
    """What of the hole's samples is to be painted instead, bool [hole samples] (#5)."""
    n = g.hole_count
    restored = np.concatenate([found.restored(shown[:n]), shown[n:]])
    spread = shown[:n].std(1)
    # How much of what a sample does over time its neighbours do as well.
    around, count = np.zeros_like(restored), np.zeros(len(restored))
    for pairs in g.pairs:
        for a, b in (pairs.T, pairs.T[::-1]):
            around[a] += restored[b]
            count[a] += 1
    around = around[:n] / np.maximum(count[:n, None], 1)
    around -= around.mean(1, keepdims=True)
    own = restored[:n] - restored[:n].mean(1, keepdims=True)
    shared = (own * around).sum(1) ** 2 / np.maximum((own * own).sum(1) * (around * around).sum(1), 1e-6)
    doubt = np.sqrt(np.maximum(1 - shared, 0) / np.maximum(shared * shown.shape[1], 1e-6))
    nothing = (found.gain == 1) & (found.offset == 0)
    still = (spread < STILL) | (doubt > DOUBT)
    # Where most of it stands still, what moves is too little to hold the rest.
    if np.count_nonzero(still & ~nothing) > STILL_SHARE * max(1, np.count_nonzero(~nothing)):
        return np.ones(n, bool)
    return (still | (found.gain > 1 / (1 - OPAQUE))) & ~nothing

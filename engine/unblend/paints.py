"""Paints of a mark: samples that have one opacity and one colour, wherever they stand."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

#: Paints sought, least share of the hole and least number of samples of one, and least opacity of one.
MOST, SHARE, LEAST, FAINTEST = 4, 0.05, 50, 0.1
#: A mean shift of fewer code values is none: no mark is there.
NO_SHIFT = 1.5
_PROPOSALS, _JURY = 150, 2000


def paints(
    gain: np.ndarray, offset: np.ndarray, mean: np.ndarray, doubt: tuple[float, float], strict: float = 1.0
) -> np.ndarray:
    """The paint of each hole sample, int32 [hole samples], from 1 on; 0 where it has none.

    gain, offset: an inverse; mean: of what is shown over time. doubt: how far opacity may be off, and how far the mean
    of what is shown (code values); strict: factor on both. Under one paint, shown means lie on a line over restored
    means, wherever opacity has drifted: the line that most samples lie on is a paint (Fischler and Bolles, RANSAC,
    1981), then the next. Deterministic.
    """
    through, level = 1 / gain, -offset / gain
    below = gain * mean + offset
    slack, shift = (strict * d for d in doubt)
    rng = np.random.default_rng(0)
    out = np.zeros(len(gain), np.int32)
    free = np.abs(below - mean) >= NO_SHIFT
    for paint in range(1, MOST + 1):
        left = np.flatnonzero(free)
        able = left[through[left] <= 1 - FAINTEST]
        if not len(able):
            break
        proposed = able[rng.integers(0, len(able), _PROPOSALS)]
        jury = left if len(left) <= _JURY else left[rng.integers(0, len(left), _JURY)]

        def belong(t: np.ndarray, b: np.ndarray, some: np.ndarray) -> np.ndarray:
            return (np.abs(t * below[some] + b - mean[some]) < shift) & (np.abs(through[some] - t) < slack)

        votes = belong(through[proposed, None], level[proposed, None], jury).sum(1)
        best = proposed[int(np.argmax(votes))]
        t, b = through[best], level[best]
        for _ in range(3):
            members = left[belong(t, b, left)]
            if len(members) < LEAST:
                break
            t = np.median(through[members])
            b = np.median(mean[members] - t * below[members])
        members = left[belong(t, b, left)]
        if len(members) < max(LEAST, SHARE * len(gain)):
            break
        out[members] = paint
        free[members] = False
    return out


def links(paint: np.ndarray, rings: int = 2) -> Iterator[np.ndarray]:
    """For each sample another of its paint, itself where it has none, int32 [hole samples]; both ways of `rings` rings
    in random order, along which what one sample knows reaches all in few steps."""
    rng = np.random.default_rng(1)
    for _ in range(rings):
        forth = np.arange(len(paint), dtype=np.int32)
        back = forth.copy()
        for k in range(1, int(paint.max(initial=0)) + 1):
            order = rng.permutation(np.flatnonzero(paint == k)).astype(np.int32)
            forth[order], back[order] = np.roll(order, -1), np.roll(order, 1)
        yield forth
        yield back

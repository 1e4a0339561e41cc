"""Places: where a mask can be laid over footage whose true picture is known there."""

from __future__ import annotations

import numpy as np

from ..errors import PictureError
from ..propagation import square_reach

#: Pixels around the mask that are not trusted either: an overlay's halo and what compression made of it.
HALO = 8
#: Of a mask's samples, the share that must lie on clean ones, and the places that are looked at.
CLEAN, TRIES = 0.3, 300


def moved(mask: np.ndarray, count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """`count` holes, bool [H, W]: the mask shifted and mirrored so that most of it covers what the mask itself leaves
    clear. Where nothing is masked at all it is the mask's own place as well.

    Samples that lie on the mask or on its halo are left out of the holes. Raises PictureError where there is no place.
    """
    height, width = mask.shape
    dirty = square_reach(mask, HALO)
    whole = int(mask.sum())
    found: list[tuple[float, np.ndarray]] = []
    for _ in range(TRIES):
        mirrored = mask[:: rng.choice((1, -1)), :: rng.choice((1, -1))]
        dy, dx = (int(rng.integers(-size // 2, size // 2 + 1)) for size in (height, width))
        hole = np.zeros_like(mask)
        hole[max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)] = mirrored[
            max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)
        ]
        hole &= ~dirty
        share = int(hole.sum()) / whole
        if share >= CLEAN:
            found.append((share, hole))
    if not found:
        raise PictureError(
            f"the mask must leave places to which {CLEAN:.0%} of it can be moved, passed one that covers "
            f"{mask.mean():.0%} of {width}x{height}"
        )
    # Of the better half, so that places differ.
    best = sorted(range(len(found)), key=lambda k: -found[k][0])[: max(count, len(found) // 2)]
    return [found[best[k]][1] for k in rng.permutation(len(best))[:count]]

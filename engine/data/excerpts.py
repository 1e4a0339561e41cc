"""Excerpts: which frames of a video belong together.

1. A frame is black where its mean luma is at most BLACK.
2. A cut lies before a frame whose difference to the one before is above the threshold (the node's `sc_threshold`).
3. A cut lies there too where the difference is above SUDDEN and SUDDENLY times that of each of the two frames on either
   side: a change between two dark or two similar scenes is small, but it comes at once.
4. A stretch holds no black frame and no cut. An excerpt lies within one stretch, and no two share a frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..settings import Settings

#: Of 8-bit limited-range luma, where black is 16.
BLACK = 24.0
#: Looked at on 116 excerpts of film, sport, drones, dashcams and street scenes (6870 frames) that hold no cut: this
#: takes none of their frames for one.
SUDDEN, SUDDENLY = 0.04, 4.0


def cuts(difference: np.ndarray, threshold: float = Settings.sc_threshold) -> np.ndarray:
    """bool [N]: a cut lies before the frame (2., 3.). difference: float [N], see `scan.Scan`."""
    padded = np.pad(difference.astype(np.float64), 2)
    # The first frame has none before it: its 0 says nothing.
    padded[2] = 0
    count = len(difference)
    around = np.max([padded[2 + shift : 2 + shift + count] for shift in (-2, -1, 1, 2)], 0)
    return (difference > threshold) | ((difference > SUDDEN) & (difference > SUDDENLY * around))


def stretches(difference: np.ndarray, brightness: np.ndarray, threshold: float = Settings.sc_threshold) -> list[range]:
    """Stretches (4.) in order. difference, brightness: float [N], see `scan.Scan`."""
    out, begun = [], None
    for n, (cut, black) in enumerate(zip(cuts(difference, threshold), brightness <= BLACK, strict=True)):
        if begun is not None and (cut or black):
            out.append(range(begun, n))
            begun = None
        if begun is None and not black:
            begun = n
    if begun is not None:
        out.append(range(begun, len(difference)))
    return out


def chosen(stretches: Sequence[range], frames: int, count: int, rng: np.random.Generator) -> list[int]:
    """First frames of at most `count` excerpts of `frames` frames, in an order drawn by `rng`: whoever asks for more
    gets the same ones first."""
    places = []
    for stretch in stretches:
        fit, left = divmod(len(stretch), frames)
        if fit:
            shift = int(rng.integers(left + 1))
            places += range(stretch.start + shift, stretch.start + shift + fit * frames, frames)
    return [places[k] for k in rng.permutation(len(places))[:count]]

"""Masks: the hole of each frame, computed once per mask frame and kept packed."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from weakref import WeakValueDictionary

import numpy as np
from _osdclean_host import lib

from ..engine.holes import grown
from .frames import Frame, Layout


class Hole:
    """The hole of a mask frame, one bit per sample of the luma plane. Equal holes are one object."""

    __slots__ = ("__weakref__", "_bits", "_shape", "empty", "full")

    def __init__(self, hole: np.ndarray) -> None:
        self._shape, self._bits = hole.shape, np.packbits(hole)
        self.empty, self.full = not hole.any(), bool(hole.all())

    def array(self) -> np.ndarray:
        """bool [H, W], a fresh array."""
        height, width = self._shape
        return np.unpackbits(self._bits, count=height * width).reshape(height, width).view(bool)


def marked(frame: Frame, info, grow: int = 0) -> np.ndarray:
    """What the frame of a mask clip (VSVideoInfo) marks, grown: bool [H, W]."""
    (plane,) = frame.read(Layout.of(info), planes=1)
    return grown(plane, info.format.sampleType == lib.stFloat, info.format.bitsPerSample, grow)


class Masks:
    """Holes by number of clip frame. A mask that is shorter than the clip repeats its last frame."""

    def __init__(self, length: int, floating: bool, bits: int, grow: int, keep: int) -> None:
        """length: frames of the mask; keep: holes that are remembered."""
        self._last, self._depth, self._grow, self._keep = length - 1, (floating, bits), grow, keep
        self._holes: OrderedDict[int, Hole] = OrderedDict()
        self._equal: WeakValueDictionary[bytes, Hole] = WeakValueDictionary()

    def frame_of(self, n: int) -> int:
        """The mask frame that belongs to frame `n` of the clip."""
        return min(n, self._last)

    def get(self, n: int) -> Hole | None:
        """The hole of clip frame `n`, None where its mask frame was not seen yet, or long ago."""
        k = self.frame_of(n)
        hole = self._holes.get(k)
        if hole is not None:
            self._holes.move_to_end(k)
        return hole

    def put(self, n: int, plane: np.ndarray) -> Hole:
        """The hole of clip frame `n`, from its mask's plane [H, W]."""
        drawn = grown(plane, *self._depth, 0)
        key = blake2b(np.packbits(drawn), digest_size=16).digest()
        hole = self._equal.get(key)
        if hole is None:  # growing is what takes time, and masks seldom change with every frame
            hole = self._equal[key] = Hole(grown(drawn.view(np.uint8), False, 1, self._grow))
        self._holes[self.frame_of(n)] = hole
        while len(self._holes) > self._keep:
            self._holes.popitem(last=False)
        return hole

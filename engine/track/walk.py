"""The way through a whole clip: every frame's mask, worked out from the key frame outwards.

1. The tracker starts with a walk out and back (`settled`) over the SETTLE frames after the key frame. Where that was
   cut short, those before it are tried as well; the farther one counts, a tie goes to the frames after it.
2. From the key frame one walk goes to either end of the clip, each a frame at a time, never by another way. So a mask
   depends on the clip, the settings and its number alone, whatever was asked for before.
3. A cut lies where `_SceneChangePrev` says so; where a frame does not say, the tracker measures.
4. A walk whose object has left, or that came to a cut, is over: all masks from there on are empty.
5. Every mask that was found is kept, packed: no frame is ever walked twice. Of the clip's frames none is kept but the
   last one of each walk.
6. A step is made by a fork that takes its tracker's place when all went well: after an error it can be made again.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from ..holes import grown
from ..picture import PictureFormat, Planes
from .packed import Packed
from .settings import TrackSettings
from .tracker import SETTLE, Tracker, settled


@dataclass(frozen=True, kw_only=True)
class Sight:
    """A frame of the clip. cut: its `_SceneChangePrev`, None where it has none."""

    planes: Planes
    cut: bool | None = None


class Walk:
    """The masks of a clip of `length` frames. Raises ArgumentError and PictureError for bad settings."""

    def __init__(self, picture: PictureFormat, length: int, settings: TrackSettings) -> None:
        settings.check(picture, length)
        self._picture, self._length, self._settings = picture, length, settings
        #: What settling on the frames after the key frame gave, while it is not clear whether that counts.
        self._first: tuple[Tracker, int] | None = None
        self._ways: dict[int, _Way] = {}
        self._masks: dict[int, Packed] = {}

    def wanted(self, n: int) -> range:
        """The frames that must be seen next before the mask of frame `n` is known, in order; empty if it is known."""
        key = self._settings.frame
        if not self._ways:
            step = 1 if self._first is None else -1
            return range(key, min(max(key + step * SETTLE, 0), self._length - 1) + step, step)
        return self._way(n).wanted(n)

    def see(self, n: int, sights: Sequence[Sight]) -> bool:
        """Go on towards frame `n`; returns whether that led any farther.

        sights: the first of the frames `wanted`; before the walks begin none of them may be missing, else nothing is
        done.
        """
        cv2.setNumThreads(1)  # others share the process, and flow depends on it
        if not self._ways:
            wanted = self.wanted(n)
            if len(sights) < len(wanted):
                return False
            self._settle(sights, wanted.step)
            return True
        way = self._way(n)
        for k, sight in zip(way.wanted(n), sights, strict=False):
            packed = way.go(sight)
            if packed is None:
                break
            self._masks[k] = packed
        return bool(sights)

    def mask(self, n: int) -> np.ndarray:
        """The mask of frame `n`, grown, bool [H, W]; nothing may be `wanted` for it."""
        width, height = self._picture.width, self._picture.height
        if n not in self._masks:
            return np.zeros((height, width), bool)
        mask = self._masks[n].spread(width, height)
        return grown(mask.view(np.uint8), False, 1, self._settings.grow) if self._settings.grow else mask

    def _way(self, n: int) -> _Way:
        return self._ways[1 if n >= self._settings.frame else -1]

    def _settle(self, sights: Sequence[Sight], step: int) -> None:
        """Settle on these frames, the key frame first (1); the walks begin once it is clear which way counts."""
        key, s = self._settings.frame, self._settings
        cuts = [b.cut if step > 0 else a.cut for a, b in pairwise(sights)]
        found = settled(self._picture, [sight.planes for sight in sights], s.box, s.sc_threshold, cuts)
        if step > 0 and found[1] < SETTLE and key > 0:
            self._first = found
            return
        if step < 0 and found[1] <= self._first[1]:
            found, step = self._first, 1
        tracker, self._first = found[0], None
        self._masks[key] = Packed.of(tracker.mask)
        self._ways = {
            way: _Way(tracker if way == step else tracker.reversed(), key, way, sights[0].cut) for way in (1, -1)
        }


class _Way:
    """One of the two walks: `tracker` stands at frame `at`, whose `_SceneChangePrev` is `cut`."""

    def __init__(self, tracker: Tracker, at: int, step: int, cut: bool | None) -> None:
        self._tracker: Tracker | None = tracker
        self._at, self._step, self._cut = at, step, cut

    def wanted(self, n: int) -> range:
        """The frames between here and `n`, which is included."""
        return range(self._at + self._step, n + self._step, self._step) if self._tracker is not None else range(0)

    def go(self, sight: Sight) -> Packed | None:
        """The mask of the next frame; None if it ends the walk (4). After an error all is as it was (6)."""
        ahead = copy.copy(self._tracker)
        mask = ahead.step(sight.planes, sight.cut if self._step > 0 else self._cut)
        packed = None if mask is None else Packed.of(mask)
        self._tracker = None if mask is None else ahead
        self._at, self._cut = self._at + self._step, sight.cut
        return packed

"""What an overlay is: states of sprites, so that every pixel of every frame is known.

An overlay is a list of states and the state of each frame; a state is a set of sprites at whole-pixel
places. All is decided at construction from the seed, so the picture of frame n does not depend on what was
asked before.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from ..errors import ArgumentError

#: A sprite's place: top row, left column (either may lie outside the frame), key of the sprite.
Placed = tuple[int, int, Hashable]


class Overlay:
    """An overlay of `length` frames of `width` x `height` pixels. A few states are kept drawn."""

    def __init__(
        self,
        width: int,
        height: int,
        state_of: np.ndarray,
        states: Sequence[tuple[Placed, ...]],
        sprites: Mapping[Hashable, np.ndarray],
    ) -> None:
        """state_of: state number of each frame; sprites: uint8 [h, w, 4], straight alpha, RGB."""
        self.width, self.height, self.length = width, height, len(state_of)
        self._state_of, self._states, self._sprites = state_of, states, sprites
        self._drawn: OrderedDict[int, np.ndarray] = OrderedDict()
        self._static: np.ndarray | None = None

    def state(self, n: int) -> int:
        """Number of the state that frame `n` shows; frames of one state show the same pixels."""
        if not 0 <= n < self.length:
            raise ArgumentError(f"frame must be 0 to {self.length - 1}, passed {n}")
        return int(self._state_of[n])

    def rgba(self, n: int) -> np.ndarray:
        """Frame `n`: uint8 [H, W, 4], straight alpha, RGB, read-only."""
        state = self.state(n)
        if state not in self._drawn:
            self._drawn[state] = self._draw(self._states[state])
            self._drawn[state].setflags(write=False)
            if len(self._drawn) > 4:
                self._drawn.popitem(last=False)
        self._drawn.move_to_end(state)
        return self._drawn[state]

    def mask(self, n: int) -> np.ndarray:
        """uint8 [H, W], 255 where frame `n` shows anything of the overlay."""
        return np.where(self.rgba(n)[..., 3] > 0, np.uint8(255), np.uint8(0))

    def static_mask(self) -> np.ndarray:
        """uint8 [H, W], 255 where any frame shows anything of the overlay; read-only."""
        if self._static is None:
            everything = sorted({placed for state in self._states for placed in state}, key=repr)
            union = np.zeros((self.height, self.width), np.uint8)
            for y, x, key in everything:
                at, sprite = self._clipped(y, x, self._sprites[key])
                union[at][sprite[..., 3] > 0] = 255
            union.setflags(write=False)
            self._static = union
        return self._static

    def _clipped(self, y: int, x: int, sprite: np.ndarray) -> tuple[tuple[slice, slice], np.ndarray]:
        h, w = sprite.shape[:2]
        top, left = max(0, -y), max(0, -x)
        bottom, right = max(top, min(h, self.height - y)), max(left, min(w, self.width - x))
        at = slice(max(y + top, 0), max(y + bottom, 0)), slice(max(x + left, 0), max(x + right, 0))
        return at, sprite[top:bottom, left:right]

    def _draw(self, state: tuple[Placed, ...]) -> np.ndarray:
        picture = np.zeros((self.height, self.width, 4), np.uint8)
        for y, x, key in state:
            at, sprite = self._clipped(y, x, self._sprites[key])
            region = picture[at]
            above = sprite[..., 3] > region[..., 3]
            region[above] = sprite[above]
        return picture


def assembled(
    width: int, height: int, per_frame: list[tuple[Placed, ...]], sprites: Mapping[Hashable, np.ndarray]
) -> Overlay:
    """Overlay from the sprites of every frame, equal frames sharing one state."""
    numbers: dict[tuple[Placed, ...], int] = {}
    state_of = np.array([numbers.setdefault(placed, len(numbers)) for placed in per_frame], np.int64)
    return Overlay(width, height, state_of, tuple(numbers), sprites)


def checked(width: int, height: int, length: int, fps: float) -> None:
    """Raises ArgumentError for an overlay of less than 16x16 pixels or 1 frame."""
    if min(width, height) < 16 or length < 1 or not fps > 0:
        raise ArgumentError(
            "an overlay must be at least 16x16 with 1 frame and a positive rate, "
            f"passed {width}x{height}, {length}, {fps}"
        )


def faded(sprite: np.ndarray, opacity: float) -> np.ndarray:
    """The sprite with its alpha times `opacity`, 0..1: a new one. What is gone has no colour."""
    made = sprite.copy()
    made[..., 3] = np.round(made[..., 3] * opacity).astype(np.uint8)
    made[made[..., 3] == 0] = 0
    return made

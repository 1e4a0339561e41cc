"""Masks at rest: small enough that those of a whole clip are kept."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """The box around a mask (all zero where it is empty), and what is in it: one bit per pixel, deflated."""

    left: int
    top: int
    width: int
    height: int
    bits: bytes

    @classmethod
    def of(cls, mask: np.ndarray) -> Packed:
        """mask: bool [H, W]."""
        left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
        part = np.packbits(mask[top : top + height, left : left + width])
        # An outline is a hundredth of an area.
        return cls(left=left, top=top, width=width, height=height, bits=zlib.compress(part.tobytes(), 1))

    def spread(self, width: int, height: int) -> np.ndarray:
        """The mask over a frame of that size, bool [height, width], a fresh array."""
        mask = np.zeros((height, width), bool)
        part = np.unpackbits(np.frombuffer(zlib.decompress(self.bits), np.uint8), count=self.width * self.height)
        mask[self.top : self.top + self.height, self.left : self.left + self.width] = part.reshape(
            self.height, self.width
        )
        return mask

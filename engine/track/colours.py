"""How likely a sample's colour is, given what is expected there; densities over the cube of 256 x 256 x 256 colours."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

#: Bins of the histogram per channel (a power of two), and the share of its mass that is spread over all colours.
BINS, FLOOR = 16, 0.02


@dataclass(frozen=True, kw_only=True)
class Colours:
    """A histogram of colours, float32 [BINS**3], sum 1."""

    share: np.ndarray

    @classmethod
    def of(cls, image: np.ndarray, weight: np.ndarray) -> Colours:
        """image: uint8 [h, w, 3]; weight: [h, w]."""
        count = np.bincount(_bin(image).ravel(), weight.ravel(), BINS**3).astype(np.float32)
        cube = count.reshape(BINS, BINS, BINS)
        for axis in range(3):
            v = np.pad(np.moveaxis(cube, axis, 0), ((1, 1), (0, 0), (0, 0)), mode="edge")
            cube = np.moveaxis(0.25 * v[:-2] + 0.5 * v[1:-1] + 0.25 * v[2:], 0, axis)
        return cls(share=cube.ravel() / max(float(cube.sum()), 1e-6))

    def learned(self, image: np.ndarray, weight: np.ndarray, rate: float) -> Colours:
        """The histogram with a share of `rate` replaced by what is seen here, if anything is."""
        if weight.sum() < 1:
            return self
        return Colours(share=(1 - rate) * self.share + rate * Colours.of(image, weight).share)

    def density(self, image: np.ndarray) -> np.ndarray:
        """float32 [h, w]."""
        share = (1 - FLOOR) * self.share + np.float32(FLOOR / BINS**3)
        return (share * np.float32((BINS / 256) ** 3))[_bin(image)]


def _bin(image: np.ndarray) -> np.ndarray:
    b = (image // (256 // BINS)).astype(np.int32)
    return (b[..., 0] * BINS + b[..., 1]) * BINS + b[..., 2]


def likeness(image: np.ndarray, expected: np.ndarray, sigma: float) -> np.ndarray:
    """Density of `image` (uint8 [h, w, 3]) where `expected` (float32 [h, w, 3]) should be, within noise of `sigma`.

    A shift of up to a sample costs nothing, as in Birchfield and Tomasi, A pixel dissimilarity measure that is
    insensitive to image sampling, PAMI 1998.
    """
    around, image = np.ones((3, 3), np.uint8), image.astype(np.float32)
    e = np.maximum(image - cv2.dilate(expected, around), cv2.erode(expected, around) - image)
    e = np.maximum(e, 0)
    e = np.einsum("ijk,ijk->ij", e, e)
    return np.exp(-np.minimum(e * np.float32(0.5 / sigma**2), 30)) * np.float32(peak(sigma))


def peak(sigma: float) -> float:
    """The density of what is exactly as expected."""
    return (2 * np.pi * sigma**2) ** -1.5

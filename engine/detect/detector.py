"""The detector: frames in, masks out."""

from __future__ import annotations

import cv2
import numpy as np

from ..holes import grown
from ..picture import PictureFormat, Planes
from .settings import DetectSettings

#: Odds as levels, uint8: above EVEN a sample is marked at sensitivity 0.5; LEVELS of them are a unit of the logarithm.
EVEN, LEVELS = 128, 16
#: "white", in shares of full scale. Luma from which on a sample is bright, and the colour difference up to which it has
#: no colour, at sensitivity 0 and at 1; between them in a straight line. Limited range has its white at 0.92.
BRIGHT, COLOURLESS = (0.88, 0.56), (0.03, 0.16)


class Detector:
    """Makes masks of what is known of frames of one format."""

    def __init__(self, picture: PictureFormat, settings: DetectSettings) -> None:
        """Raises ArgumentError where the region does not lie in the picture."""
        self._picture, self._settings, self._region = picture, settings, settings.region(picture)
        self._level = EVEN + LEVELS * 8 * (0.5 - settings.sensitivity)

    def mask(
        self,
        planes: Planes,
        odds: np.ndarray | None = None,
        include: np.ndarray | None = None,
        exclude: np.ndarray | None = None,
    ) -> np.ndarray:
        """Where an overlay is: bool [H, W].

        odds: of `Finder.find`, where the network was asked. include, exclude: bool [H, W], what is marked or never
        marked, whatever is found; of both, exclude wins.
        """
        inside = np.zeros(planes[0].shape, bool)
        if odds is not None:
            inside[self._region] = self._likely(odds)[self._region]
        if "white" in self._settings.kind:
            inside[self._region] |= self._white(planes)[self._region]
        found = grown(inside.view(np.uint8), False, 1, self._settings.grow)
        if include is not None:
            found = found | include
        return found if exclude is None else found & ~exclude

    def _likely(self, odds: np.ndarray) -> np.ndarray:
        size = self._picture.width, self._picture.height
        if odds.shape[::-1] != size:
            odds = cv2.resize(odds, size, interpolation=cv2.INTER_LINEAR)
        return odds > self._level

    def _white(self, planes: Planes) -> np.ndarray:
        p, s = self._picture, np.float32(self._settings.sensitivity)
        bright, colourless = ((low + s * (high - low)) * p.peak for low, high in (BRIGHT, COLOURLESS))
        if p.family == "RGB":
            # Without colour all three are alike; of white, the least is bright.
            stack = [plane.astype(np.float32) for plane in planes]
            least, most = np.minimum.reduce(stack), np.maximum.reduce(stack)
            return (least >= bright) & (most - least <= 2 * colourless)
        found = planes[0] >= bright
        if p.family == "YUV":
            neutral = np.float32(0 if p.floating else (p.peak + 1) / 2)
            pale = [np.abs(plane.astype(np.float32) - neutral) <= colourless for plane in planes[1:]]
            alike = (pale[0] & pale[1]).view(np.uint8)
            # A thin white stroke shares its chroma sample with what is beside it: nearest says most.
            found &= cv2.resize(alike, found.shape[::-1], interpolation=cv2.INTER_NEAREST).view(bool)
        return found

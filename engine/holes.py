"""Holes: what of a picture is to be filled."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from .errors import PictureError


def grown(mask: np.ndarray, floating: bool, bits: int, grow: int) -> np.ndarray:
    """The hole of one mask plane: samples of at least half scale, grown by `grow` pixels (a square's reach).

    mask: 2-D integer (full scale 2**bits - 1) or float (full scale 1.0; NaN is no hole). Returns bool [H, W].
    """
    half = 0.5 if floating else (1 << bits) / 2
    hole = (mask >= half).astype(np.uint8)
    if grow:
        hole = cv2.dilate(hole, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * grow + 1, 2 * grow + 1)))
    return hole.view(bool)


def require_clean(hole: np.ndarray) -> None:
    """Raises PictureError where a grown hole, bool [H, W], leaves nothing of the picture."""
    if hole.all():
        raise PictureError(
            "mask must leave some of the picture uncovered, passed one that covers all of "
            f"{hole.shape[1]}x{hole.shape[0]} once grown; is it inverted?"
        )


def drawn(path: Path) -> np.ndarray:
    """A mask picture as grey, uint8 [H, W]. Raises PictureError where OpenCV cannot read it."""
    data = np.fromfile(path, np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if len(data) else None
    if picture is None:
        raise PictureError(f"mask {path} is no picture that OpenCV can read")
    return picture

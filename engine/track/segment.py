"""From a box to a mask, in one frame."""

from __future__ import annotations

import cv2
import numpy as np

#: Less than this share of the box is no object: then the whole box is taken.
LEAST = 0.02


def segment(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The object in a box: GrabCut (Rother et al., SIGGRAPH 2004), everything outside the box being background.

    image: uint8 [h, w, 3]; box: bool [h, w]. Returns bool [h, w], inside the box.
    """
    label = np.where(box, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    # Its k-means starts from OpenCV's random numbers.
    cv2.setRNGSeed(0)
    cv2.grabCut(image, label, None, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_MASK)
    found = box & (label == cv2.GC_PR_FGD)
    return found if found.sum() >= LEAST * box.sum() else box

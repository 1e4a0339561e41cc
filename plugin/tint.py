"""The preview of `show`: the hole of a frame tinted red (grey clips: towards the other end of the scale)."""

from __future__ import annotations

import numpy as np

from ..engine.picture import PictureFormat, Planes

#: Tint per plane, as (share of the tint, its value between the plane's black and full scale).
_RGB = ((0.6, 1.0), (0.6, 0.0), (0.6, 0.0))
_YUV = ((0.0, 0.0), (0.7, 0.35), (0.7, 0.95))


def tint(hole: np.ndarray, picture: PictureFormat, planes: Planes) -> None:
    """Tint `hole` (bool [H, W] of luma) in writable `planes`; a chroma sample where any of its luma is."""
    for p, plane in enumerate(planes):
        inside = hole if p == 0 else reduced(hole, picture.subsampling_w, picture.subsampling_h)
        samples = plane[inside].astype(np.float32)
        if picture.family == "GRAY":
            target = np.where(samples < picture.peak / 2, picture.peak, 0.0)
            share = 0.6
        else:
            share, value = (_RGB if picture.family == "RGB" else _YUV)[p]
            centred = picture.floating and picture.family == "YUV" and p > 0
            target = (value - 0.5 if centred else value) * picture.peak
        if share:
            mixed = samples + share * (target - samples)
            plane[inside] = (mixed if picture.floating else np.rint(mixed)).astype(plane.dtype)


def reduced(hole: np.ndarray, subsampling_w: int, subsampling_h: int) -> np.ndarray:
    """The hole of a chroma plane: samples that stand for at least one luma sample of the hole."""
    step_y, step_x = 1 << subsampling_h, 1 << subsampling_w
    height, width = hole.shape[0] // step_y, hole.shape[1] // step_x
    return hole.reshape(height, step_y, width, step_x).any(axis=(1, 3))

"""A mark as it was estimated, and what lies below it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import PictureError
from ..picture import PictureFormat, Planes


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A mark on one plane: shown = (1 - opacity) * true + opacity * colour.

    index: int64 [S], flat places of the samples that are solved for; opacity: float32 [S], 0 to below 1; colour:
    float32 [S], in the plane's own scale.
    """

    index: np.ndarray
    opacity: np.ndarray
    colour: np.ndarray

    def __post_init__(self) -> None:
        if not len(self.index) == len(self.opacity) == len(self.colour):
            raise PictureError(
                "a layer's index, opacity and colour must be of one length, "
                f"passed {len(self.index)}, {len(self.opacity)} and {len(self.colour)}"
            )
        if len(self.opacity) and not (self.opacity.min() >= 0 and self.opacity.max() < 1):
            raise PictureError(
                f"opacity must be 0 to below 1, passed {self.opacity.min():g} to {self.opacity.max():g}"
            )


@dataclass(frozen=True, kw_only=True)
class Mark:
    """layers: of each plane. thin: bool [H, W], what of the hole cannot be solved for and is to be inpainted; chroma
    samples of which any luma sample is thin are in no layer."""

    picture: PictureFormat
    layers: tuple[Layer, ...]
    thin: np.ndarray

    def __post_init__(self) -> None:
        # What every frame needs again; a frozen dataclass takes no attributes in the ordinary way.
        lines = []
        for layer in self.layers:
            gain = 1 / (1 - layer.opacity.astype(np.float64))
            offset = -layer.opacity * layer.colour * gain
            places = np.divmod(layer.index, self.picture.plane_shape(len(lines))[1])
            lines.append((*places, gain.astype(np.float32), offset.astype(np.float32)))
        object.__setattr__(self, "_lines", tuple(lines))

    def patch(self, planes: Planes) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """Per plane the flat places and what lies below the mark there, in the plane's own type: rounded and held to
        the full scale for integers (the blend's own rounding stays: 0.5 / (1 - opacity) code values at most)."""
        p, out = self.picture, []
        for plane, layer, (y, x, gain, offset) in zip(planes, self.layers, self._lines, strict=True):
            values = plane[y, x] * gain
            values += offset
            if not p.floating:
                np.clip(np.rint(values, out=values), 0, p.peak, out=values)
            out.append((layer.index, values.astype(plane.dtype)))
        return tuple(out)

    def apply(self, planes: Planes) -> None:
        """Write what lies below the mark into writable `planes`. All else stays as it is, bit by bit."""
        for plane, (y, x, *_), (_, values) in zip(planes, self._lines, self.patch(planes), strict=True):
            plane[y, x] = values

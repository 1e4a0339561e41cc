"""The format of a picture: colour family, sample type, subsampling and size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .errors import PictureError

Family = Literal["GRAY", "YUV", "RGB"]
#: One frame: its planes as 2-D arrays in the clip's own sample type; views, never copies.
Planes = tuple[np.ndarray, ...]


@dataclass(frozen=True, kw_only=True)
class PictureFormat:
    """A clip's constant format. `bits` is the depth of integer samples (8..16), 16 or 32 for floats.

    `subsampling_w` and `subsampling_h` are log2 of the chroma reduction (0..2), 0 unless the family is YUV.
    """

    family: Family
    floating: bool
    bits: int
    width: int
    height: int
    subsampling_w: int = 0
    subsampling_h: int = 0

    def __post_init__(self) -> None:
        depths = (16, 32) if self.floating else tuple(range(8, 17))
        if self.bits not in depths:
            raise PictureError(
                "only 8 to 16 bit integer, half and single precision float are accepted, "
                f"passed {self.bits} bit {'float' if self.floating else 'integer'}"
            )
        if min(self.width, self.height) < 16:
            raise PictureError(f"clip must be at least 16x16, passed {self.width}x{self.height}")

    @property
    def dtype(self) -> np.dtype:
        """Sample type of a plane."""
        if self.floating:
            return np.dtype(np.float16 if self.bits == 16 else np.float32)
        return np.dtype(np.uint8 if self.bits == 8 else np.uint16)

    @property
    def peak(self) -> float:
        """Full-scale value of a sample: 255 for 8 bit, 1.0 for floats."""
        return 1.0 if self.floating else float((1 << self.bits) - 1)

    @property
    def plane_count(self) -> int:
        return 1 if self.family == "GRAY" else 3

    def plane_shape(self, plane: int) -> tuple[int, int]:
        """(height, width) of a plane."""
        if plane == 0:
            return self.height, self.width
        return self.height >> self.subsampling_h, self.width >> self.subsampling_w

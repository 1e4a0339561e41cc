"""What a user can ask of a tracker, checked once."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ArgumentError
from ..picture import PictureFormat
from ..settings import Settings
from .tracker import check_box
from .window import Box


@dataclass(frozen=True, kw_only=True)
class TrackSettings:
    """Arguments of `Track`.

    frame: number of the key frame, in which the object is boxed.
    left, top, width, height: the box, in pixels.
    grow: pixels by which the masks are grown, 0..64.
    sc_threshold: as in `Settings`.
    """

    frame: int
    left: int
    top: int
    width: int
    height: int
    grow: int = 0
    sc_threshold: float = Settings.sc_threshold

    def __post_init__(self) -> None:
        for name, high in (("grow", 64), ("sc_threshold", 1.0)):
            value = getattr(self, name)
            if not 0 <= value <= high:  # also refuses NaN
                raise ArgumentError(f"{name} must be 0 to {high}, passed {value}")

    @property
    def box(self) -> Box:
        return self.left, self.top, self.width, self.height

    def check(self, picture: PictureFormat, length: int) -> None:
        """Raises ArgumentError unless the key frame is one of `length`, else as `check_box`."""
        if not 0 <= self.frame < length:
            raise ArgumentError(f"frame must be 0 to {length - 1}, passed {self.frame}")
        check_box(picture, self.box)

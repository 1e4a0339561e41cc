"""What a user can ask of a detector, checked once."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ArgumentError
from ..picture import PictureFormat

KINDS = ("white",)


@dataclass(frozen=True, kw_only=True)
class DetectSettings:
    """Arguments of `Detect`.

    kind: what is looked for; "white": what is bright and has no colour, by each sample alone.
    sensitivity: 0..1, the higher, the more is marked.
    left, top, width, height: the part of the picture that is looked at, in pixels; 0 for width or height: as far as the
        picture goes.
    grow: pixels by which what was found is grown, 0..64.
    """

    kind: str = "white"
    sensitivity: float = 0.5
    left: int = 0
    top: int = 0
    width: int = 0
    height: int = 0
    grow: int = 1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ArgumentError(f"kind must be one of {', '.join(KINDS)}, passed {self.kind}")
        if not 0 <= self.sensitivity <= 1:  # also refuses NaN
            raise ArgumentError(f"sensitivity must be 0 to 1, passed {self.sensitivity}")
        if not 0 <= self.grow <= 64:
            raise ArgumentError(f"grow must be 0 to 64, passed {self.grow}")
        for name in ("left", "top", "width", "height"):
            if getattr(self, name) < 0:
                raise ArgumentError(f"{name} must be 0 or more, passed {getattr(self, name)}")

    def region(self, picture: PictureFormat) -> tuple[slice, slice]:
        """Rows and columns that are looked at. Raises ArgumentError where they reach out of the picture."""
        for start, size, most in (("top", "height", picture.height), ("left", "width", picture.width)):
            reach = getattr(self, start) + (getattr(self, size) or 1)
            if reach > most:
                raise ArgumentError(f"{start} + {size} must be at most the picture's {size}, passed {reach} and {most}")
        bottom, right = self.top + self.height if self.height else None, self.left + self.width if self.width else None
        return slice(self.top, bottom), slice(self.left, right)

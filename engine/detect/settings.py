"""What a user can ask of a detector, checked once."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ArgumentError
from ..picture import PictureFormat
from ..settings import PRECISIONS

#: Kinds that the network tells apart, in the order of its answer's channels.
LEARNED = ("osd", "logo", "subtitle", "moving")
KINDS = (*LEARNED, "any", "white")
#: The kind as which an overlay of `synth.overlays` is learned, and is to be found.
KIND_OF = {
    "telemetry": "osd", "telemetry-per-frame": "osd", "telemetry-systems": "osd", "timestamp": "osd",
    "viewfinder": "osd", "logo": "logo", "logo-transparent": "logo", "subtitles": "subtitle",
    "subtitles-styled": "subtitle", "moving": "moving", "flashing": "moving",
}  # fmt: skip
#: Frames of a block that is looked at together.
PERIOD = 64
#: Pixels by which a mask may miss an edge and still be right.
TOLERANCE = 2


@dataclass(frozen=True, kw_only=True)
class DetectSettings:
    """Arguments of `Detect`.

    kind: what is looked for, one or several of: "osd", telemetry and other character displays; "logo", what stands
        still; "subtitle"; "moving", marks that flash or wander; "any", all of these; "white", what is bright and has no
        colour, by each sample alone.
    sensitivity: 0..1, the higher, the more is marked.
    left, top, width, height: the part of the picture that is looked at, in pixels; 0 for width or height: as far as the
        picture goes.
    grow: pixels by which what was found is grown, 0..64.
    hold: frames to either side over which gaps of a mask are closed, 0..32; not for "white".
    model: "default", or the path of a detector's weights file; device and precision: as in `engine.settings`.
    """

    kind: tuple[str, ...] = ("osd",)
    sensitivity: float = 0.5
    left: int = 0
    top: int = 0
    width: int = 0
    height: int = 0
    grow: int = 1
    hold: int = 1
    model: str = "default"
    device: str = "auto"
    precision: str = "auto"

    def __post_init__(self) -> None:
        for kind in self.kind or ("",):
            if kind not in KINDS:
                raise ArgumentError(f"kind must be one of {', '.join(KINDS)}, passed {kind}")
        if not 0 <= self.sensitivity <= 1:  # also refuses NaN
            raise ArgumentError(f"sensitivity must be 0 to 1, passed {self.sensitivity}")
        for name, most in (("grow", 64), ("hold", 32)):
            if not 0 <= getattr(self, name) <= most:
                raise ArgumentError(f"{name} must be 0 to {most}, passed {getattr(self, name)}")
        for name in ("left", "top", "width", "height"):
            if getattr(self, name) < 0:
                raise ArgumentError(f"{name} must be 0 or more, passed {getattr(self, name)}")
        if self.precision not in PRECISIONS:
            raise ArgumentError(f"precision must be one of {', '.join(PRECISIONS)}, passed {self.precision}")

    @property
    def learned(self) -> tuple[str, ...]:
        """The kinds that the network is asked for."""
        return LEARNED if "any" in self.kind else tuple(kind for kind in LEARNED if kind in self.kind)

    def region(self, picture: PictureFormat) -> tuple[slice, slice]:
        """Rows and columns that are looked at. Raises ArgumentError where they reach out of the picture."""
        for start, size, most in (("top", "height", picture.height), ("left", "width", picture.width)):
            reach = getattr(self, start) + (getattr(self, size) or 1)
            if reach > most:
                raise ArgumentError(f"{start} + {size} must be at most the picture's {size}, passed {reach} and {most}")
        bottom, right = self.top + self.height if self.height else None, self.left + self.width if self.width else None
        return slice(self.top, bottom), slice(self.left, right)

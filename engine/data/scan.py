"""The first look at a video: for each frame its time, its brightness, and how far it is from the frame before.

The whole video is decoded once, at low resolution; what is kept is three numbers per frame.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from .. import motion, outputs
from ..cli.programs import find
from ..errors import PictureError
from . import decoder
from .process import Process
from .videos import Facts, Video
from .workers import tick

#: Luma is measured at no more than this many columns: cuts show there as well, at a fraction of the cost.
WIDTH = 480
_BASE = re.compile(rb"config in time_base: (\d+)/(\d+)")
_FRAME = re.compile(rb"\bn: *(\d+) +pts: *(-?\d+|NOPTS)")


@dataclass(frozen=True, kw_only=True)
class Scan:
    """Frames of one video. times: float64 [N], seconds from the file's start, NaN where it does not say;
    brightness: float32 [N], mean luma, 0..255 (black is 16); difference: float32 [N], mean absolute luma difference
    to the frame before, 0..1, and 0 for the first."""

    times: np.ndarray
    brightness: np.ndarray
    difference: np.ndarray

    FIELDS = ("times", "brightness", "difference")

    def save(self, path: Path) -> None:
        with outputs.whole(path) as beside, open(beside, "wb") as file:
            np.savez(file, **{name: getattr(self, name) for name in self.FIELDS})

    @classmethod
    def load(cls, path: Path) -> Scan:
        with np.load(path) as stored:
            return cls(**{name: stored[name] for name in cls.FIELDS})


@dataclass(frozen=True, kw_only=True)
class Job:
    """One video to scan as frames of `decoder.shape(facts, size)`, and where to keep the result."""

    video: Video
    facts: Facts
    size: decoder.Size | None
    target: Path


class Meter:
    """Measures frames one after the other."""

    def __init__(self) -> None:
        self.brightness: list[float] = []
        self.difference: list[float] = []
        self._before: motion.FlowInput | None = None

    def add(self, luma: np.ndarray) -> None:
        """luma: uint8 [H, W], at most `WIDTH` columns."""
        now = motion.prepare(luma, None, 255.0)
        self.brightness.append(float(luma.mean()))
        self.difference.append(motion.difference(self._before, now) if self._before is not None else 0.0)
        self._before = now


def reduced(width: int, height: int) -> decoder.Size:
    """(width, height) at which frames of a size are measured."""
    factor = max(1.0, width / WIDTH)
    return max(1, round(width / factor)), max(1, round(height / factor))


def shrunk(luma: np.ndarray) -> np.ndarray:
    """A frame's luma at the size at which it is measured."""
    size = reduced(luma.shape[1], luma.shape[0])
    return luma if size == luma.shape[::-1] else cv2.resize(luma, size, interpolation=cv2.INTER_AREA)


def keep(job: Job) -> int:
    """Scan a video and keep the result; returns its number of frames. Raises PictureError where none can be decoded."""
    made = scan(job.video.path, job.facts, job.size)
    made.save(job.target)
    return len(made.times)


def scan(path: Path, facts: Facts, size: decoder.Size | None) -> Scan:
    """Measure all frames of a video. Raises PictureError where none can be decoded."""
    width, height = reduced(*decoder.shape(facts, size))
    # Each frame's time comes as a line of `showinfo`; as ticks, since its seconds have but six digits.
    filters = (
        f"{decoder.geometry(facts, size)},scale={width}:{height}:flags=area,format=yuv420p,extractplanes=y,"
        "showinfo=checksum=0"
    )
    command = [
        *(find("ffmpeg"), "-v", "info", "-hide_banner", "-nostats", "-nostdin"),
        *(*decoder.opened(path, filters=filters), "-f", "rawvideo", "-"),
    ]
    meter = Meter()
    with Process(command) as ffmpeg:
        while len(raw := ffmpeg.stdout.read(width * height)) == width * height:
            meter.add(np.frombuffer(raw, np.uint8).reshape(height, width))
            tick()
        ffmpeg.end()
        if not meter.brightness:
            raise PictureError(f"ffmpeg can decode no frame of it: {ffmpeg.reason()}")
        times = _times(ffmpeg.said(), len(meter.brightness))
    return Scan(
        times=times,
        brightness=np.array(meter.brightness, np.float32),
        difference=np.array(meter.difference, np.float32),
    )


def _times(said: bytes, count: int) -> np.ndarray:
    """Times of `count` frames from what `showinfo` said."""
    times = np.full(count, np.nan)
    base = _BASE.search(said)
    if base is None:
        return times
    unit = int(base[1]) / int(base[2])
    for frame in _FRAME.finditer(said):
        number = int(frame[1])
        if number < count and frame[2] != b"NOPTS":
            times[number] = int(frame[2]) * unit
    return times

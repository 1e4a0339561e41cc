"""A virtual camera over a photograph: translation, rotation, zoom, tilt, rolling shutter and motion blur.

1. Poses are functions of continuous time: a row and a moment of the exposure have poses of their own.
2. The picture's middle moves at the drawn speed; turning, zoom and tilt move its edge no faster than that, so that a
   slow flight is slow everywhere.
3. The way is folded so that the view never leaves the photograph; one too small for that is mirrored at its border.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..errors import ArgumentError

#: Poses are tabled this often a frame and interpolated.
_FINE = 16
#: Focal length in picture widths: a wide lens of about 58 degrees.
_FOCAL = 0.9


@dataclass(frozen=True, kw_only=True)
class Flight:
    """Poses over time and how they are filmed.

    time: float64 [k], frames, evenly spaced; x, y: where the picture's middle looks at, pixels of the photograph;
    angle, pitch, yaw: radians; zoom: pixels of the photograph to one of the picture. readout: share of a frame's time
    from the first row to the last; shutter: share of a frame's time that a row is exposed, 0 for an instant.
    """

    width: int
    height: int
    time: np.ndarray
    x: np.ndarray
    y: np.ndarray
    angle: np.ndarray
    pitch: np.ndarray
    yaw: np.ndarray
    zoom: np.ndarray
    speed: float
    readout: float
    shutter: float

    def homographies(self, times: np.ndarray) -> np.ndarray:
        """float64 [n, 3, 3] from pixels of the picture to those of the photograph at `times`, frames."""
        x, y, angle, pitch, yaw, zoom = (
            np.interp(times, self.time, v) for v in (self.x, self.y, self.angle, self.pitch, self.yaw, self.zoom)
        )
        return _homographies(self.width, self.height, x, y, angle, pitch, yaw, zoom)

    def map(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        """Where each pixel looks at, the middle row at `time`: float32 columns and rows [height, width]."""
        rows = np.arange(self.height)
        m = self.homographies(time + self.readout * ((rows + 0.5) / self.height - 0.5))
        start = np.einsum("nij,nj->ni", m, np.stack([0 * rows, rows, 0 * rows + 1], 1)).astype(np.float32)
        step = m[:, :, 0].astype(np.float32)
        across = np.arange(self.width, dtype=np.float32)
        u, v, w = (start[:, i, None] + step[:, i, None] * across for i in range(3))
        return u / w, v / w


def _homographies(
    width: int,
    height: int,
    x: np.ndarray,
    y: np.ndarray,
    angle: np.ndarray,
    pitch: np.ndarray,
    yaw: np.ndarray,
    zoom: np.ndarray,
) -> np.ndarray:
    """A pinhole camera before a plane; a tilt turns about the picture's middle, which keeps looking at (x, y).

    A ray (X, Y, f) turned by R meets the plane where its third part says how far; what the middle's ray meets is the
    origin, and lies f away along that ray whatever the tilt.
    """
    f = _FOCAL * width
    c, s, cp, sp, cy, sy = np.cos(angle), np.sin(angle), np.cos(pitch), np.sin(pitch), np.cos(yaw), np.sin(yaw)
    # Yaw of pitch of roll, row by row: [n, 3, 3].
    r = np.array(
        [
            [cy * c + sy * sp * s, -cy * s + sy * sp * c, sy * cp],
            [cp * s, cp * c, -sp],
            [-sy * c + cy * sp * s, sy * s + cy * sp * c, cy * cp],
        ]
    ).transpose(2, 0, 1)
    depth = r[:, 2:, :]
    scale = (f * zoom)[:, None, None]
    plane = scale * (r[:, 2:, 2:] * r[:, :2] - r[:, :2, 2:] * depth)
    moved = plane + np.stack([x, y], 1)[:, :, None] * depth
    lens = np.array([[1, 0, -(width - 1) / 2], [0, 1, -(height - 1) / 2], [0, 0, f]])
    return np.concatenate([moved, depth], 1) @ lens


def flight(
    photo_width: int,
    photo_height: int,
    width: int,
    height: int,
    length: int,
    rng: np.random.Generator,
    speed: float | None = None,
    readout: float | None = None,
    shutter: float | None = None,
) -> Flight:
    """A way over a photograph of `length` frames. What is None is drawn:

    speed: pixels of the picture a frame, log-uniform 0.2..12; readout: 0 in two of five flights, else 0.2..0.95 (CMOS
    cameras read 8..30 ms of a 33 ms frame); shutter: 0 in two of five flights, else 0.1..0.9. The view spans 45..90 %
    of the photograph, less where it turns or tilts. Raises ArgumentError for less than 16x16 or no frame.
    """
    if min(width, height, photo_width, photo_height) < 16 or length < 1:
        raise ArgumentError(
            "a flight must have 1 frame and 16x16 pixels over 16x16 or more, "
            f"passed {length}, {width}x{height} over {photo_width}x{photo_height}"
        )
    drawn = np.exp(rng.uniform(np.log(0.2), np.log(12)))
    rolls, blurs = rng.uniform(0.2, 0.95) * (rng.random() < 0.6), rng.uniform(0.1, 0.9) * (rng.random() < 0.6)
    speed, readout = drawn if speed is None else speed, rolls if readout is None else readout
    shutter = blurs if shutter is None else shutter

    t = np.arange(-_FINE, (length + 1) * _FINE + 1) / _FINE

    def wave(most: float, edge: float) -> np.ndarray:
        """A slow wave of amplitude `most` at most, less where it would move the edge faster than rule 2 allows."""
        rate = rng.uniform(0.03, 0.2)
        return min(most, speed * rng.uniform(0.3, 1) / (rate * edge)) * np.sin(t * rate + rng.uniform(0, 6))

    half = width / 2
    angle = rng.uniform(-0.1, 0.1) + wave(0.12, half)
    # A tilt moves the edge by half a width over the focal length, squared, times that length.
    tilt = half * half / (_FOCAL * width)
    pitch, yaw = rng.uniform(-0.25, 0.25) + wave(0.15, tilt), rng.uniform(-0.25, 0.25) + wave(0.15, tilt)
    # A fast flight sees less at once: it would else turn back at the border every few frames.
    run = 12 * speed
    most = min(photo_width / (width + run), photo_height / (height + run))
    zoom = min(rng.uniform(0.45, 0.9) * min(photo_width / width, photo_height / height), most) * np.exp(wave(0.1, half))

    # What the view needs around its middle; a view larger than the photograph comes closer.
    corners = np.array([[0, 0, 1], [width - 1, 0, 1], [0, height - 1, 1], [width - 1, height - 1, 1]]).T
    seen = _homographies(width, height, 0 * t, 0 * t, angle, pitch, yaw, zoom) @ corners
    around = np.abs(seen[:, :2] / seen[:, 2:]).max((0, 2))
    # One pixel of the photograph is kept for the interpolation, on each side.
    room = np.array([photo_width - 1, photo_height - 1]) / 2 - 1
    closer = min(1.0, *(0.96 * room / around))
    zoom, margin = zoom * closer, around * closer + 1
    heading = rng.uniform(0, 2 * np.pi) + 0.4 * np.sin(t * rng.uniform(0.03, 0.2) + rng.uniform(0, 6))
    step = speed * zoom / _FINE
    start = rng.random(2)
    x, y = (
        folded(low + at * (high - low) + np.cumsum(step * turn), low, high)
        for low, high, at, turn in (
            (margin[0], photo_width - 1 - margin[0], start[0], np.cos(heading)),
            (margin[1], photo_height - 1 - margin[1], start[1], np.sin(heading)),
        )
    )
    return Flight(
        width=width, height=height, time=t, x=x, y=y, angle=angle, pitch=pitch, yaw=yaw, zoom=zoom,
        speed=float(speed), readout=float(readout), shutter=float(shutter),
    )  # fmt: skip


def folded(way: np.ndarray, low: float, high: float) -> np.ndarray:
    """The way, mirrored wherever it would leave low..high."""
    return high - np.abs((way - low) % (2 * (high - low)) - (high - low))


def fly(
    photo: np.ndarray,
    width: int,
    height: int,
    length: int,
    rng: np.random.Generator,
    speed: float | None = None,
    readout: float | None = None,
    shutter: float | None = None,
) -> Iterator[np.ndarray]:
    """Frames of a flight over a photograph: uint8 BGR [height, width, 3].

    photo: uint8 BGR [H, W, 3]. speed, readout, shutter: see `flight`, which also raises. Motion blur is the mean of the
    exposure in light, taken as the square of the code values (gamma 2, close to any camera's and quick): a lamp that
    passes leaves a bright trace, as it does on a sensor.
    """
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
        raise ArgumentError(f"a photograph must be uint8 [H, W, 3], passed {photo.dtype} {photo.shape}")
    way = flight(photo.shape[1], photo.shape[0], width, height, length, rng, speed, readout, shutter)
    photo, way = _reduced(photo, way)
    # A sample of the exposure for each pixel of motion: fewer would show as steps, more would not show.
    moments = int(np.clip(np.ceil(way.speed * way.shutter), 2, 12)) if way.shutter else 1
    for n in range(length):
        if moments == 1:
            yield _seen(photo, way, n)
            continue
        light = np.zeros((height, width, 3), np.float32)
        for k in range(moments):
            cv2.accumulateSquare(_seen(photo, way, n + way.shutter * ((k + 0.5) / moments - 0.5)), light)
        yield np.rint(np.sqrt(light / moments)).astype(np.uint8)


def _seen(photo: np.ndarray, way: Flight, time: float) -> np.ndarray:
    return cv2.remap(photo, *way.map(time), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def _reduced(photo: np.ndarray, way: Flight) -> tuple[np.ndarray, Flight]:
    """Photograph and way at the picture's scale: reading every third pixel of a large one would flicker."""
    shrink = float(way.zoom.min())
    if shrink <= 1:
        return photo, way
    size = max(16, round(photo.shape[1] / shrink)), max(16, round(photo.shape[0] / shrink))
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    # Pixel centres: (x + 0.5) * ratio - 0.5.
    across, down = size[0] / photo.shape[1], size[1] / photo.shape[0]
    return small, replace(
        way, x=(way.x + 0.5) * across - 0.5, y=(way.y + 0.5) * down - 0.5, zoom=way.zoom * min(across, down)
    )

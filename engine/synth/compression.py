"""Compression after the overlay: a recording carries rings around glyphs and colour beside them, and so must training.

1. As many frames come out as went in, in their order, of their size; levels do not move: samples go in and come out
   under the same name, and nothing on the way converts between full and limited range.
2. The same frames and settings give the same bytes: every step runs on one thread.
3. Nothing touches the disk: one ffmpeg encodes from pipe to pipe, then one decodes what the first wrote.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..cli.programs import find
from ..errors import ArgumentError, OsdcleanError, PictureError
from ..footage import joined, split
from ..picture import Planes

#: Coarsest and finest quality of each encoder: CRF of x264 and x265, quantiser of ffmpeg's MJPEG.
QUALITIES = {"x264": (0, 51), "x265": (0, 51), "mjpeg": (2, 31)}
_ENCODERS = {"x264": "libx264", "x265": "libx265", "mjpeg": "mjpeg"}
_PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium")
#: x265 takes no picture smaller than its blocks; all encoders get at least this, which costs next to nothing.
_LEAST = 64


@dataclass(frozen=True, kw_only=True)
class Compression:
    """How a recorder or a web site compresses.

    codec: x264, x265 or mjpeg. quality: see `QUALITIES`; higher is worse. preset, keyframe (frames between whole
    pictures), bframes (0..8): of x264 and x265.
    """

    codec: str
    quality: int
    preset: str = "superfast"
    keyframe: int = 60
    bframes: int = 0

    def __post_init__(self) -> None:
        if self.codec not in QUALITIES:
            raise ArgumentError(f"codec must be one of {', '.join(QUALITIES)}, passed {self.codec}")
        low, high = QUALITIES[self.codec]
        if not low <= self.quality <= high:
            raise ArgumentError(f"quality of {self.codec} must be {low} to {high}, passed {self.quality}")
        if self.preset not in _PRESETS:
            raise ArgumentError(f"preset must be one of {', '.join(_PRESETS)}, passed {self.preset}")
        if self.keyframe < 1 or not 0 <= self.bframes <= 8:
            raise ArgumentError(
                f"keyframe must be 1 or more and bframes 0 to 8, passed {self.keyframe}, {self.bframes}"
            )


def draw(rng: np.random.Generator) -> Compression:
    """Settings as recordings have them. Deterministic for the generator's state.

    Recorders in goggles (H.264; H.265 in newer ones): hardware that codes fast, without B-frames, a whole picture every
    half to four seconds, at 4..50 Mbit/s for 720p..1080p. Over our own scene at 720p a fast preset takes 10 Mbit/s at
    CRF 20 and 2.4 at 26; real pictures are noisier and need more at the same CRF: 16..31. Analog recorders: MJPEG of
    2.5..8 Mbit/s at 640x480, which that scene needs at quantisers 3..12. Uploads: web sites code slowly, with B-frames,
    whole pictures seconds apart, at 0.7..3 Mbit/s: CRF 22..34 (x265's scale lies about 2 higher for the same look).
    """
    kind = rng.choice(["goggles", "goggles265", "analog", "upload", "upload265"], p=[0.3, 0.12, 0.26, 0.2, 0.12])
    if kind == "analog":
        return Compression(codec="mjpeg", quality=int(rng.integers(3, 13)))
    late = 2 if "265" in kind else 0
    codec = "x265" if late else "x264"
    if kind.startswith("goggles"):
        return Compression(
            codec=codec,
            quality=int(rng.integers(16, 32)) + late,
            preset=_PRESETS[int(rng.integers(0, 3))],
            keyframe=int(rng.integers(15, 121)),
        )
    return Compression(
        codec=codec,
        quality=int(rng.integers(22, 35)) + late,
        # Slower presets hardly change what rings look like, and training waits for them.
        preset="fast" if late else "medium",
        keyframe=int(rng.integers(60, 251)),
        bframes=int(rng.integers(2, 5)),
    )


def compressed(frames: Sequence[Planes], fps: float | Fraction, how: Compression) -> list[Planes]:
    """8-bit YUV 4:2:0 frames (uint8 planes of one size) as they are after encoding and decoding (rules 1 to 3).

    Raises PictureError for planes of another kind, ArgumentError for a rate that is not positive, OsdcleanError
    (CommandError) where ffmpeg or the encoder is missing or fails.
    """
    if not fps > 0:
        raise ArgumentError(f"rate must be positive, passed {fps}")
    if not frames:
        return []
    height, width = frames[0][0].shape
    shapes = [(height, width), *[((height + 1) // 2, (width + 1) // 2)] * 2]
    for n, planes in enumerate(frames):
        if [p.shape for p in planes] != shapes or any(p.dtype != np.uint8 for p in planes):
            raise PictureError(
                f"frames must be 8-bit YUV 4:2:0 of {width}x{height}, frame {n} has planes "
                f"{', '.join(f'{p.dtype} {p.shape}' for p in planes)}"
            )
    w, h = (max(_LEAST, side + side % 2) for side in (width, height))
    padded = frames if (w, h) == (width, height) else [_padded(planes, w, h) for planes in frames]
    # JPEG is full range by its nature. Named so on both ends, samples pass as they are; named limited, ffmpeg would
    # stretch them on the way in and leave them stretched.
    layout = "yuvj420p" if how.codec == "mjpeg" else "yuv420p"
    raw = ["-f", "rawvideo", "-pix_fmt", layout]
    rate = Fraction(fps).limit_denominator(1001)
    stream = _piped(
        [*raw, "-s", f"{w}x{h}", "-r", f"{rate.numerator}/{rate.denominator}", "-i", "pipe:0", *_encoder(how),
         "-pix_fmt", layout, "-fps_mode", "passthrough", "-f", "nut", "pipe:1"],
        b"".join(joined(padded)), how,
    )  # fmt: skip
    back = _piped(
        ["-threads", "1", "-f", "nut", "-i", "pipe:0", "-fps_mode", "passthrough", *raw, "pipe:1"], stream, how
    )
    out = split(np.frombuffer(back, np.uint8), w, h)
    if len(out) != len(frames):
        raise OsdcleanError(f"{how.codec} must give back {len(frames)} frames, gave {len(out)}")
    ch, cw = shapes[1]
    return [(y[:height, :width], u[:ch, :cw], v[:ch, :cw]) for y, u, v in out]


def _padded(planes: Planes, width: int, height: int) -> Planes:
    """Planes continued by their last row and column: a black border would ring into the picture."""
    sizes = ((height, width), (height // 2, width // 2), (height // 2, width // 2))
    return tuple(
        np.pad(plane, ((0, h - plane.shape[0]), (0, w - plane.shape[1])), "edge")
        for plane, (h, w) in zip(planes, sizes, strict=True)
    )


def _encoder(how: Compression) -> list[str]:
    """Options of ffmpeg; `-threads 1` and, for x265, no pool: rule 2."""
    options = ["-c:v", _ENCODERS[how.codec], "-threads", "1"]
    if how.codec == "mjpeg":
        return [*options, "-q:v", str(how.quality)]
    options += ["-crf", str(how.quality), "-preset", how.preset, "-g", str(how.keyframe), "-bf", str(how.bframes)]
    if how.codec == "x265":
        options += ["-x265-params", "log-level=error:pools=none:frame-threads=1:wpp=0"]
    return options


def _piped(arguments: list[str], given: bytes, how: Compression) -> bytes:
    """What ffmpeg writes; both pipes are served at once, so that neither side waits for the other."""
    done = subprocess.run(
        [find("ffmpeg"), "-v", "error", "-nostdin", "-filter_threads", "1", *arguments],
        input=given, capture_output=True, check=False,
    )  # fmt: skip
    said = done.stderr.decode(errors="replace")
    if "Unknown encoder" in said:
        raise OsdcleanError(
            f"this ffmpeg has no encoder {_ENCODERS[how.codec]}; install one that has (Debian, Ubuntu: "
            "sudo apt install ffmpeg)"
        )
    if done.returncode or not done.stdout:
        raise OsdcleanError(f"ffmpeg cannot compress with {how.codec}: {said[-200:].strip() or 'it gave no reason'}")
    return done.stdout

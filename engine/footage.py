"""Footage: videos decoded to planes, 8-bit YUV 4:2:0, for training and measuring where no frame server is needed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np

from .cli.programs import find
from .errors import PictureError
from .picture import PictureFormat, Planes

#: Endings of video files, by which those in a folder are told from what else lies there.
VIDEO = {
    ".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp",
}  # fmt: skip


def videos(folder: Path, recursive: bool = True, without: Path | None = None) -> list[Path]:
    """The videos in a folder (recursive: and in all folders inside it), by name, without what is hidden.

    without: a folder to leave out, where results go.
    """
    found = [p for p in (folder.rglob if recursive else folder.glob)("*") if p.suffix.lower() in VIDEO and p.is_file()]
    found = [p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts)]
    if without is not None:
        found = [p for p in found if not p.resolve().is_relative_to(without.resolve())]
    return sorted(found)


def decoded(path: Path, frames: int | None) -> tuple[list[Planes], PictureFormat, Fraction]:
    """The first `frames` frames of a clip (all where None) as 8-bit YUV 4:2:0 of its own size. Raises
    PictureError."""
    if not path.is_file():
        raise PictureError(f"clip {path} does not exist; check its name")
    facts = subprocess.run(
        [find("ffprobe"), "-v", "error", "-select_streams", "v:0", "-show_entries",
         "stream=width,height,r_frame_rate", "-of", "json", f"file:{path}"],
        capture_output=True, check=False,
    )  # fmt: skip
    streams = json.loads(facts.stdout or b"{}").get("streams")
    if not streams:
        raise PictureError(f"clip {path} has no video that ffprobe can read: {facts.stderr.decode()[-200:].strip()}")
    width, height = int(streams[0]["width"]), int(streams[0]["height"])
    limit = ["-frames:v", str(frames)] if frames else []
    # Rotation and variable rate are left alone: frames are compared, not played.
    decoder = subprocess.run(
        [find("ffmpeg"), "-v", "error", "-nostdin", "-noautorotate", "-i", f"file:{path}", "-map", "0:v:0",
         "-fps_mode", "passthrough", *limit, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"],
        capture_output=True, check=False,
    )  # fmt: skip
    raw = np.frombuffer(decoder.stdout, np.uint8)
    truth = split(raw, width, height)
    if decoder.returncode or not truth:
        raise PictureError(f"clip {path} cannot be decoded by ffmpeg: {decoder.stderr.decode()[-200:].strip()}")
    picture = PictureFormat(
        family="YUV", floating=False, bits=8, width=width, height=height, subsampling_w=1, subsampling_h=1
    )
    return truth, picture, Fraction(streams[0]["r_frame_rate"])


def split(raw: np.ndarray, width: int, height: int) -> list[Planes]:
    """Planar 4:2:0 bytes as frames of planes (views)."""
    half = (height + 1) // 2, (width + 1) // 2
    sizes = [height * width, half[0] * half[1], half[0] * half[1]]
    count = len(raw) // sum(sizes)
    out = []
    for frame in raw[: count * sum(sizes)].reshape(count, -1):
        y, u, v = np.split(frame, np.cumsum(sizes)[:2])
        out.append((y.reshape(height, width), u.reshape(half), v.reshape(half)))
    return out


def joined(frames: Iterable[Planes]) -> Iterable[bytes]:
    """Frames as planar bytes, the inverse of `split`."""
    for planes in frames:
        for plane in planes:
            yield np.ascontiguousarray(plane).tobytes()

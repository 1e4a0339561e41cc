"""Decoding for datasets: any part of a video, upright, at the size asked for, one frame in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..cli.programs import find
from ..errors import ArgumentError, PictureError
from ..footage import split
from ..picture import Planes
from .process import Process
from .videos import Facts

Size = tuple[int, int]
#: Smaller pictures hold no overlay that can be read.
SMALLEST = 64


def check_size(size: Size) -> None:
    """Raise ArgumentError unless a size is of even numbers from SMALLEST on: 4:2:0 has a chroma sample for each two."""
    if min(size) < SMALLEST or size[0] % 2 or size[1] % 2:
        raise ArgumentError(f"size must be two even numbers of at least {SMALLEST}, passed {size[0]}x{size[1]}")


def shape(facts: Facts, size: Size | None) -> Size:
    """(width, height) of the frames that `geometry` makes: `size`, or the video's own cut to even numbers."""
    return size or (facts.width // 2 * 2, facts.height // 2 * 2)


def geometry(facts: Facts, size: Size | None, colours: str = "") -> str:
    """ffmpeg's filters from a video's frame to one of `shape`.

    With a size the picture is scaled, its aspect kept (that of its pixels counts), until it covers the size, and what
    sticks out is cut off evenly. colours: further arguments of the scaler.
    """
    if size is None:
        width, height = shape(facts, None)
        return f"crop={width}:{height}:0:0"
    width, height = size
    wide, high = f"max({width},2*ceil({height}*dar/2))", f"max({height},2*ceil({width}/dar/2))"
    return f"scale=w='{wide}':h='{high}':flags=bicubic+accurate_rnd{colours},crop={width}:{height},setsar=1"


def opened(path: Path, *, filters: str, seconds: float | None = None, threads: int = 0) -> list[str]:
    """ffmpeg's words for reading the frames of a video as they are stored, with their own times.

    seconds: the first frame that is not earlier comes first; None: the first of all. threads: of the
    decoder, 0 as many as ffmpeg likes.
    """
    seek = [] if seconds is None else ["-ss", f"{max(0.0, seconds):.6f}"]
    return [
        *("-threads", str(threads), *seek, "-i", f"file:{path}"),
        *("-map", "0:V:0", "-fps_mode", "passthrough", "-vf", filters),
    ]


def frames(
    path: Path, facts: Facts, size: Size | None, count: int, *, seconds: float | None = None, first: int = 0
) -> Iterator[Planes]:
    """`count` frames as planes Y [H, W], Cb and Cr [H/2, W/2], uint8 (8-bit YUV 4:2:0).

    seconds: where to begin (see `opened`); first: frames to leave out there, which are decoded all the same.
    Raises PictureError where there are fewer.
    """
    width, height = shape(facts, size)
    filters = geometry(facts, size)
    if first:
        filters = f"select='gte(n,{first})',{filters}"
    words = opened(path, filters=filters, seconds=seconds, threads=1)
    command = [
        *(find("ffmpeg"), "-v", "error", "-nostdin", *words),
        *("-frames:v", str(count), "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"),
    ]
    with Process(command) as decoder:
        for n in range(count):
            raw = decoder.stdout.read(width * height * 3 // 2)
            if len(raw) < width * height * 3 // 2:
                decoder.end()
                raise PictureError(f"ffmpeg decoded {n} frames of {count}: {decoder.reason()}")
            yield split(np.frombuffer(raw, np.uint8), width, height)[0]
